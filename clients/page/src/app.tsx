// Puts the page together: who one is, where one is, and what stands around it.

import { useEffect, useMemo, useState, type ReactNode } from 'react';
import { PresenceLabels } from 'pg-presence/components';
import { PresenceProvider, useRoomPresence, useUserPresence } from 'pg-presence/react';
import { Bar } from './bar';
import { Closed, Outsider, Waiting } from './blank';
import { persona } from './cast';
import { EventView } from './event';
import { Hood } from './hood';
import { Notice } from './notice';
import { useOwn, useSaying } from './own';
import { RoomView } from './room';
import { routeOf, useHash } from './route';
import type { RoomInfo } from './service';
import { tokenOf } from './service';
import { Sidebar } from './sidebar';
import { tap } from './tap';
import { Toasts } from './toasts';
import { usePhase } from './use-phase';
import { useRooms } from './use-rooms';
import { labels, nameOf } from './words';

export function App({ me }: { me: string }): ReactNode {
    const [send] = useState(() => tap(me));
    return (
        <PresenceLabels value={labels}>
            <PresenceProvider url="" getToken={({ force }) => tokenOf(me, force)} fetch={send}>
                <Page me={me} />
            </PresenceProvider>
        </PresenceLabels>
    );
}

function Page({ me }: { me: string }): ReactNode {
    const rooms = useRooms(me);
    const hash = useHash();
    const route = useMemo(() => routeOf(hash), [hash]);
    const phase = usePhase();
    const own = useOwn(me);
    const list = rooms.list ?? [];
    const info = route.kind === 'event' ? undefined : route.kind === 'room' ? list.find((one) => one.room_id === route.id) : list[0];
    const room = useRoomPresence(info?.room_id);
    useSaying(info?.room_id, own, room.status === 'ready');
    // Oneself may always be read: there is a connection wherever one is, also where there is no room.
    useUserPresence(me);

    const isGone = room.status === 'error' && room.error?.type === 'room-not-found';
    useEffect(() => {
        if (isGone) rooms.reload();
    }, [isGone, rooms.reload]);
    const place = info ? ` in ${info.name ?? info.room_id}` : '';
    useEffect(() => {
        document.title = `${persona(me).name}${place} · pg-presence`;
    }, [me, place]);

    const isOutside = rooms.list?.length === 0;
    const hoodRoom = info ?? list.find((one) => route.kind === 'event' && one.event_id === route.id) ?? list[0];
    return (
        <div className="page" data-phase={phase}>
            <SkipLink />
            <Bar me={me} phase={phase} own={own} info={info} room={room} isOutside={isOutside} />
            <div className="shell" data-outside={isOutside}>
                {!isOutside && <Sidebar rooms={rooms} route={route} currentId={info?.room_id} />}
                <main className="stage" id="main" tabIndex={-1}>
                    <Notice phase={phase} roomId={info?.room_id} error={room.error} isInvisible={own.status.status === 'invisible'} />
                    {!rooms.list ? <Waiting isFailed={rooms.isFailed} onRetry={rooms.reload} />
                        : isOutside ? <Outsider name={persona(me).name} />
                        : route.kind === 'event' ? <EventView key={route.id} id={route.id} me={me} rooms={list} />
                        : info && !isGone ? <RoomView key={info.room_id} me={me} info={info} room={room} />
                        : <Closed id={route.kind === 'room' ? route.id : ''} first={list[0]} />}
                </main>
            </div>
            <Toasts rooms={list} />
            {hoodRoom && <Hood me={me} roomId={hoodRoom.room_id} roomName={nameOfRoom(hoodRoom)} />}
        </div>
    );
}

export const nameOfRoom = (info: RoomInfo): string => nameOf({ user_id: info.room_id, name: info.name });

/** Moves the focus and leaves the address as it is, which says where one is. */
function SkipLink(): ReactNode {
    return (
        <a
            className="skip"
            href="#main"
            onClick={(event) => {
                event.preventDefault();
                document.getElementById('main')?.focus();
            }}
        >
            Skip to the room
        </a>
    );
}

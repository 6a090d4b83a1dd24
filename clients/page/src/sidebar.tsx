// The rooms that one may enter, by event, each with how many people are there.

import type { ReactNode } from 'react';
import { RoomBadge } from 'pg-presence/components';
import { useEventPresence, useRoomCounts } from 'pg-presence/react';
import { eventHref, roomHref, type Route } from './route';
import type { RoomInfo } from './service';
import type { Rooms } from './use-rooms';
import { capital } from './words';

export interface SidebarProps {
    rooms: Rooms;
    route: Route;
    currentId: string | undefined;
}

export function Sidebar({ rooms, route, currentId }: SidebarProps): ReactNode {
    const list = rooms.list ?? [];
    const { counts } = useRoomCounts(list.map((room) => room.room_id));
    const groups = Map.groupBy(list, (room) => room.event_id);
    return (
        <nav className="rooms" id="rooms" aria-label="Rooms">
            {!rooms.list && <div className="bones" aria-hidden="true"><i /><i /><i /></div>}
            {[...groups].map(([eventId, members]) => (
                <section className="event" key={eventId}>
                    {eventId === null
                        ? <h2 className="event-name">Rooms</h2>
                        : <EventLink id={eventId} isCurrent={route.kind === 'event' && route.id === eventId} />}
                    <ul>
                        {members.map((room) => (
                            <li key={room.room_id}>
                                <RoomLink room={room} isCurrent={room.room_id === currentId} count={counts[room.room_id] ?? room.online_count} />
                            </li>
                        ))}
                    </ul>
                </section>
            ))}
        </nav>
    );
}

/** The event's name leads to its dashboard. */
function EventLink({ id, isCurrent }: { id: string; isCurrent: boolean }): ReactNode {
    const { event } = useEventPresence(id);
    return (
        <h2 className="event-name">
            <a href={eventHref(id)} aria-current={isCurrent ? 'page' : undefined} data-event={id}>
                <span>{event?.name ?? capital(id)}</span>
                <span className="event-more">{event ? `${event.online_count} online` : 'Overview'}</span>
            </a>
        </h2>
    );
}

function RoomLink({ room, isCurrent, count }: { room: RoomInfo; isCurrent: boolean; count: number }): ReactNode {
    return (
        <a className="room" href={roomHref(room.room_id)} data-room={room.room_id} aria-current={isCurrent ? 'page' : undefined}>
            <span className="room-sign" aria-hidden="true">{room.kind === 'vendor' ? '◆' : '#'}</span>
            <span className="room-name">{room.name ?? room.room_id}</span>
            {room.kind === 'vendor' && <span className="unseen"> vendor room</span>}
            <RoomBadge count={count} showZero className="count" />
        </a>
    );
}

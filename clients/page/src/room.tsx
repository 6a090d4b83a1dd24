// A room: who is here above and what they are at, the conversation, and beside it the people.

import type { ReactNode } from 'react';
import { RoomPresence, Sparkline } from 'pg-presence/components';
import { useEventPresence, type RoomPresenceResult } from 'pg-presence/react';
import { Chat } from './chat';
import { drawFace } from './face';
import { Looking } from './looking';
import { Panel } from './panel';
import { eventHref } from './route';
import type { RoomInfo } from './service';
import { capital, peopleHere } from './words';

export interface RoomViewProps {
    me: string;
    info: RoomInfo;
    room: RoomPresenceResult;
}

export function RoomView({ me, info, room }: RoomViewProps): ReactNode {
    const { event } = useEventPresence(info.event_id);
    const isReady = room.status === 'ready';
    return (
        <div className="room-grid">
            <section className="room-view" id="room-view">
                <header className="room-head">
                    <div className="room-words">
                        <h1 id="room-title">{info.name ?? info.room_id}</h1>
                        <p id="room-meta">
                            {info.event_id && <a href={eventHref(info.event_id)}>{event?.name ?? capital(info.event_id)}</a>}
                            {info.kind === 'vendor' && <span className="tag">vendor room</span>}
                            {isReady && <span>{peopleHere(room.onlineCount)}</span>}
                        </p>
                    </div>
                    <Sparkline roomId={info.room_id} className="spark" />
                    <RoomPresence roomId={info.room_id} renderAvatar={drawFace} max={4} className="pile" />
                </header>
                {isReady && <Looking roomId={info.room_id} room={room} />}
                <Chat me={me} info={info} room={room} />
            </section>
            <Panel me={me} info={info} room={room} event={event} />
        </div>
    );
}

// "Vera is online", for a while, in the corner. It takes no focus and is not announced: the bell in the bar does that.

import { useCallback, useEffect, useState, type ReactNode } from 'react';
import type { PresenceNotification } from 'pg-presence';
import { useNotifications } from 'pg-presence/react';
import { Face } from './face';
import { roomHref } from './route';
import type { RoomInfo } from './service';
import { nameOf } from './words';

const SHOWN_MS = 8000;
const TOASTS_MAX = 3;

export function Toasts({ rooms }: { rooms: readonly RoomInfo[] }): ReactNode {
    const [toasts, setToasts] = useState<readonly PresenceNotification[]>([]);
    const { read } = useNotifications({ onArrive: (one) => setToasts((before) => [one, ...before].slice(0, TOASTS_MAX)) });
    const drop = useCallback((id: string) => setToasts((before) => before.filter((one) => one.id !== id)), []);
    return (
        <div className="toasts" id="toasts">
            {toasts.map((one) => (
                <Toast
                    key={one.id}
                    one={one}
                    room={rooms.find(({ room_id }) => room_id === one.room_id)}
                    onGone={(isRead) => {
                        drop(one.id);
                        if (isRead) void read([one.id]);
                    }}
                />
            ))}
        </div>
    );
}

function Toast({ one, room, onGone }: { one: PresenceNotification; room: RoomInfo | undefined; onGone: (isRead: boolean) => void }): ReactNode {
    const [isHeld, setHeld] = useState(false);
    useEffect(() => {
        if (isHeld) return;
        const timer = setTimeout(onGone, SHOWN_MS, false);
        return () => clearTimeout(timer);
        // Another onGone at each render is no reason to begin anew.
    }, [isHeld]);
    return (
        <div
            className="toast"
            role="group"
            aria-label="Notification"
            onPointerEnter={() => setHeld(true)}
            onPointerLeave={() => setHeld(false)}
            onFocus={() => setHeld(true)}
            onBlur={() => setHeld(false)}
        >
            <Face of={one} status="active" />
            <span className="absent-text">
                <span className="absent-name">{nameOf(one)} is online</span>
                {room && <span className="soft">in {room.name ?? room.room_id}</span>}
            </span>
            {room && <a className="button small" href={roomHref(room.room_id)} onClick={() => onGone(true)}>Open</a>}
            <button className="toast-close" type="button" aria-label="Dismiss" onClick={() => onGone(true)}>×</button>
        </div>
    );
}

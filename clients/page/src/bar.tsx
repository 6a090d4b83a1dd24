// The bar at the top: the connection, the next person one click away, one's status, what one was told of, who one is.

import type { ReactNode } from 'react';
import { NotificationBell, StatusPicker } from 'pg-presence/components';
import type { RoomPresenceResult } from 'pg-presence/react';
import { nextPersona, persona } from './cast';
import { Face, drawFace } from './face';
import { PersonaMenu } from './menus';
import type { Own } from './own';
import { roomHref } from './route';
import type { RoomInfo } from './service';
import type { LinkPhase } from './use-phase';

const LINK_TEXT: Record<LinkPhase, string> = {
    connecting: 'Connecting',
    live: 'Live',
    reconnecting: 'Reconnecting',
    degraded: 'Database away',
    ended: 'Signed out',
    offline: 'Offline',
};

export interface BarProps {
    me: string;
    phase: LinkPhase;
    own: Own;
    info: RoomInfo | undefined;
    room: RoomPresenceResult;
    isOutside: boolean;
}

export function Bar({ me, phase, own, info, room, isOutside }: BarProps): ReactNode {
    const mine = persona(me);
    const next = nextPersona(me, info?.room_id ?? null, (id) => room.presentUsers.some((member) => member.user_id === id));
    const seen = room.self?.status === 'typing' ? null : room.self?.status;
    return (
        <header className="bar">
            <a className="brand" href="/"><img src="/icon.svg" alt="" width="28" height="28" /><span>pg-presence</span></a>
            <p className="link" id="link" data-phase={phase}>
                <span className="link-dot" aria-hidden="true" /><span className="link-text">{LINK_TEXT[phase]}</span>
            </p>
            <div className="bar-end">
                <a
                    className="button"
                    id="second"
                    target="_blank"
                    rel="noopener"
                    href={`/?as=${encodeURIComponent(next.id)}${info ? roomHref(info.room_id) : ''}`}
                    title={`Opens a second tab as ${next.name}; put the two side by side`}
                >
                    <span>Open {next.name}</span> <span aria-hidden="true">↗</span>
                </a>
                {!isOutside && <StatusPicker className="own" seen={seen} {...(!own.isEverywhere && { value: own.status, onChange: own.say })} />}
                <NotificationBell className="inbox" renderAvatar={drawFace} onOpen={({ room_id }) => room_id && (location.hash = roomHref(room_id))} />
                <button className="button who" id="persona-button" type="button" popoverTarget="persona-menu">
                    <span className="unseen">You are </span>
                    <Face of={{ user_id: me, name: mine.name }} size="s" /><span className="who-name">{mine.name}</span>
                </button>
            </div>
            <PersonaMenu me={me} />
        </header>
    );
}

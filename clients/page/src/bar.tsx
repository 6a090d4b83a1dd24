// The bar at the top: the connection, the next person one click away, one's status, who one is.

import type { ReactNode } from 'react';
import { PresenceDot } from 'pg-presence/components';
import type { RoomPresenceResult } from 'pg-presence/react';
import { nextPersona, persona } from './cast';
import { Face } from './face';
import { PersonaMenu, StatusMenu } from './menus';
import type { Own } from './own';
import { roomHref } from './route';
import type { RoomInfo } from './service';
import type { LinkPhase } from './use-phase';
import { statusLabel } from './words';

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
    setOwn: (change: Partial<Own>) => void;
    info: RoomInfo | undefined;
    room: RoomPresenceResult;
    isOutside: boolean;
}

export function Bar({ me, phase, own, setOwn, info, room, isOutside }: BarProps): ReactNode {
    const mine = persona(me);
    const next = nextPersona(me, info?.room_id ?? null, (id) => room.presentUsers.some((member) => member.user_id === id));
    const shown = own.status === 'invisible' ? own.status : (room.self?.status ?? own.status);
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
                {!isOutside && (
                    <button className="button own" id="status-button" type="button" popoverTarget="status-menu" data-status={shown}>
                        <PresenceDot status={shown} decorative /><span className="unseen">Your status: </span>
                        <span className="own-text">{statusLabel(shown)}</span>
                    </button>
                )}
                <button className="button who" id="persona-button" type="button" popoverTarget="persona-menu">
                    <span className="unseen">You are </span>
                    <Face of={{ user_id: me, name: mine.name }} size="s" /><span className="who-name">{mine.name}</span>
                </button>
            </div>
            <StatusMenu own={own} setOwn={setOwn} />
            <PersonaMenu me={me} />
        </header>
    );
}

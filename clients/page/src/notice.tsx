// The one thing about one's own presence that most needs saying, above the room; it takes no space while there is none.

import { useEffect, useRef, type ReactNode } from 'react';
import type { PresenceError } from 'pg-presence';
import { ConnectionBanner } from 'pg-presence/components';
import { useConnection, usePresence } from 'pg-presence/react';
import type { LinkPhase } from './use-phase';

const OWN: Record<string, string> = {
    'too-many-sessions': 'You have this room open in too many tabs. Close one of them.',
    removed: 'Somebody removed you from this room.',
};

export interface NoticeProps {
    phase: LinkPhase;
    roomId: string | undefined;
    error: PresenceError | null;
    isInvisible: boolean;
}

export function Notice({ phase, roomId, error, isInvisible }: NoticeProps): ReactNode {
    const client = usePresence();
    const { lost } = useConnection();
    const release = useRef<() => void>(undefined);
    useEffect(() => () => release.current?.(), [roomId]);
    const isEnded = phase === 'ended';
    const isBanner = lost || isEnded || phase === 'degraded';
    const own = isBanner ? undefined : OWN[error?.type ?? ''];
    const calm = !isBanner && !own && isInvisible && roomId ? 'You are invisible: nobody sees you here, and you see everybody.' : '';
    const comeBack = (): void => {
        if (isEnded) return location.reload();
        release.current = client?.room(roomId!).join();
    };
    return (
        <div className="notice" id="notice" data-on={isBanner || Boolean(own) || calm !== ''} data-calm={calm !== ''}>
            <ConnectionBanner />
            <p role="status">{own ?? calm}</p>
            {(isEnded || own) && <button className="button small" type="button" onClick={comeBack}>Come back</button>}
        </div>
    );
}

// What one says about oneself on this page: the status for all rooms, kept by the service for every tab and device. A
// service that knows none (it answers 404) is told in the room where one is, and the tab remembers.

import { useCallback, useEffect, useRef, useState } from 'react';
import type { MyStatus, MyStatusChange } from 'pg-presence';
import { useMyStatus, usePresence, type Outcome } from 'pg-presence/react';

export interface Own {
    readonly status: MyStatus;
    readonly say: (change: MyStatusChange) => Outcome;
    /** The service keeps it. */
    readonly isEverywhere: boolean;
}

const NOTHING: MyStatus = { status: null, status_until: null, message: null };

const key = (me: string): string => `pg-presence.page.own.${me}`;

export function useOwn(me: string): Own {
    const everywhere = useMyStatus();
    const [kept, setKept] = useState<MyStatus>(() => {
        try {
            return { ...NOTHING, ...(JSON.parse(sessionStorage.getItem(key(me)) ?? '{}') as Partial<MyStatus>) };
        } catch {
            return NOTHING;
        }
    });
    const keep = useCallback(
        async ({ status_ttl_ms: ms, ...change }: MyStatusChange) => {
            setKept((before) => {
                const until = change.status === undefined ? before.status_until : ms ? new Date(Date.now() + ms).toISOString() : null;
                const after = { ...before, ...change, status_until: until };
                sessionStorage.setItem(key(me), JSON.stringify(after));
                return after;
            });
            return null;
        },
        [me],
    );
    return everywhere.error?.type === 'not-found'
        ? { status: kept, say: keep, isEverywhere: false }
        : { status: everywhere.myStatus, say: everywhere.setStatus, isEverywhere: true };
}

/** Says in the room where one is what one said last, where the service does not do that by itself. */
export function useSaying(roomId: string | undefined, { status: own, isEverywhere }: Own, isIn: boolean): void {
    const client = usePresence();
    const said = useRef(new Set<string>());
    useEffect(() => {
        if (!client || !roomId || isEverywhere) return;
        // Nothing to say where nothing was ever said.
        if (own === NOTHING && !said.current.has(roomId)) return;
        said.current.add(roomId);
        const leftMs = own.status_until ? Math.max(0, Date.parse(own.status_until) - Date.now()) : undefined;
        client.room(roomId).setStatus({ status: own.status ?? 'active', message: own.message, status_ttl_ms: leftMs }).catch(() => {
            // What keeps one out of the room is in its state.
        });
    }, [client, roomId, own, isEverywhere, isIn]);
}

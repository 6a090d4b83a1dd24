// How the connection is, in one word for the page: good news at once, bad news when it lasts.

import { useEffect, useState, useSyncExternalStore } from 'react';
import { useConnection } from 'pg-presence/react';

export type LinkPhase = 'connecting' | 'live' | 'reconnecting' | 'degraded' | 'ended' | 'offline';

/** A connection that is back sooner than this was never shown to be away. */
const PATIENCE_MS = 1200;

const PHASES: Record<ReturnType<typeof useConnection>['state'], LinkPhase> = {
    idle: 'connecting', connecting: 'connecting', open: 'live', reconnecting: 'reconnecting', degraded: 'degraded', closed: 'ended',
};

const subscribe = (changed: () => void): (() => void) => {
    const end = new AbortController();
    for (const name of ['online', 'offline']) addEventListener(name, changed, end);
    return () => end.abort();
};

export function usePhase(): LinkPhase {
    const now = PHASES[useConnection().state];
    const isOnline = useSyncExternalStore(subscribe, () => navigator.onLine);
    const [settled, settle] = useState<LinkPhase>('connecting');
    useEffect(() => {
        const isBad = now === 'reconnecting' || now === 'degraded' || now === 'connecting';
        const timer = setTimeout(settle, isBad ? PATIENCE_MS : 0, now);
        return () => clearTimeout(timer);
    }, [now]);
    return isOnline || settled === 'live' ? settled : 'offline';
}

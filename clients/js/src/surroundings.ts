// The browser and its clock, as the client uses them. Touches no global before it is called, and finds nothing on a
// server: creating a client there is harmless.

import type { Browser, Clock } from './types.js';

export const systemClock: Clock = {
    now: () => Date.now(),
    setTimeout: (run, ms) => setTimeout(run, ms),
    clearTimeout: (timer) => clearTimeout(timer as number),
    random: () => Math.random(),
};

export function thisBrowser(): Browser {
    if (typeof document === 'undefined') return { on: () => () => {}, isHidden: () => false };
    return {
        on(name, listener) {
            // These two are the document's, and not everywhere do they rise to the window.
            const target = name === 'visibilitychange' || name === 'resume' ? document : window;
            target.addEventListener(name, listener as EventListener, { passive: true });
            return () => target.removeEventListener(name, listener as EventListener);
        },
        isHidden: () => document.hidden,
        storage: storage(),
        // Only where a page is secure.
        locks: navigator.locks,
        channel: typeof BroadcastChannel === 'undefined' ? undefined : (name) => new BroadcastChannel(name),
        beacon: (url, body) => navigator.sendBeacon(url, body),
    };
}

/** Where cookies are blocked, looking at it throws. */
function storage(): Storage | undefined {
    try {
        return sessionStorage;
    } catch {
        return undefined;
    }
}

/** Takes what was kept out of the storage. */
export function take({ storage }: Browser, key: string): string | null {
    try {
        const kept = storage!.getItem(key);
        storage!.removeItem(key);
        return kept;
    } catch {
        // There is none, or it is forbidden.
        return null;
    }
}

export function put({ storage }: Browser, key: string, kept: string): void {
    try {
        storage?.setItem(key, kept);
    } catch {
        // Full or forbidden: the next page begins a new session.
    }
}

// The browser and its clock, as the client uses them. Touches no global before it is called, and finds nothing on a
// server: creating a client there is harmless.

import type { Browser, Clock } from './types.js';

export const systemClock: Clock = {
    now: () => Date.now(),
    setTimeout: (run, ms) => setTimeout(run, ms),
    clearTimeout: (timer) => clearTimeout(timer as number),
    random: () => Math.random(),
};

/** All of them pass the window on their way to whatever they are for; not all come back up to it. */
const ON_THE_WAY_DOWN = { capture: true, passive: true };

export function thisBrowser(): Browser {
    if (typeof document === 'undefined') return { on: () => () => {}, isHidden: () => false };
    return {
        on(name, listener) {
            addEventListener(name, listener as EventListener, ON_THE_WAY_DOWN);
            return () => removeEventListener(name, listener as EventListener, ON_THE_WAY_DOWN);
        },
        isHidden: () => document.hidden,
        storage: storage(),
        // Only where a page is secure. Whatever has locks has channels.
        locks: navigator.locks,
        channel: (name) => new BroadcastChannel(name),
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

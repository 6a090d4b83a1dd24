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

/** A uuid; `crypto.randomUUID` is only there where a page is secure. */
export function uuid(): string {
    return '10000000-1000-4000-8000-100000000000'.replace(/[018]/g, (digit) =>
        (+digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (+digit / 4)))).toString(16));
}

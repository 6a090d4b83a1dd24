// Who this tab is: a session id that a reload keeps and a duplicated tab does not share, with the numbers that order
// its heartbeats and leaves, and what the user said about himself in each room.
//
// What is kept lies in sessionStorage only while no page of the tab uses it: a page takes it out when it starts, whether
// or not it is in a room, and puts it back in `pagehide`. So a reload, the next page of the same tab, and a page that
// comes back from the back/forward cache go on with the id, while the copy of sessionStorage that a duplicated tab or a
// new window gets has none. No lock is needed, no wait, and no page can end with another one's id. After a crash there is
// none to take; the new id joins within the grace of the old one, so others see nothing either.

import type { Clock, StatusChange } from './types.js';

/** What was said in a room. */
export interface Wish extends Omit<StatusChange, 'status_ttl_ms'> {
    /** When `status` ends, by this computer's clock. */
    until?: number;
    /** What the service was told last: it may still go by that. */
    told?: string;
}

export interface Tab {
    /** '' until it is taken. */
    id(): string;
    /** A new id: the service refuses the old one. */
    renew(): void;
    /** It was accepted since this page began. */
    isProven: boolean;
    /** Grows with every call, over reloads too. */
    seq(): number;
    wish(room: string): Wish;
    /** The page begins, or comes back; `kept` is what the one before it put back. */
    take(kept: string | null): void;
    /** The page goes. For the next one. */
    put(): string;
}

export function createTab(clock: Clock): Tab {
    let id = '';
    let latest = 0;
    let wishes: Record<string, Wish> = {};

    const tab: Tab = {
        id: () => id,
        isProven: false,
        renew: () => void (id = uuid()),
        // By the clock, so that a page that never got to put its number back is not outnumbered by itself.
        seq: () => (latest = Math.max(latest + 1, clock.now())),
        wish: (room) => (wishes[room] ??= {}),
        take(kept) {
            tab.isProven = false;
            tab.renew();
            try {
                const [keptId, keptSeq, keptWishes] = JSON.parse(kept!);
                id = keptId;
                latest = keptSeq;
                wishes = { ...keptWishes, ...wishes };
            } catch {
                // Nothing was kept, or another page of this tab has it: the new id goes.
            }
        },
        put() {
            const kept = JSON.stringify([id, latest, wishes]);
            id = '';
            wishes = {};
            return kept;
        },
    };
    return tab;
}

/** Takes a change into what was said. */
export function remember(wish: Wish, { status_ttl_ms, ...change }: StatusChange, clock: Clock): void {
    if (change.status !== undefined) wish.until = status_ttl_ms === undefined ? undefined : clock.now() + status_ttl_ms;
    Object.assign(wish, change);
}

/** A uuid; `crypto.randomUUID` is only there where a page is secure. */
export function uuid(): string {
    return '10000000-1000-4000-8000-100000000000'.replace(/[018]/g, (digit) =>
        (+digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (+digit / 4)))).toString(16));
}

// Time that stands still until it is told to go on.

import type { Clock } from '../types.js';

export interface ManualClock extends Clock {
    /** Goes on, timer by timer, and lets everything happen that follows. */
    advance(ms: number): Promise<void>;
    /** How many timers are set. */
    pending(): number;
}

/** The real ones: a test may have replaced the global one by its own. */
const soon = globalThis.setTimeout;

/** Lets everything happen that waits for no time: promises, streams, messages, and what the client loads when it is first used. */
export async function settle(): Promise<void> {
    await Promise.allSettled([import('../session.js'), import('../share.js'), import('../beyond.js')]);
    for (let round = 0; round < 4; round++) {
        for (let turn = 0; turn < 25; turn++) await undefined;
        await new Promise((resolve) => soon(resolve, 0));
    }
}

/** Chance is `random`, always: half where absent. */
export function createManualClock({ now = Date.UTC(2026, 0, 1), random = 0.5 } = {}): ManualClock {
    const timers = new Map<number, { at: number; run: () => void }>();
    let latest = 0;
    return {
        now: () => now,
        random: () => random,
        setTimeout(run, ms) {
            timers.set(++latest, { at: now + Math.max(ms, 0), run });
            return latest;
        },
        clearTimeout: (timer) => void timers.delete(timer as number),
        pending: () => timers.size,
        async advance(ms) {
            const end = now + ms;
            await settle();
            for (;;) {
                const next = [...timers].filter(([, { at }]) => at <= end).sort(([a, x], [b, y]) => x.at - y.at || a - b)[0];
                if (!next) break;
                timers.delete(next[0]);
                now = next[1].at;
                next[1].run();
                await settle();
            }
            now = end;
        },
    };
}

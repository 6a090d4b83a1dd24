// How attentive somebody is who says nothing about it: `away` in a tab that has been hidden for 15 s, `idle` after
// 5 min without input, else `active`. Never offline: that is what leaving is for.

import type { Browser, Clock, PresenceOptions } from './types.js';

const AWAY_MS = 15_000;
const IDLE_MS = 300_000;
const INPUTS = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'];

export type Attentive = 'active' | 'idle' | 'away';

export interface Attention {
    status(): Attentive;
    stop(): void;
}

export function createAttention(
    browser: Browser,
    clock: Clock,
    { idleMs = IDLE_MS, awayMs = AWAY_MS }: PresenceOptions,
    onChange: () => void,
): Attention {
    let status: Attentive = 'active';
    let timer: unknown;
    let touchedAt = 0;

    const become = (now: Attentive): void => {
        if (status === now) return;
        status = now;
        onChange();
    };
    const later = (next: Attentive, ms: number): void => {
        clock.clearTimeout(timer);
        if (!ms) return;
        timer = clock.setTimeout(() => {
            // Pointers move often: one timer is set anew when it ends, not at each move.
            const leftMs = touchedAt + ms - clock.now();
            if (leftMs > 0) later(next, leftMs);
            else become(next);
        }, ms);
    };
    const look = (): void => {
        touchedAt = clock.now();
        if (browser.isHidden()) return later('away', awayMs);
        later('idle', idleMs);
        become('active');
    };
    const touch = (): void => {
        if (status === 'active') touchedAt = clock.now();
        else if (!browser.isHidden()) look();
    };

    const ends = [browser.on('visibilitychange', look), ...INPUTS.map((input) => browser.on(input, touch))];
    look();
    return {
        status: () => status,
        stop() {
            clock.clearTimeout(timer);
            for (const end of ends) end();
        },
    };
}

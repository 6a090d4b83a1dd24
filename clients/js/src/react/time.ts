// Times as people say them: "5 minutes ago". One timer for the whole page, and none while nobody looks at it.

import { useSyncExternalStore } from 'react';

/** Texts change at whole minutes; this is how late they may be. */
const TICK_MS = 10_000;

const MINUTE_MS = 60_000;

const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
    ['month', 43_800],
    ['day', 1440],
    ['hour', 60],
    ['minute', 1],
];

const watchers = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

const watch = (changed: () => void): (() => void) => {
    watchers.add(changed);
    timer ??= setInterval(() => watchers.forEach((each) => each()), TICK_MS);
    return () => {
        watchers.delete(changed);
        if (!watchers.size) timer = clearInterval(timer) as undefined;
    };
};

/**
 * "5 minutes ago", kept up; '' for no moment. Renders again only when the text is another one.
 * Below a minute, and for a moment ahead by a clock that is wrong, it is `justNow`.
 * On the server, and while hydrating, it is the day: two clocks would not agree on more.
 */
export function useTimeAgo(at: string | null | undefined, justNow = 'just now', locale?: string): string {
    return useSyncExternalStore(
        watch,
        () => {
            if (!at) return '';
            const past = (Date.now() - Date.parse(at)) / MINUTE_MS;
            const step = STEPS.find(([, minutes]) => past >= minutes);
            return step ? new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(-Math.floor(past / step[1]), step[0]) : justNow;
        },
        () => (at ? at.slice(0, 10) : ''),
    );
}

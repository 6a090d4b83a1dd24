// Where one is on the page, by the part of the address after `#`: a room's id, or `/events/` and an event's.
// An encoded id holds no slash, so the two are never mistaken for each other.

import { useSyncExternalStore } from 'react';

export type Route =
    | { readonly kind: 'start' }
    | { readonly kind: 'room'; readonly id: string }
    | { readonly kind: 'event'; readonly id: string };

const EVENTS = '/events/';

export const roomHref = (id: string): string => `#${encodeURIComponent(id)}`;
export const eventHref = (id: string): string => `#${EVENTS}${encodeURIComponent(id)}`;

function decoded(text: string): string {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}

export function routeOf(hash: string): Route {
    const text = hash.slice(1);
    if (text.startsWith(EVENTS)) return { kind: 'event', id: decoded(text.slice(EVENTS.length)) };
    return text === '' || text === 'main' ? { kind: 'start' } : { kind: 'room', id: decoded(text) };
}

const subscribe = (changed: () => void): (() => void) => {
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
};

export function useHash(): string {
    return useSyncExternalStore(subscribe, () => location.hash);
}

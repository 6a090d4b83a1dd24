// A service in memory, a clock moved by hand, and as many tabs as wanted.

import { createPresence, type Presence, type PresenceOptions, type Readable } from '../src/index.js';
import { createFakeBrowser, createFakeServer, createManualClock, type FakeServerOptions, type FakeTab } from '../src/testing/index.js';

export function world({ isPlain, random, ...options }: { isPlain?: boolean; random?: number } & Omit<FakeServerOptions, 'clock'> = {}) {
    const clock = createManualClock({ random });
    const server = createFakeServer({ clock, ...options });
    const browser = createFakeBrowser({ clock, fetch: server.fetch, isPlain });
    const asked: { force: boolean }[] = [];
    return {
        clock, server, browser, asked,
        /** A client of that user in that tab; a tab of its own where none is given. */
        client(user = 'alice', tab: FakeTab = browser.tab(), more: Partial<PresenceOptions> = {}): Presence {
            return createPresence({
                url: '',
                getToken: (how) => {
                    asked.push(how);
                    return server.token(user);
                },
                ...tab.options,
                ...more,
            });
        },
        /** What of this kind was asked of the service. */
        calls: (method: string, part = '') => server.requests.filter((request) => request.method === method && request.path.includes(part)),
        /** What others see in a room: each change as `+bob`, `-bob left`, `~bob away`. */
        async watch(room: string): Promise<string[]> {
            const seen: string[] = [];
            const response = await server.fetch(`/v1/stream?room=${room}`, { headers: { authorization: `Bearer ${server.token('watcher', 1e9)}` } });
            read(response.body!.getReader(), seen).catch(() => {});
            return seen;
        },
    };
}

async function read(reader: ReadableStreamDefaultReader<Uint8Array>, seen: string[]): Promise<void> {
    for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        for (const text of new TextDecoder().decode(value).matchAll(/event: diff[^]*?data: (.*)/g)) {
            const { joined, updated, left } = JSON.parse(text[1]);
            for (const { user_id } of joined) seen.push(`+${user_id}`);
            for (const { user_id, status } of updated) seen.push(`~${user_id} ${status}`);
            for (const { user_id, reason } of left) seen.push(`-${user_id} ${reason}`);
        }
    }
}

/** Subscribes, and keeps every state that was told. */
export function record<T>(readable: Readable<T>): { states: T[]; stop: () => void } {
    const states: T[] = [];
    const stop = readable.subscribe(() => states.push(readable.getSnapshot()));
    return { states, stop };
}

export const names = (members: readonly { user_id: string }[]): string[] => members.map(({ user_id }) => user_id);

/** What alice's streams asked for, in order. */
export const opened = (requests: { path: string; query: URLSearchParams; user: string }[]): string[] =>
    requests.filter(({ path, user }) => path === '/v1/stream' && user === 'alice').map(({ query }) => decodeURIComponent(query.toString()));

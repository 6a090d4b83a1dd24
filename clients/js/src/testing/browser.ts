// A browser of tabs that share locks, channels and nothing else, and that can be hidden, reloaded, duplicated, put into
// the back/forward cache, closed and killed.

import type { Browser, Clock, PresenceOptions } from '../types.js';

type Listener = (event: { persisted?: boolean }) => void;
type Port = ReturnType<NonNullable<Browser['channel']>>;

export interface FakeTab {
    /** To be spread into what `createPresence` is given. */
    readonly options: Pick<PresenceOptions, 'browser' | 'clock' | 'fetch'>;
    /** What was sent by beacon. */
    readonly beacons: { url: string; body: string }[];
    fire(name: string, event?: { persisted?: boolean }): void;
    hide(): void;
    show(): void;
    /** Another tab with a copy of this one's sessionStorage. */
    duplicate(): FakeTab;
    /** The next page in this tab. The client of this one is dead. */
    reload(): FakeTab;
    close(): void;
    /** Into the back/forward cache; `restore` brings it back. */
    stash(): void;
    restore(): void;
    /** As by SIGKILL: no `pagehide`. */
    crash(): void;
}

export interface FakeBrowser {
    tab(): FakeTab;
}

/** `isPlain`: without Web Locks and channels, as a page that is not secure. */
export function createFakeBrowser({ clock, fetch, isPlain = false }: { clock: Clock; fetch: typeof globalThis.fetch; isPlain?: boolean }): FakeBrowser {
    const ports = new Map<string, Set<Port>>();
    const locks = new Map<string, { run: () => Promise<void> }[]>();

    const grant = (name: string): void => {
        const [first] = locks.get(name)!;
        if (first) void first.run().finally(() => {
            locks.get(name)!.splice(locks.get(name)!.indexOf(first), 1);
            grant(name);
        });
    };

    const open = (kept: Map<string, string>): FakeTab => {
        const listeners = new Map<string, Set<Listener>>();
        const own = new Set<Port>();
        const held = new Set<() => void>();
        const calls = new Set<AbortController>();
        let isHidden = false;
        let isDead = false;

        const request = (name: string, { signal }: LockOptions, held_: () => unknown): Promise<void> =>
            new Promise((resolve, reject) => {
                const queue = locks.get(name) ?? [];
                locks.set(name, queue);
                const entry = {
                    run: () => {
                        isGranted = true;
                        const died = new Promise<void>((done) => held.add(done));
                        return Promise.race([Promise.resolve().then(held_), died]).then(() => resolve());
                    },
                };
                let isGranted = false;
                const cancel = (): void => {
                    if (isGranted || !queue.includes(entry)) return;
                    queue.splice(queue.indexOf(entry), 1);
                    reject(new DOMException('stopped', 'AbortError'));
                };
                signal?.addEventListener('abort', cancel);
                held.add(cancel);
                queue.push(entry);
                if (queue[0] === entry) queueMicrotask(() => queue[0] === entry && !isGranted && grant(name));
            });
        const channel = (name: string): Port => {
            const others = ports.get(name) ?? new Set<Port>();
            ports.set(name, others);
            const port: Port = {
                onmessage: null,
                postMessage(message) {
                    const data = structuredClone(message);
                    for (const other of others) {
                        if (other !== port) queueMicrotask(() => others.has(other) && other.onmessage?.call(other as never, { data } as MessageEvent));
                    }
                },
                close: () => void others.delete(port),
            };
            others.add(port);
            own.add(port);
            return port;
        };
        const fire = (name: string, event = {}): void => {
            for (const listener of [...(listeners.get(name) ?? [])]) listener(event);
        };
        const die = (): void => {
            isDead = true;
            for (const call of calls) call.abort();
            for (const port of own) port.close();
            for (const release of held) release();
        };
        const tab: FakeTab = {
            beacons: [],
            fire,
            options: {
                clock: { ...clock, setTimeout: (run, ms) => clock.setTimeout(() => isDead || run(), ms) },
                async fetch(input, init = {}) {
                    if (isDead) throw new TypeError('the page is gone');
                    const call = new AbortController();
                    // What is kept alive goes on without the page.
                    if (!init.keepalive) calls.add(call);
                    init.signal?.addEventListener('abort', () => call.abort());
                    return fetch(input, { ...init, signal: call.signal });
                },
                browser: {
                    on(name, listener) {
                        const known = listeners.get(name) ?? new Set();
                        listeners.set(name, known.add(listener));
                        return () => void known.delete(listener);
                    },
                    isHidden: () => isHidden,
                    storage: {
                        getItem: (key) => kept.get(key) ?? null,
                        setItem: (key, value) => void kept.set(key, value),
                        removeItem: (key) => void kept.delete(key),
                    },
                    locks: isPlain ? undefined : ({ request } as LockManager),
                    channel: isPlain ? undefined : channel,
                    beacon(url, body) {
                        tab.beacons.push({ url, body });
                        void fetch(url, { method: 'POST', body });
                        return true;
                    },
                },
            },
            hide() {
                isHidden = true;
                fire('visibilitychange');
            },
            show() {
                isHidden = false;
                fire('visibilitychange');
            },
            duplicate: () => open(new Map(kept)),
            reload() {
                tab.close();
                return open(kept);
            },
            close() {
                fire('pagehide', { persisted: false });
                die();
            },
            stash: () => fire('pagehide', { persisted: true }),
            restore: () => fire('pageshow', { persisted: true }),
            crash: die,
        };
        return tab;
    };
    return { tab: () => open(new Map()) };
}

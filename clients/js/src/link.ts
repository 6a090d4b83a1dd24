// One connection to the service: opened, read, watched, opened anew. Knows topics as a query and events as names.
//
//   idle ──update──► connecting ──ready──► open ◄──recovered── degraded
//                        ▲                   │  ──degraded──►
//                        │ backoff, wake     ▼ closed, stalled, bye
//                        └────────────── reconnecting           closed (401, 403: until wake or update)
//
// Where other topics are wanted, or the token ends, a second stream is opened and takes over when it says `ready`:
// the first one goes on until then, so that nothing is missed and nobody whose session it holds flickers. Each
// connection carries `base`, where its reading of each topic began: the first one may run ahead meanwhile.

import type { Api } from './api.js';
import { Problem, backoff, problemFrom } from './problem.js';
import { createParser } from './sse.js';
import type { Value } from './fold.js';
import type { Clock, ConnectionState, PresenceError } from './types.js';

/** From the call to `ready`. */
const CONNECT_MS_MAX = 10_000;
/** Nothing for two pings and this means that the connection is dead. */
const SLACK_MS = 2000;
/** A stream that lived this long starts the backoff anew. */
const STEADY_MS = 10_000;
/** A token renewed more often than this would make reconnecting the main business. */
const RENEW_MS_MIN = 10_000;

export interface Connection {
    readonly base: Map<string, Value | undefined>;
    /** The query without cursors: what it was opened for. */
    readonly asks: string;
    controller: AbortController;
    isDead?: boolean;
    /** It must be replaced though it asks for the same. */
    isStale?: boolean;
    openedAt: number;
    heardAt: number;
    quietMs: number;
    alarm?: unknown;
    renewal?: unknown;
}

export interface LinkHost {
    /** The query of a stream over all that is wanted ('' for nothing), and the same without cursors. */
    query(base: Connection['base']): { query: string; asks: string };
    onEvent(from: Connection, name: string, data: any, id: string): void;
    /** `waitMs`: when it is tried again. */
    onState(state: ConnectionState['state'], error?: PresenceError | null, waitMs?: number): void;
    /** 400, 404, 409. True: what is asked was changed, try at once. */
    onRefused(refused: Connection, problem: Problem): boolean;
    /** Not to come back. */
    onEnd(error: PresenceError): void;
}

export interface Link {
    /** What is wanted may have changed. At once: the timers of a hidden tab may be a minute late. */
    update(): void;
    /** What was read is not to be trusted: opens anew, a little later. */
    redo(ms: number): void;
    /** Somebody is looking: do not wait any longer, and trust no silent connection. */
    wake(): void;
    stop(): void;
}

export function createLink(api: Api, clock: Clock, host: LinkHost): Link {
    let current: Connection | undefined;
    let next: Connection | undefined;
    let redoing: unknown;
    let retry: unknown;
    let failures = 0;

    const kill = (connection?: Connection): void => {
        if (!connection) return;
        connection.isDead = true;
        clock.clearTimeout(connection.alarm);
        clock.clearTimeout(connection.renewal);
        connection.controller.abort();
        if (connection === current) current = undefined;
        if (connection === next) next = undefined;
    };
    const halt = (): void => {
        clock.clearTimeout(retry);
        retry = undefined;
    };
    const schedule = (ms: number): void => {
        halt();
        retry = clock.setTimeout(open, ms);
    };

    const open = (): void => {
        halt();
        const base: Connection['base'] = new Map();
        const { query, asks } = host.query(base);
        if (!query) {
            kill(next);
            kill(current);
            return host.onState('idle');
        }
        const latest = next ?? current;
        if (latest && !latest.isStale && latest.asks === asks) return;
        kill(next);
        const now = clock.now();
        const connection: Connection = (next = {
            base, asks, controller: new AbortController(), openedAt: 0, heardAt: now, quietMs: CONNECT_MS_MAX,
        });
        if (!current) host.onState('connecting');
        watch(connection);
        read(connection, query).catch((thrown) => ended(connection, problemFrom(thrown)));
    };

    const read = async (connection: Connection, query: string): Promise<void> => {
        const { body } = await api.call('GET', `/v1/stream?${query}`, { controller: connection.controller });
        const reader = body!.getReader();
        const decoder = new TextDecoder();
        const parse = createParser((name, text, id) => connection.isDead || take(connection, name, JSON.parse(text), id));
        while (!connection.isDead) {
            const { done, value } = await reader.read();
            if (done) throw new Problem('network', 0, 'the stream ended');
            connection.heardAt = clock.now();
            parse(decoder.decode(value, { stream: true }));
        }
    };

    const take = (connection: Connection, name: string, data: any, id: string): void => {
        if (name === 'ready') {
            kill(current);
            current = connection;
            next = undefined;
            connection.openedAt = clock.now();
            connection.quietMs = data.ping_ms * 2 + SLACK_MS;
            watch(connection);
            connection.renewal = clock.setTimeout(() => {
                api.expire();
                connection.isStale = true;
                open();
            }, Math.max(api.lifeMs(), RENEW_MS_MIN));
            host.onState('open');
        } else if (name === 'bye') {
            kill(connection);
            if (data.retry_ms === null) return host.onEnd(new Problem('logged-out'));
            if (data.reason === 'token-expired') api.expire();
            if (!next) schedule(data.retry_ms);
            host.onState('reconnecting', new Problem(data.reason), data.retry_ms);
        } else if (name === 'degraded') {
            host.onState(name);
        } else if (name === 'recovered') {
            host.onState('open');
        } else {
            host.onEvent(connection, name, data, id);
        }
    };

    const ended = (connection: Connection, problem: Problem): void => {
        if (connection.isDead) return;
        const wasCurrent = connection === current;
        kill(connection);
        if (wasCurrent && clock.now() - connection.openedAt > STEADY_MS) failures = 0;
        const { status } = problem;
        if (problem.type === 'user-changed') return host.onEnd(problem);
        if (status === 401 || status === 403) {
            kill(current);
            return host.onState('closed', problem);
        }
        if ([400, 404, 409].includes(status) && host.onRefused(connection, problem)) return open();
        const ms = backoff(clock, failures, problem);
        if (!next) {
            failures++;
            schedule(ms);
        }
        if (!current) host.onState('reconnecting', problem, ms);
    };

    const watch = (connection: Connection): void => {
        clock.clearTimeout(connection.alarm);
        connection.alarm = clock.setTimeout(() => isQuiet(connection) || watch(connection), connection.heardAt + connection.quietMs - clock.now());
    };
    const isQuiet = (connection: Connection): boolean => {
        if (clock.now() - connection.heardAt < connection.quietMs) return false;
        ended(connection, new Problem('network', 0, 'the stream is silent'));
        return true;
    };

    return {
        update: open,
        redo(ms) {
            redoing ??= clock.setTimeout(() => {
                redoing = undefined;
                if (current) current.isStale = true;
                open();
            }, ms);
        },
        wake() {
            if (current) isQuiet(current);
            if (!current && !next) open();
        },
        stop() {
            halt();
            clock.clearTimeout(redoing);
            kill(next);
            kill(current);
        },
    };
}

// Oneself in one room: heartbeats, typing, leaving. The stream holds the lease; heartbeats say what changed, and once a
// minute that somebody is still there.
//
// Whoever has nothing to say joins by the stream alone, in one call. Otherwise the first heartbeat joins with the whole
// state and the stream takes the lease over (`isLeased`) once it is answered: nobody sees a wrong state first.
// Calls go one after the other, each with the whole state and the next number; what changes meanwhile goes into the
// next one. Without a stream for a moment a heartbeat keeps the session, as it would for any client.
//
// Failures that pass are tried again. No access, a kick and too many sessions are the room's error; a logout ends the
// client; an id that was refused before it ever was accepted is replaced.

import type { Api } from './api.js';
import { Problem, backoff, isFinal, problemFrom } from './problem.js';
import { remember, type Tab, type Wish } from './tab.js';
import type { Clock, StatusChange } from './types.js';
import type { Heartbeat, Lease } from './wire.js';

const TYPING_REFRESH_MS = 3000;
const TYPING_IDLE_MS = 4000;
/** For a session that a stream holds; the service's answers say it from the first one on. */
const BEAT_MS = 60_000;
const JITTER = 0.2;
/** No stream by then: heartbeats have to do. Within the grace of a stream that closed. */
const ALONE_MS = 2000;
/** Somebody may have closed a tab. */
const AGAIN_MS = 30_000;
/** How often an id may be refused in a row. */
const RENEWED_MAX = 3;

/** What joining by a stream alone says. */
const DEFAULT = '{"status":"active"}';

export interface SessionHost {
    /** `active`, `idle` or `away`: what goes for who says nothing. */
    attention(): 'active' | 'idle' | 'away';
    /** The id, or what the stream is to hold, changed. */
    onLease(): void;
    onError(problem: Problem | null): void;
    onEnd(problem: Problem): void;
}

export interface Session {
    /** The stream is to hold it. */
    isLeased: boolean;
    /** It is known whether the stream is to hold it. */
    isSettled: boolean;
    /** Nothing more comes of it. */
    isOver: boolean;
    /** The service's permission to leave without a token, for a page that goes. */
    leaveToken: string;
    /** Sends what differs from what was told; in any case with `isForced`. */
    beat(isForced?: boolean): void;
    /** A stream holds it now. `isAnew`: the service may have forgotten what was told. */
    held(isAnew: boolean): void;
    /** The stream is gone. */
    alone(): void;
    /** The stream was refused for somebody's lease. */
    check(): void;
    say(change: StatusChange): Promise<void>;
    type(isTyping: boolean): void;
    leave(): Promise<void>;
    /** Says and does no more. */
    drop(): void;
    /** Put out: coming back unasked would be rude. */
    removed(): void;
}

export function createSession(room: string, api: Api, clock: Clock, tab: Tab, host: SessionHost): Session {
    const wish = tab.wish(room);
    let isBusy = false;
    let isDirty = false;
    let isTyping = false;
    let typedAt = 0;
    let typingTimer: unknown;
    let beatTimer: unknown;
    let failures = 0;
    let renewed = 0;
    /** The heartbeat under way: whoever leaves takes it back. */
    let calling: AbortController | undefined;
    const said = (): Wish => ({ status: wish.status, until: wish.until, message: wish.message, activity: wish.activity, data: wish.data });
    let accepted = said();
    let waiting: { resolve(): void; reject(problem: Problem): void }[] = [];

    const path = (): string => `/v1/rooms/${encodeURIComponent(room)}/sessions/${tab.id()}`;
    const later = (ms: number): void => {
        clock.clearTimeout(beatTimer);
        beatTimer = clock.setTimeout(() => session.beat(true), ms);
    };
    const jittered = (ms: number): number => ms * (1 - JITTER + 2 * JITTER * clock.random());
    const lease = (isLeased: boolean): void => {
        if (session.isLeased === isLeased && session.isSettled) return;
        session.isLeased = isLeased;
        session.isSettled = true;
        host.onLease();
    };

    /** The whole state, as it goes for now; `key` is the part that tells whether there is news. */
    const state = (): { body: Heartbeat; key: string } => {
        if (wish.until && wish.until <= clock.now()) wish.status = wish.until = undefined;
        const { status, until, message, activity, data } = wish;
        const body: Heartbeat = { status: !status || status === 'active' ? host.attention() : status, message, activity, data };
        const key = JSON.stringify({ ...body, until });
        if (until) body.status_ttl_ms = until - clock.now();
        if (isTyping) {
            body.status = 'typing';
            delete body.status_ttl_ms;
        }
        return { body, key };
    };

    const run = async (): Promise<void> => {
        isBusy = true;
        while (isDirty && !session.isOver) {
            isDirty = false;
            clock.clearTimeout(beatTimer);
            const asked = waiting;
            waiting = [];
            try {
                await put();
                for (const { resolve } of asked) resolve();
            } catch (thrown) {
                const problem = problemFrom(thrown);
                if (session.isOver) for (const { resolve } of asked) resolve();
                else if (failed(problem)) for (const { reject } of asked) reject(problem);
                else waiting.unshift(...asked);
            }
        }
        isBusy = false;
    };

    const put = async (): Promise<void> => {
        const { body, key } = state();
        const saying = said();
        const wasTyping = isTyping;
        calling = new AbortController();
        const response = await api.call('PUT', path(), { body: { ...body, seq: tab.seq() }, controller: calling });
        const answer: Lease = await response.json();
        if (session.isOver) return;
        failures = renewed = 0;
        tab.isProven = true;
        session.leaveToken = answer.leave_token;
        accepted = saying;
        // Typing leaves the status as it was.
        if (!wasTyping) wish.told = key;
        host.onError(null);
        later(jittered(answer.heartbeat_ms));
        lease(answer.status !== 'invisible');
    };

    /** True where it is given up: what was to be said will not be. */
    const failed = (problem: Problem): boolean => {
        const { type, status } = problem;
        const isRefused = type === 'session-ended' || type === 'stale-heartbeat';
        if (type === 'user-changed' || (type === 'session-ended' && tab.isProven)) {
            host.onEnd(type === 'user-changed' ? problem : new Problem('logged-out'));
        } else if (isRefused && renewed++ < RENEWED_MAX) {
            tab.renew();
            isDirty = true;
            host.onLease();
            return false;
        } else if (!isFinal(problem)) {
            later(backoff(clock, failures++, problem));
            lease(wish.status !== 'invisible');
            return false;
        } else if (status === 400) {
            // What was said cannot be said: back to what could.
            Object.assign(wish, accepted);
            later(backoff(clock, failures++, problem));
            lease(session.isLeased);
        } else {
            if (status === 404) session.drop();
            else later(AGAIN_MS);
            lease(false);
            host.onError(problem);
        }
        return true;
    };

    const session: Session = {
        isLeased: false,
        isSettled: false,
        isOver: false,
        leaveToken: '',
        beat(isForced = false) {
            if (session.isOver || (!isForced && state().key === wish.told)) return;
            isDirty = true;
            if (!isBusy) void run();
        },
        held(isAnew) {
            if (!session.isLeased) return;
            tab.isProven = true;
            if (isAnew) wish.told = DEFAULT;
            later(jittered(BEAT_MS));
            session.beat();
        },
        alone() {
            later(ALONE_MS * (0.5 + clock.random()));
        },
        check() {
            lease(false);
            session.beat(true);
        },
        say(change) {
            remember(wish, change, clock);
            if (wish.status === 'invisible') lease(false);
            if (session.isOver) return Promise.resolve();
            return new Promise((resolve, reject) => {
                waiting.push({ resolve, reject });
                session.beat(true);
            });
        },
        type(now) {
            if (session.isOver || wish.status === 'invisible') return;
            clock.clearTimeout(typingTimer);
            if (now) typingTimer = clock.setTimeout(() => session.type(false), TYPING_IDLE_MS);
            if (now ? isTyping && clock.now() - typedAt < TYPING_REFRESH_MS : !isTyping) return;
            isTyping = now;
            typedAt = clock.now();
            session.beat(true);
        },
        async leave() {
            if (session.isOver) return;
            session.drop();
            wish.told = undefined;
            // A leave that does not get through is made by the stream, which holds the session no longer.
            await api.call('DELETE', `${path()}?seq=${tab.seq()}`, { keepalive: true }).catch(() => {});
        },
        drop() {
            session.isOver = true;
            calling?.abort();
            for (const { resolve } of waiting.splice(0)) resolve();
            clock.clearTimeout(beatTimer);
            clock.clearTimeout(typingTimer);
        },
        removed() {
            session.drop();
            lease(false);
            host.onError(new Problem('removed'));
        },
    };

    // A session of a page before this one goes by what it was told then.
    wish.told ??= DEFAULT;
    if (state().key === DEFAULT && wish.told === DEFAULT) {
        session.isLeased = session.isSettled = true;
        session.alone();
    } else {
        session.beat(true);
    }
    return session;
}

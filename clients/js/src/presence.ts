// The client: counts who wants what, keeps the sessions of this tab, follows the life of the page.
//
// The life of a page, and what others see of it:
//
// - A page that is hidden, reloaded or closed aborts what it has open and sends no leave. A session that a stream of
//   this browser held has a grace of 5 s from then on: a page that is back by then was never away, and one that is
//   not has left, within a second more. So a reload shows nothing, and a closed tab is gone in time.
// - That holds for a tab whose session another tab's stream holds, too: it says that it goes, or its lock falls; the
//   leader opens its stream anew without that session, and the grace begins. If it was a reload the page wants its
//   session back, and the leader takes it in again.
// - A leader that goes lets its lock fall; the next tab opens a stream over all that the others want, within the grace.
// - Only a session that no stream holds (there is no connection right now) is left by a beacon: nothing else would end
//   it before its lease does.
// - A page in the back/forward cache is like a closed one, and begins anew when it comes back, from its cursors.

import { createApi } from './api.js';
import type { Attention } from './attention.js';
import { createEngine, type Engine } from './engine.js';
import type { BeyondParts } from './beyond.js';
import type { Value } from './fold.js';
import { Problem, backoff, isFinal, plain, problemFrom } from './problem.js';
import type { Session } from './session.js';
import { systemClock, thisBrowser } from './surroundings.js';
import { createTab, remember } from './tab.js';
import type { ConnectionState, Presence, PresenceError, PresenceOptions, Readable, Room } from './types.js';
import { countsView, eventView, readable, roomView, userView, type Source } from './views.js';
import type { RoomDiff } from './wire.js';

/** What is wanted within this time goes into one request. */
const BATCH_MS = 10;
/** A component that goes and comes again within this time never went. */
const LINGER_MS = 200;
/** No connection for so long is told to people. */
const LOST_MS = 5000;
/** What one's status, watches and notifications are until they are loaded: of each the fields of all. */
const NOTHING = {
    phase: 'idle', error: null, status: null, status_until: null, message: null, watches: [], notifications: [], unreadCount: 0, hasMore: false,
};

export function createPresence(options: PresenceOptions): Presence {
    const { url, clock = systemClock, browser = thisBrowser() } = options;
    const api = createApi(options, clock);
    const values = new Map<string, Value>();
    /** Who holds what: topics (`room=general`), and rooms to be in (`join=general`). */
    const holds = new Map<string, number>();
    const watchers = new Map<string, Set<() => void>>();
    const handles = new Map<string, unknown>();
    const sessions = new Map<string, Session>();
    const troubles = new Map<string, PresenceError>();
    /** Rooms that were left though somebody holds a join. */
    const left = new Set<string>();
    const tab = createTab(browser, clock);
    let engine: Engine | undefined;
    let beyond: BeyondParts | undefined;
    let loading: Promise<BeyondParts> | undefined;
    let own: typeof import('./session.js') | undefined;
    let opening: Promise<void> | undefined;
    let attention: Attention | undefined;
    let isRunning = false;
    let isClosed = false;
    let ended: PresenceError | null = null;
    let failures = 0;
    let batch: unknown;
    let retry: unknown;
    let losing: unknown;
    let ends: (() => void)[] = [];
    let pageEnds: (() => void)[] = [];
    let connection: ConnectionState = { state: 'idle', since: clock.now(), error: null, lost: false };

    const changed = (topic: string): void => {
        for (const run of watchers.get(topic) ?? []) run();
    };
    const connect = (change: Partial<ConnectionState>): void => {
        const isSame = change.state === undefined || change.state === connection.state;
        connection = { ...connection, ...change, since: isSame ? connection.since : clock.now() };
        changed('connection');
    };
    const isUp = (): boolean => connection.state === 'open' || connection.state === 'degraded';
    const onState = (state: ConnectionState['state'], error: PresenceError | null): void => {
        const wasUp = isUp();
        const isBack = connection.state === 'reconnecting';
        const isAway = state === 'connecting' || state === 'reconnecting';
        if (isAway) {
            losing ??= clock.setTimeout(() => connect({ lost: true }), LOST_MS);
        } else {
            clock.clearTimeout(losing);
            losing = undefined;
        }
        connect({ state, error, lost: isAway && connection.lost });
        if (isUp() === wasUp) return;
        for (const session of sessions.values()) {
            if (isUp()) session.held(isBack);
            else session.alone();
        }
    };

    const onValue = (topic: string, value: Value, before: Value | undefined, event?: [string, any]): void => {
        const room = topic.slice(5);
        const session = topic.startsWith('room=') && sessions.get(room);
        if (session) {
            if (value.error) session.drop();
            if (value.epoch && before?.epoch && value.epoch !== before.epoch) session.held(true);
            if (event?.[0] === 'diff') {
                for (const { user_id, reason } of (event[1] as RoomDiff).left) {
                    if (user_id !== api.user()) continue;
                    if (reason === 'removed') session.removed();
                    if (reason === 'expired' || reason === 'disconnected') session.beat(true);
                    // By no tab of this client: invisible, or left by the application. What goes now is asked.
                    if (reason === 'left' && session.isLeased) session.check();
                }
            }
        }
        changed(topic);
    };

    const hold = (topic: string): (() => void) => {
        holds.set(topic, (holds.get(topic) ?? 0) + 1);
        sync();
        changed(topic);
        let isHeld = true;
        return () => {
            if (!isHeld) return;
            isHeld = false;
            clock.setTimeout(() => {
                const rest = holds.get(topic)! - 1;
                if (rest) return void holds.set(topic, rest);
                holds.delete(topic);
                handles.delete(topic);
                sync();
                changed(topic);
            }, LINGER_MS);
        };
    };
    const sync = (): void => {
        batch ??= clock.setTimeout(() => {
            batch = undefined;
            if (isClosed) return;
            if (holds.size) start();
            else halt(true);
            apply();
        }, BATCH_MS);
    };
    const joined = (room: string): boolean => holds.has(`join=${room}`) && !left.has(room);

    /** Loads what it takes to be in a room. */
    const open = (): void => {
        opening ??= import('./session.js').then(
            (loaded) => {
                own = loaded;
                apply();
            },
            () => {
                opening = undefined;
                apply();
                clock.setTimeout(open, LOST_MS);
            },
        );
    };
    /** Brings sessions and the stream to what is held. */
    const apply = (): void => {
        if (!engine) return;
        for (const [room, session] of sessions) {
            if (joined(room)) continue;
            sessions.delete(room);
            void session.leave();
        }
        const topics = [...holds.keys()].filter((key) => !key.startsWith('join='));
        for (const key of holds.keys()) {
            const room = key.slice(5);
            if (!key.startsWith('join=') || !joined(room) || sessions.has(room)) continue;
            if (!own) continue;
            attention ??= own.createAttention(browser, clock, options, () => {
                for (const session of sessions.values()) session.beat();
            });
            sessions.set(room, own.createSession(room, api, clock, tab, {
                attention: () => attention!.status(),
                onLease: sync,
                onError: (problem) => trouble(room, problem),
                onEnd: end,
            }));
        }
        // A room whose first heartbeat is under way waits for it: the stream would join without what it says. So does one
        // whose session is being loaded; where that fails one sees the room at least.
        const isReady = (topic: string): boolean => {
            const session = sessions.get(topic.slice(5));
            return values.has(topic) || (session ? session.isSettled : !opening || !joined(topic.slice(5)));
        };
        engine.want({
            topics: topics.filter((topic) => !topic.startsWith('room=') || isReady(topic)),
            sessions: [...sessions].filter(([, { isLeased, isOver }]) => isLeased && !isOver).map(([room]) => `${tab.id()}@${room}`),
        });
    };
    const trouble = (room: string, problem: PresenceError | null): void => {
        if (problem) troubles.set(room, problem);
        else troubles.delete(room);
        changed(`room=${room}`);
    };

    const start = (): void => {
        if (isRunning || isClosed) return;
        isRunning = true;
        onState('connecting', connection.error);
        // A tab that cannot load what it takes to share has a stream of its own.
        const sharing = options.share !== false && browser.locks && browser.channel && import('./share.js').catch(() => undefined);
        Promise.all([api.identify(), sharing]).then(([user, loaded]) => {
            if (!isRunning || engine) return;
            failures = 0;
            const name = `pg-presence:${url}:${user}`;
            if (!tab.id()) tab.take(name);
            engine = createEngine(name, api, clock, browser, values, {
                onValue,
                onState,
                onCheck: () => sessions.forEach((session) => session.check()),
                onEnd: end,
                // Who has not loaded it wants none of it.
                onNote: (note) => beyond?.hear(note),
                // Who the user is must be known where tabs share.
            }, user && loaded ? loaded.createShare : undefined);
            ends = ['visibilitychange', 'resume', 'online'].map((name) => browser.on(name, look));
            if (!pageEnds.length) pageEnds = [browser.on('pagehide', hide), browser.on('pageshow', show)];
            apply();
        }, (thrown) => {
            if (!isRunning) return;
            isRunning = false;
            const problem = problemFrom(thrown);
            if (isFinal(problem)) return onState('closed', plain(problem));
            onState('reconnecting', plain(problem));
            retry = clock.setTimeout(sync, backoff(clock, failures++, problem));
        });
    };
    /** Lets go of everything but what is known and who this tab is; with `isIdle` of what is known, too. */
    const halt = (isIdle = false): void => {
        isRunning = false;
        clock.clearTimeout(retry);
        for (const stop of ends.splice(0)) stop();
        for (const session of sessions.values()) void (isIdle ? session.leave() : session.drop());
        sessions.clear();
        attention?.stop();
        attention = undefined;
        engine?.stop();
        engine = undefined;
        if (isIdle) values.clear();
        if (isIdle || connection.state !== 'closed') onState('idle', null);
    };
    const finish = (error: PresenceError, isLeaving = false): void => {
        if (isClosed) return;
        isClosed = true;
        ended = plain(error);
        halt(isLeaving);
        for (const stop of pageEnds) stop();
        onState('closed', ended);
        for (const topic of holds.keys()) changed(topic);
    };
    const end = (error: PresenceError): void => {
        finish(error);
        // Refused for a day, and nothing of another user's.
        tab.renew();
    };

    const wake = (): void => {
        engine?.wake();
        for (const session of sessions.values()) session.beat(true);
        sync();
    };
    const look = (): void => {
        if (!browser.isHidden()) return wake();
        for (const session of sessions.values()) session.type(false);
    };
    const hide = (): void => {
        const lines = [...sessions.values()]
            .filter(({ leaveToken, isLeased, isOver }) => leaveToken && !isOver && !(isLeased && isUp()))
            .map(({ leaveToken }) => `${leaveToken} ${tab.seq()}`);
        if (lines.length) browser.beacon?.(`${url}/v1/leave`, lines.join('\n'));
        tab.put();
        halt();
    };
    const show = ({ persisted }: { persisted?: boolean }): void => {
        if (persisted) sync();
    };

    const source: Source = {
        value: (topic) => values.get(topic),
        isHeld: (topic) => holds.has(topic),
        trouble: (room) => troubles.get(room),
        userId: api.user,
        ended: () => ended,
        listen(topics, run) {
            for (const topic of topics) watchers.set(topic, (watchers.get(topic) ?? new Set()).add(run));
            return () => {
                for (const topic of topics) {
                    const runs = watchers.get(topic)!;
                    runs.delete(run);
                    if (!runs.size) watchers.delete(topic);
                }
            };
        },
        hold,
    };
    const handle = <H>(key: string, make: () => H): H => {
        if (!handles.has(key)) handles.set(key, make());
        return handles.get(key) as H;
    };
    const room = (id: string): Room => ({
        id,
        ...roomView(source, id),
        join() {
            left.delete(id);
            open();
            if (sessions.get(id)?.isOver) {
                sessions.delete(id);
                trouble(id, null);
            }
            const releases = [hold(`room=${id}`), hold(`join=${id}`)];
            return () => releases.forEach((release) => release());
        },
        observe: () => hold(`room=${id}`),
        async setStatus(change) {
            const session = sessions.get(id);
            if (session) await session.say(change);
            else remember(tab.wish(id), change, clock);
        },
        setTyping: (isTyping) => sessions.get(id)?.type(isTyping),
        async leave() {
            left.add(id);
            const session = sessions.get(id);
            sessions.delete(id);
            sync();
            await session?.leave();
        },
    });
    const load = (): Promise<BeyondParts> =>
        (loading ??= import('./beyond.js').then(
            ({ createBeyond }) => (beyond = createBeyond({
                presence, clock, finish: end, say: (...said) => engine?.say(...said),
                async call(...asked) {
                    if (ended) throw new Problem(ended.type);
                    return api.call(...asked);
                },
            })),
            (thrown) => {
                loading = undefined;
                throw problemFrom(thrown);
            },
        ));
    const later = (name: keyof BeyondParts): any => async (...said: unknown[]) => ((await load())[name] as any)(...said);
    const kept = (name: 'myStatus' | 'watches' | 'notifications'): Readable<any> => ({
        subscribe(listener) {
            let stop: (() => void) | undefined;
            let isOver = false;
            const open = (): void => void load().then(
                (loaded) => {
                    if (isOver) return;
                    stop = loaded[name].subscribe(listener);
                    listener();
                },
                () => isOver || clock.setTimeout(open, LOST_MS),
            );
            open();
            return () => {
                isOver = true;
                stop?.();
            };
        },
        getSnapshot: () => beyond?.[name].getSnapshot() ?? NOTHING,
    });
    const presence: Presence = {
        room: (id) => handle(`room=${id}`, () => room(id)),
        user: (id) => handle(`user=${id}`, () => userView(source, id)),
        event: (id) => handle(`event=${id}`, () => eventView(source, id)),
        counts: (ids) => countsView(source, ids),
        connection: readable(source, ['connection'], false, () => connection),
        get userId() {
            return api.user();
        },
        wake,
        close: () => finish(new Problem('closed'), true),
        myStatus: kept('myStatus'),
        watches: kept('watches'),
        notifications: { ...kept('notifications'), read: later('read'), more: later('more') },
        setStatus: later('setStatus'),
        watch: later('watch'),
        unwatch: later('unwatch'),
        activities: later('activities'),
        roomHistory: later('roomHistory'),
        eventHistory: later('eventHistory'),
        visits: later('visits'),
        signOut: later('signOut'),
    };
    return presence;
}

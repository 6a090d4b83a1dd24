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
import { createEngine, type Engine, type EngineHost } from './engine.js';
import type { BeyondParts } from './beyond.js';
import type { Value } from './fold.js';
import { Problem, backoff, isFinal, plain, problemFrom } from './problem.js';
import type { Sessions } from './session.js';
import { put, systemClock, take, thisBrowser } from './surroundings.js';
import type { ConnectionState, EventState, Presence, PresenceError, PresenceOptions, Readable, Room, UserState } from './types.js';
import { countsView, readable, roomView, wholeView, type Source } from './views.js';

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
/** What is loaded when it is first called. */
const LATER = ['setStatus', 'watch', 'unwatch', 'activities', 'roomHistory', 'eventHistory', 'visits', 'signOut'] as const;

export function createPresence(options: PresenceOptions): Presence {
    const { url, clock = systemClock, browser = thisBrowser() } = options;
    const api = createApi(options, clock);
    const values = new Map<string, Value>();
    /** By topic, how many see it, and how many are in the room. */
    const holds = new Map<string, number>();
    const joins = new Map<string, number>();
    const watchers = new Map<() => void, readonly string[]>();
    const handles = new Map<string, unknown>();
    /** Rooms that were left though somebody holds a join. */
    const left = new Set<string>();
    let engine: Engine | undefined;
    let beyond: BeyondParts | undefined;
    let loading: Promise<BeyondParts> | undefined;
    let sessions: Sessions | undefined;
    let opening: Promise<void> | undefined;
    /** What was said of rooms before there were sessions. */
    const early: ((sessions: Sessions) => void)[] = [];
    /** Where this page puts back what it took, when it goes; '' where it has taken nothing. */
    let key = '';
    let pocket: string | null;
    let isRunning = false;
    let ended: PresenceError | null = null;
    let failures = 0;
    let batch: unknown;
    let retry: unknown;
    let losing: unknown;
    let ends: (() => void)[] = [];
    let connection: ConnectionState = { state: 'idle', since: clock.now(), error: null, lost: false };

    const changed = (topic: string): void => {
        for (const [run, topics] of watchers) if (topics.includes(topic)) run();
    };
    const connect = (state: ConnectionState['state'], error: PresenceError | null, lost: boolean): void => {
        connection = { state, since: state === connection.state ? connection.since : clock.now(), error: error && plain(error), lost };
        changed('connection');
    };
    const isUp = (): boolean => connection.state === 'open' || connection.state === 'degraded';
    const onState = (state: ConnectionState['state'], error: PresenceError | null = null): void => {
        const wasUp = isUp();
        const isBack = connection.state === 'reconnecting';
        const isAway = state.endsWith('connecting');
        if (isAway) {
            losing ??= clock.setTimeout(() => connect(connection.state, connection.error, true), LOST_MS);
        } else {
            clock.clearTimeout(losing);
            losing = undefined;
        }
        connect(state, error, isAway && connection.lost);
        if (isUp() !== wasUp) sessions?.turn(!wasUp, isBack);
    };

    const hold = (topic: string, counts = holds): (() => void) => {
        counts.set(topic, (counts.get(topic) ?? 0) + 1);
        sync();
        changed(topic);
        let isHeld = true;
        return () => {
            if (!isHeld) return;
            isHeld = false;
            clock.setTimeout(() => {
                const rest = counts.get(topic)! - 1;
                if (rest) return void counts.set(topic, rest);
                counts.delete(topic);
                if (!holds.has(topic)) handles.delete(topic);
                sync();
                changed(topic);
            }, LINGER_MS);
        };
    };
    const sync = (): void => {
        batch ??= clock.setTimeout(() => {
            batch = undefined;
            if (ended) return;
            if (holds.size) start();
            else halt(true);
            apply();
        }, BATCH_MS);
    };

    /** Loads what it takes to be in a room. */
    const open = (): void => {
        opening ??= import('./session.js').then(
            ({ createSessions }) => {
                sessions = createSessions(options, api, { browser, clock, changed, sync, finish });
                if (key) sessions.take(pocket);
                for (const run of early) run(sessions);
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
        const rooms = [...joins.keys()].filter((topic) => !left.has(topic));
        sessions?.bring(rooms);
        // A room whose first heartbeat is under way waits for it: the stream would join without what it says. So does one
        // whose session is being loaded; where that fails one sees the room at least.
        const isReady = (topic: string): boolean => (sessions ? sessions.isReady(topic) : !opening || !rooms.includes(topic));
        engine.bring({
            topics: [...holds.keys()].filter((topic) => values.has(topic) || isReady(topic)),
            sessions: sessions?.leases() ?? [],
        });
    };

    const start = (): void => {
        if (isRunning) return;
        isRunning = true;
        onState('connecting', connection.error);
        // A tab that cannot load what it takes to share has a stream of its own.
        const sharing = options.share !== false && browser.locks && browser.channel && import('./share.js').catch(() => undefined);
        Promise.all([api.identify(), sharing]).then(([user, loaded]) => {
            if (!isRunning || engine) return;
            failures = 0;
            const name = `pg-presence:${url}:${user}`;
            if (!key) {
                key = name;
                pocket = take(browser, key);
                sessions?.take(pocket);
            }
            const host: EngineHost = {
                onValue(topic, value, before, event) {
                    sessions?.hear(topic, value, before, event);
                    changed(topic);
                },
                onState(now, error) {
                    const { state } = connection;
                    if (now !== 'connecting' || state === 'idle' || state === now) onState(now, error);
                    else onState('reconnecting', connection.error);
                },
                onCheck: () => sessions?.check(),
                onEnd: finish,
                // Who has not loaded it wants none of it.
                onNote: (note) => beyond?.hear(note),
            };
            const make = (of: EngineHost): Engine => createEngine(api, clock, values, of);
            // Who the user is must be known where tabs share.
            engine = user && loaded ? loaded.createShare({ name, browser, clock, values, host, shown: () => connection, make }) : make(host);
            if (!ends.length) {
                ends = ['visibilitychange', 'resume', 'online'].map((sign) => browser.on(sign, look));
                ends.push(browser.on('pagehide', hide), browser.on('pageshow', show));
            }
            apply();
        }, (thrown) => {
            if (!isRunning) return;
            isRunning = false;
            const problem = problemFrom(thrown);
            if (isFinal(problem)) return onState('closed', problem);
            onState('reconnecting', problem);
            retry = clock.setTimeout(sync, backoff(clock, failures++, problem));
        });
    };
    /** Lets go of everything but what is known and who this tab is; with `isIdle` of what is known, too. */
    const halt = (isIdle?: boolean): void => {
        isRunning = false;
        clock.clearTimeout(retry);
        sessions?.stop(isIdle);
        engine?.stop();
        engine = undefined;
        if (isIdle) values.clear();
        if (isIdle || connection.state !== 'closed') onState('idle');
    };
    const finish = (error: PresenceError, isLeaving?: boolean): void => {
        if (ended) return;
        ended = plain(error);
        halt(isLeaving);
        for (const stop of ends) stop();
        onState('closed', ended);
        for (const run of watchers.keys()) run();
    };

    const wake = (): void => {
        engine?.wake();
        sessions?.beat();
        sync();
    };
    const look = (): void => {
        if (browser.isHidden()) sessions?.blur();
        else wake();
    };
    const hide = (): void => {
        if (sessions) pocket = sessions.put(isUp());
        if (key && pocket) put(browser, key, pocket);
        key = '';
        halt();
    };
    const show = ({ persisted }: { persisted?: boolean }): void => {
        if (persisted) sync();
    };

    const source: Source = {
        values,
        holds,
        trouble: (topic) => sessions?.trouble(topic),
        userId: api.user,
        ended: () => ended,
        listen(topics, run) {
            watchers.set(run, topics);
            return () => watchers.delete(run);
        },
        hold: (topic) => hold(topic),
    };
    const handle = <H>(topic: string, make: (topic: string) => H): H => {
        if (!handles.has(topic)) handles.set(topic, make(topic));
        return handles.get(topic) as H;
    };
    const room = (id: string, topic: string): Room => ({
        id,
        ...roomView(source, id, topic),
        join() {
            left.delete(topic);
            open();
            sessions?.join(topic);
            const unsee = hold(topic);
            const leave = hold(topic, joins);
            return () => {
                unsee();
                leave();
            };
        },
        observe: () => hold(topic),
        async setStatus(change) {
            if (sessions) return sessions.say(topic, change);
            early.push((loaded) => loaded.say(topic, change));
            open();
        },
        setTyping: (isTyping) => sessions?.type(topic, isTyping),
        async leave() {
            left.add(topic);
            sync();
            await sessions?.leave(topic);
        },
    });
    const load = (): Promise<BeyondParts> =>
        (loading ??= import('./beyond.js').then(
            ({ createBeyond }) => (beyond = createBeyond({
                presence, clock, finish, say: (...said) => engine?.say?.(...said),
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
        room: (id) => handle(`room=${id}`, (topic) => room(id, topic)),
        user: (id) => handle(`user=${id}`, (topic) => wholeView<UserState>(source, 'user', id, topic)),
        event: (id) => handle(`event=${id}`, (topic) => wholeView<EventState>(source, 'event', id, topic)),
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
        ...Object.fromEntries(LATER.map((name) => [name, later(name)])) as Pick<Presence, typeof LATER[number]>,
    };
    return presence;
}

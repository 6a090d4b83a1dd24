// Beyond rooms: one's own status for all of them, whom one watches, notifications, history, logging out. Loaded when it
// is first used; whoever has rooms alone never pays for it.
//
// Three things are kept up while somebody subscribes to them: read once, again whenever the connection is back, and
// where another tab of this browser changed them. Notifications come by the stream, too: then there is one, though no
// room is wanted. Two streams during a change-over may both tell of one; by its id it is heard once. What one seems to be
// comes by the same stream: where it is not what one said, that was said on another device, and is read again.
//
// The service answers 404 to what it has not: that is an error like any other, and asked again of the next connection.

import type { Api } from './api.js';
import { reuse } from './fold.js';
import { Problem, backoff, isFinal, plain, problemFrom } from './problem.js';
import type {
    Beyond, Clock, MyStatusState, Notifications, NotificationsState, Phase, Presence, PresenceError, Readable, VisitQuery, WatchesState,
} from './types.js';
import type { ActivityCount, MyStatus, NotificationPage, PresenceNotification, Watch } from './wire.js';

/** A status is asked about so long after its end, by this computer's clock, and no sooner than that. */
const PAST_MS = 1000;
/** Until the stream says that one is logged out, and tells all tabs. */
const BYE_MS = 2000;
/** Timers hold no more. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export interface BeyondHost {
    presence: Presence;
    call: Api['call'];
    clock: Clock;
    /** To the other tabs. `isMoved`: whether one is to be seen changed, each says again where it is. */
    say(note: Note, isMoved: boolean): void;
    finish(error: PresenceError): void;
}

/** From the stream, or from another tab: an event's name and data, or the name of what changed. */
export type Note = readonly [name: string, data?: unknown];

/** `read` and `more` are the notifications'. */
export type BeyondParts = Beyond & Pick<Notifications, 'read' | 'more'> & { hear(note: Note): void };

/** Something that is read and kept up while somebody subscribes. */
interface Part<S> extends Readable<S> {
    isOpen(): boolean;
    /** The client has ended. */
    end(error: PresenceError): void;
    refresh(): Promise<void>;
    put(change: Partial<S>): void;
    /** After a change of one's own: what is being read may be older than that. */
    wrote(change: Partial<S>): void;
}

export function createBeyond({ presence, call, clock, say, finish }: BeyondHost): BeyondParts {
    const path = (...parts: string[]): string => `/v1/${parts.map(encodeURIComponent).join('/')}`;
    const ask = async <T>(method: string, at: string, body?: object): Promise<T> => {
        const answer = await call(method, at, { body });
        return answer.status === 204 ? (undefined as T) : answer.json();
    };

    const part = <S extends { readonly phase: Phase; readonly error: PresenceError | null }>(
        empty: S, read: () => Promise<Partial<S>>, onOpen?: () => () => void,
    ): Part<S> => {
        let state = empty;
        let latest = 0;
        let failures = 0;
        let isReading = false;
        let again: unknown;
        let close: (() => void) | undefined;
        const listeners = new Set<() => void>();
        const self: Part<S> = {
            subscribe(listener) {
                // The same function may be given twice.
                const run = (): void => listener();
                listeners.add(run);
                if (listeners.size === 1) {
                    if (state.phase !== 'ready') self.put({ phase: 'loading', error: null } as Partial<S>);
                    close = onOpen?.();
                    void self.refresh();
                }
                return () => {
                    if (!listeners.delete(run) || listeners.size) return;
                    clock.clearTimeout(again);
                    isReading = false;
                    latest++;
                    close?.();
                };
            },
            getSnapshot: () => state,
            isOpen: () => listeners.size > 0,
            end(error) {
                clock.clearTimeout(again);
                latest++;
                if (listeners.size) self.put({ phase: 'error', error } as Partial<S>);
            },
            put(change) {
                const before = state;
                state = reuse(before, { ...before, ...change });
                if (state !== before) for (const listener of [...listeners]) listener();
            },
            wrote(change) {
                self.put(change);
                if (isReading) void self.refresh();
            },
            async refresh() {
                const connection = presence.connection.getSnapshot();
                if (connection.state === 'closed' && connection.error) return self.end(connection.error);
                const mine = ++latest;
                clock.clearTimeout(again);
                isReading = true;
                try {
                    const found = await read();
                    if (mine !== latest) return;
                    isReading = false;
                    failures = 0;
                    self.put({ ...found, phase: 'ready', error: null });
                } catch (thrown) {
                    if (mine !== latest) return;
                    isReading = false;
                    const problem = problemFrom(thrown);
                    // What is known stays, if it is only old.
                    self.put({ error: plain(problem), ...(isFinal(problem) && { phase: 'error' }) } as Partial<S>);
                    if (!isFinal(problem)) again = clock.setTimeout(self.refresh, backoff(clock, failures++, problem));
                }
            },
        };
        return self;
    };

    /** What one seems to be; typing, which passes, left out. */
    let seen: string | undefined;
    let unhold: (() => void) | undefined;
    /** Oneself may always be read: so there is a stream, whatever else is wanted. After an answer one knows who that is. */
    const listen = (): void => {
        const self = presence.user(presence.userId!);
        if (myStatus.isOpen() || notifications.isOpen()) unhold ??= self.subscribe(() => {
            const { user } = self.getSnapshot();
            const now = user ? user.status ?? 'offline' : 'typing';
            if (now === 'typing' || now === seen) return;
            if (seen && now !== myStatus.getSnapshot().status && myStatus.isOpen()) void myStatus.refresh();
            seen = now;
        });
    };
    const unlisten = (): void => {
        if (myStatus.isOpen() || notifications.isOpen()) return;
        unhold?.();
        unhold = seen = undefined;
    };

    let ending: unknown;
    const myStatus: Part<MyStatusState> = part<MyStatusState>(
        { phase: 'idle', error: null, status: null, status_until: null, message: null },
        async () => {
            const now = await ask<MyStatus>('GET', path('me', 'status'));
            // Who became invisible elsewhere, or is it no longer, says so wherever he is.
            if (isInvisible(now) !== isInvisible(myStatus.getSnapshot())) presence.wake();
            listen();
            return ends(now);
        },
        () => () => {
            clock.clearTimeout(ending);
            unlisten();
        },
    );
    const isInvisible = ({ status }: MyStatus): boolean => status === 'invisible';
    /** Asks again when it is over. */
    const ends = (now: MyStatus): MyStatus => {
        clock.clearTimeout(ending);
        if (now.status_until && myStatus.isOpen()) {
            const leftMs = Date.parse(now.status_until) - clock.now();
            ending = clock.setTimeout(myStatus.refresh, Math.min(Math.max(leftMs, 0) + PAST_MS, TIMER_MS_MAX));
        }
        return now;
    };

    const watches = part<WatchesState>(
        { phase: 'idle', error: null, watches: [] },
        () => ask<{ watches: Watch[] }>('GET', path('me', 'watches')),
    );
    const changed = (name: 'myStatus' | 'watches' | 'notifications', isMoved = false): void => say([name], isMoved);

    /** Heard since the list was asked for: it may or may not have them. */
    let heard: PresenceNotification[] = [];
    let next: string | null = null;
    const page = (query: string): Promise<NotificationPage> => ask('GET', `${path('me', 'notifications')}${query}`);
    const notifications: Part<NotificationsState> = part<NotificationsState>(
        { phase: 'idle', error: null, notifications: [], unreadCount: 0, hasMore: false },
        async () => {
            heard = [];
            const found = await page('');
            listen();
            const missing = heard.filter(({ id }) => !found.notifications.some((known) => known.id === id));
            // Older ones that were read on are still there, and so is where to go on from.
            const last = found.notifications.at(-1);
            const older = last && found.next !== null ? notifications.getSnapshot().notifications.filter(({ id }) => isLater(last.id, id)) : [];
            if (!older.length) next = found.next;
            return {
                notifications: merge(older, [...found.notifications, ...missing]), unreadCount: found.unread_count + unread(missing), hasMore: next !== null,
            };
        },
        () => unlisten,
    );
    const unread = (of: readonly PresenceNotification[]): number => of.filter(({ read_at }) => !read_at).length;
    const arrived = (one: PresenceNotification): void => {
        const { notifications: known, unreadCount } = notifications.getSnapshot();
        if (!notifications.isOpen() || known.some(({ id }) => id === one.id) || heard.some(({ id }) => id === one.id)) return;
        heard.push(one);
        notifications.put({ notifications: merge(known, [one]), unreadCount: unreadCount + unread([one]) });
        const { watches: list } = watches.getSnapshot();
        watches.put({ watches: list.map((watch) => (watch.user_id === one.user_id ? { ...watch, online: true } : watch)) });
    };

    let wasUp = false;
    let wasAway = false;
    presence.connection.subscribe(() => {
        const { state, error } = presence.connection.getSnapshot();
        const isUp = state === 'open';
        // Before the first connection all is read already; but notifications were told to nobody meanwhile.
        const old: Part<any>[] = isUp && !wasUp ? (wasAway ? [myStatus, watches, notifications] : [notifications]) : [];
        for (const each of old) if (each.isOpen()) void each.refresh();
        if (state === 'closed') for (const each of [myStatus, watches, notifications] as Part<any>[]) if (error) each.end(error);
        wasAway = state === 'reconnecting' || state === 'degraded' || state === 'closed';
        wasUp = isUp;
    });

    return {
        myStatus,
        watches,
        notifications: notifications as unknown as Notifications,
        hear([name, data]) {
            if (name === 'notification') return arrived(data as PresenceNotification);
            const one = { myStatus, watches, notifications }[name];
            if (one?.isOpen()) void one.refresh();
        },
        async setStatus(change) {
            const before = myStatus.getSnapshot();
            const now = await ask<MyStatus>('PUT', path('me', 'status'), change);
            myStatus.wrote({ ...ends(now), phase: 'ready', error: null });
            // Where it is not known what went before, it may have been that.
            const isMoved = isInvisible(now) || isInvisible(before) || before.phase !== 'ready';
            if (isMoved) presence.wake();
            changed('myStatus', isMoved);
        },
        async watch(userId, options = {}) {
            const made = await ask<Pick<Watch, 'user_id' | 'room_id' | 'quiet_ms' | 'until_at' | 'created_at'>>('PUT', path('me', 'watches', userId), options);
            const others = watches.getSnapshot().watches.filter(({ user_id }) => user_id !== userId);
            const { user } = presence.user(userId).getSnapshot();
            const seen = { name: user?.name ?? null, avatar_url: user?.avatar_url ?? null, online: user?.online ?? false };
            watches.put({ watches: [...others, { ...seen, ...made }] });
            if (watches.isOpen()) void watches.refresh();
            changed('watches');
        },
        async unwatch(userId) {
            await ask('DELETE', path('me', 'watches', userId));
            watches.wrote({ watches: watches.getSnapshot().watches.filter(({ user_id }) => user_id !== userId) });
            changed('watches');
        },
        async read(ids) {
            const { unread_count } = await ask<{ unread_count: number }>('POST', path('me', 'notifications', 'read'), ids ? { ids } : { all: true });
            const read_at = new Date(clock.now()).toISOString();
            notifications.wrote({
                notifications: notifications.getSnapshot().notifications.map((one) => (
                    !one.read_at && (!ids || ids.includes(one.id)) ? { ...one, read_at } : one)),
                unreadCount: unread_count,
            });
            changed('notifications');
        },
        async more() {
            if (next === null) return;
            const found = await page(`?after=${encodeURIComponent(next)}`);
            next = found.next;
            notifications.put({ notifications: merge(notifications.getSnapshot().notifications, found.notifications), hasMore: next !== null });
        },
        activities: async (roomId) => (await ask<{ activities: ActivityCount[] }>('GET', path('rooms', roomId, 'activities'))).activities,
        roomHistory: (roomId, hours = 24) => ask('GET', `${path('rooms', roomId, 'activity')}?hours=${hours}`),
        eventHistory: (eventId, hours = 24) => ask('GET', `${path('events', eventId, 'activity')}?hours=${hours}`),
        visits: (roomId, query: VisitQuery = {}) => ask('GET', `${path('rooms', roomId, 'visits')}?${new URLSearchParams(query as Record<string, string>)}`),
        async signOut() {
            await ask('DELETE', path('me', 'sessions'));
            // The stream says so to every tab. Where there is none, or it is held up, each finds out by itself.
            const { connection } = presence;
            const isOpen = (): boolean => connection.getSnapshot().state === 'open';
            await new Promise<void>((resolve) => {
                if (!isOpen()) return resolve();
                clock.setTimeout(resolve, BYE_MS);
                connection.subscribe(() => isOpen() || resolve());
            });
            finish(new Problem('logged-out'));
        },
    };
}

/** Ids grow; longer ones are greater. */
const isLater = (a: string, b: string): boolean => a.length - b.length > 0 || (a.length === b.length && a > b);

/** All of both, each once, the latest first. */
function merge(known: readonly PresenceNotification[], more: readonly PresenceNotification[]): PresenceNotification[] {
    const all = new Map([...known, ...more].map((one) => [one.id, one]));
    return [...all.values()].sort((a, b) => (isLater(a.id, b.id) ? -1 : 1));
}

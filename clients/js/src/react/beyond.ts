// Hooks for what is beyond rooms: own status, watches, notifications, activities, history. As everywhere nothing throws;
// a service that has none of it gives the error `not-found`.

import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type {
    ActivityCount, EventHistory, MyStatus, MyStatusChange, MyStatusState, Notifications, NotificationsState, Phase, Presence, PresenceError,
    PresenceNotification, Readable, RoomHistory, RoomState, Watch, WatchOptions, WatchesState,
} from '../index.js';
import { IDLE, LOADING, ORPHAN, useReadable, type Id, type Reading, type Topic } from './hooks.js';
import { usePresence } from './provider.js';

/** So often is asked again what no stream tells of. */
const ACTIVITIES_MS = 15_000;
const HISTORY_MS = 60_000;

/** Null, or what went wrong. */
export type Outcome = Promise<PresenceError | null>;

const outcome = async (done: Promise<unknown> | undefined): Outcome => {
    try {
        await done;
        return done ? null : ORPHAN.error;
    } catch (error) {
        return error as PresenceError;
    }
};

/** Reads one of the client's own parts while mounted. */
function usePart<T extends Topic, R extends Readable<T>>(of: (client: Presence) => R): { client: Presence | null; state: Partial<T>; reading: Reading } {
    const client = usePresence();
    const none = client ? LOADING : ORPHAN;
    const state = useReadable<T, Topic, R>(client ? of(client) : undefined, none);
    const { phase, error } = state.phase === 'idle' ? none : state;
    return { client, state: state as Partial<T>, reading: { status: phase, error } };
}

const NO_STATUS: MyStatus = { status: null, status_until: null, message: null };
const NO_WATCHES: readonly Watch[] = [];
const NO_NOTIFICATIONS: readonly PresenceNotification[] = [];
const NO_ACTIVITIES: readonly ActivityCount[] = [];

export interface MyStatusResult extends Reading {
    /** What one says for all rooms; all null where that is nothing, or not known yet. */
    readonly myStatus: MyStatus;
    /** Never rejects: null, or what went wrong. */
    readonly setStatus: (change: MyStatusChange) => Outcome;
}

/** One's own status for all rooms, the same in every tab and on every device. */
export function useMyStatus(): MyStatusResult {
    const { client, state, reading } = usePart<MyStatusState, Readable<MyStatusState>>((of) => of.myStatus);
    const setStatus = useCallback((change: MyStatusChange) => outcome(client?.setStatus(change)), [client]);
    const { status = null, status_until = null, message = null } = state;
    const myStatus = useMemo(() => (status || message ? { status, status_until, message } : NO_STATUS), [status, status_until, message]);
    return { ...reading, myStatus, setStatus };
}

export interface WatchesResult extends Reading {
    readonly watches: readonly Watch[];
    readonly watch: (userId: string, options?: WatchOptions) => Outcome;
    readonly unwatch: (userId: string) => Outcome;
}

/** Whom one watches. */
export function useWatches(): WatchesResult {
    const { client, state, reading } = usePart<WatchesState, Readable<WatchesState>>((of) => of.watches);
    const actions = useMemo(
        () => ({
            watch: (userId: string, options?: WatchOptions) => outcome(client?.watch(userId, options)),
            unwatch: (userId: string) => outcome(client?.unwatch(userId)),
        }),
        [client],
    );
    return { ...reading, ...actions, watches: state.watches ?? NO_WATCHES };
}

export interface WatchResult extends Reading {
    /** The watch of this user; null where there is none. */
    readonly watch: Watch | null;
    readonly isWatching: boolean;
    /** It is being changed. */
    readonly isPending: boolean;
    readonly setWatching: (on: boolean, options?: WatchOptions) => Outcome;
}

/** Whether one is told when that user comes online. */
export function useWatch(userId: Id): WatchResult {
    const { watches, watch, unwatch, ...reading } = useWatches();
    const [isPending, setPending] = useState(false);
    const setWatching = useCallback(
        async (on: boolean, options?: WatchOptions) => {
            if (!userId) return null;
            setPending(true);
            const error = await (on ? watch(userId, options) : unwatch(userId));
            setPending(false);
            return error;
        },
        [userId, watch, unwatch],
    );
    const found = watches.find(({ user_id }) => user_id === userId) ?? null;
    return { ...(userId ? reading : { status: 'idle', error: null }), watch: found, isWatching: !!found, isPending, setWatching };
}

export interface NotificationsOptions {
    /** Called once in each tab for each that arrives while this is mounted: what a toast is shown for. */
    onArrive?: (notification: PresenceNotification) => void;
}

export interface NotificationsResult extends Reading {
    /** The latest first. */
    readonly notifications: readonly PresenceNotification[];
    readonly unreadCount: number;
    readonly hasMore: boolean;
    /** Marks these as read, all of them where none are named. */
    readonly read: (ids?: readonly string[]) => Outcome;
    readonly more: () => Outcome;
}

/** What one was told of: "she is online now". */
export function useNotifications({ onArrive }: NotificationsOptions = {}): NotificationsResult {
    const { client, state, reading } = usePart<NotificationsState, Notifications>((of) => of.notifications);
    const notifications = state.notifications ?? NO_NOTIFICATIONS;
    const actions = useMemo(
        () => ({
            read: (ids?: readonly string[]) => outcome(client?.notifications.read(ids)),
            more: () => outcome(client?.notifications.more()),
        }),
        [client],
    );
    const arrive = useRef(onArrive);
    /** Those that were there. Null until they are known: nobody is told of what is old. */
    const known = useRef<ReadonlySet<string> | null>(null);
    useEffect(() => {
        arrive.current = onArrive;
    });
    useEffect(() => {
        if (reading.status !== 'ready') return;
        const before = known.current;
        known.current = new Set(notifications.map(({ id }) => id));
        if (!before) return;
        // A page that is read on brings older ones: they stand behind what was known.
        const news = notifications.findIndex(({ id }) => before.has(id));
        for (const one of notifications.slice(0, news < 0 ? (before.size ? 0 : undefined) : news).reverse()) if (!one.read_at) arrive.current?.(one);
    }, [notifications, reading.status]);
    useEffect(() => () => void (known.current = null), [client]);
    return { ...reading, ...actions, notifications, unreadCount: state.unreadCount ?? 0, hasMore: state.hasMore ?? false };
}

/** Asks while mounted and seen, again every `everyMs`. What is known stays while it is asked again. */
function useAnswer<T>(ask: (() => Promise<T>) | null, everyMs: number): { answer: T | null; reading: Reading } {
    const client = usePresence();
    const [state, setState] = useState<{ ask: typeof ask; answer: T | null; phase: Phase; error: PresenceError | null }>({ ask: null, answer: null, ...IDLE });
    useEffect(() => {
        if (!ask) return;
        let isOver = false;
        let timer: ReturnType<typeof setTimeout>;
        const run = (): void => {
            timer = setTimeout(run, everyMs);
            if (document.hidden) return;
            ask().then(
                (answer) => isOver || setState({ ask, answer, phase: 'ready', error: null }),
                (error: PresenceError) => {
                    if (isOver) return;
                    // Refused: asking on would not help.
                    if (error.status >= 400 && error.status < 500) clearTimeout(timer);
                    setState((before) => (before.ask === ask && before.answer && error.status !== 404 ? before : { ask, answer: null, phase: 'error', error }));
                },
            );
        };
        run();
        return () => {
            isOver = true;
            clearTimeout(timer);
        };
    }, [ask, everyMs]);
    const none = !ask ? (client ? IDLE : ORPHAN) : LOADING;
    const { phase, error } = state.ask === ask && ask ? state : none;
    return { answer: state.ask === ask ? state.answer : null, reading: { status: phase, error } };
}

const observed = (client: Presence, roomId: string): Readable<RoomState> => client.room(roomId);

export interface ActivityResult extends Reading {
    /** The most common first, then by name. */
    readonly activities: readonly ActivityCount[];
}

/**
 * How many people of a room are at which activity. Where the room is read on this page already it is counted from its
 * members, at once; where it is not, or is too big to be told one by one, the service is asked every 15 s. Asking makes
 * nobody present.
 */
export function useActivity(roomId: Id): ActivityResult {
    const client = usePresence();
    const source = useMemo(() => (client && roomId ? observed(client, roomId) : undefined), [client, roomId]);
    const state: Partial<RoomState> & Topic = useReadable<RoomState, Topic, Readable<RoomState>>(source, IDLE);
    const { members, mode, phase, error } = state;
    const isHere = mode === 'full' && phase === 'ready';
    const counted = useMemo(() => {
        const counts = new Map<string, number>();
        for (const { activity } of (isHere && members) || []) if (activity) counts.set(activity, (counts.get(activity) ?? 0) + 1);
        return [...counts].map(([activity, online_count]) => ({ activity, online_count }))
            .sort((a, b) => b.online_count - a.online_count || (a.activity < b.activity ? -1 : 1));
    }, [isHere, members]);
    const isAsked = phase === 'idle' || mode === 'count';
    const ask = useMemo(() => (client && roomId && isAsked ? () => client.activities(roomId) : null), [client, roomId, isAsked]);
    const { answer, reading } = useAnswer(ask, ACTIVITIES_MS);
    if (isHere) return { status: 'ready', error: null, activities: counted };
    return { ...(isAsked || !client || !roomId ? reading : { status: phase, error }), activities: answer ?? NO_ACTIVITIES };
}

/** Who was in a room within the last hours, and how many; asked again each minute. `history` is null until it is known. */
export function useRoomHistory(roomId: Id, hours = 24): Reading & { readonly history: RoomHistory | null } {
    const client = usePresence();
    const ask = useMemo(() => (client && roomId ? () => client.roomHistory(roomId, hours) : null), [client, roomId, hours]);
    const { answer, reading } = useAnswer(ask, HISTORY_MS);
    return { ...reading, history: answer };
}

/** The same of an event's rooms, as far as one may see them. */
export function useEventHistory(eventId: Id, hours = 24): Reading & { readonly history: EventHistory | null } {
    const client = usePresence();
    const ask = useMemo(() => (client && eventId ? () => client.eventHistory(eventId, hours) : null), [client, eventId, hours]);
    const { answer, reading } = useAnswer(ask, HISTORY_MS);
    return { ...reading, history: answer };
}

/** Logs out: leaves everywhere, on all devices, and ends the client. */
export function useSignOut(): () => Outcome {
    const client = usePresence();
    return useCallback(() => outcome(client?.signOut()), [client]);
}

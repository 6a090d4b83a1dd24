// The public interface of the client. What is on the wire keeps its names (snake_case); what is the client's own has
// JavaScript's (camelCase).

import type {
    ActivityCount, EventHistory, EventSnapshot, JsonObject, Member, MyStatus, PresenceNotification, RoomHistory, Status, UserSnapshot,
    VisitPage, Watch,
} from './wire.js';

/** Something to watch. `getSnapshot` gives the same object until something that people see has changed. */
export interface Readable<T> {
    subscribe(listener: () => void): () => void;
    getSnapshot(): T;
}

/**
 * What went wrong. `type` is the stable word: one of the service's (docs/errors.md), or one of the client's own:
 * `network` (no answer), `logged-out`, `user-changed` (getToken gave another user's token), `removed` (put out of the
 * room by somebody), `too-many-topics` (over 100 in one browser), `closed` (by `close()`).
 */
export interface PresenceError {
    readonly type: string;
    /** The HTTP status; 0 where there was none. */
    readonly status: number;
    /** For people who debug; it may change. */
    readonly message: string;
}

/** Where one stands with a topic. `loading`: nothing known yet. `error`: it may not be seen, or there is none. */
export type Phase = 'idle' | 'loading' | 'ready' | 'error';

export interface RoomState {
    readonly roomId: string;
    readonly phase: Phase;
    /** Why the room cannot be seen (`phase` is `error`), or why one is not in it though one sees it. */
    readonly error: PresenceError | null;
    /** Everybody who is here, oneself too, by user id. Empty in mode `count`. */
    readonly members: readonly Member[];
    /** Oneself among the members. */
    readonly self: Member | null;
    /** Who is typing, oneself apart. */
    readonly typing: readonly Member[];
    readonly onlineCount: number;
    /** `count`: too many people to be told one by one. */
    readonly mode: 'full' | 'count';
}

export interface UserState {
    readonly userId: string;
    readonly phase: Phase;
    readonly error: PresenceError | null;
    readonly user: UserSnapshot | null;
}

export interface EventState {
    readonly eventId: string;
    readonly phase: Phase;
    readonly error: PresenceError | null;
    readonly event: EventSnapshot | null;
}

export interface CountsState {
    /** `ready` once each room is known or in error. */
    readonly phase: Phase;
    /** The first room's error, if any. */
    readonly error: PresenceError | null;
    /** How many are in each room; a room that is not known (yet), or may not be seen, is absent. */
    readonly counts: { readonly [roomId: string]: number };
}

export interface ConnectionState {
    /**
     * `idle`: nobody asks for anything. `degraded`: connected, but the database is away: nothing changes until it is
     * back. `closed`: for good, by `close()`, a logout or a refused token; `error` says which.
     */
    readonly state: 'idle' | 'connecting' | 'open' | 'reconnecting' | 'degraded' | 'closed';
    /** When this state began, in ms since 1970 by this computer's clock. */
    readonly since: number;
    /** What ended the last connection, until there is a new one. */
    readonly error: PresenceError | null;
    /** There has been no connection for 5 s though one is wanted: time to tell people that what they see is old. */
    readonly lost: boolean;
}

/** What one says about oneself in a room. An absent field stays as it is, null clears it. */
export interface StatusChange {
    /** `active` and null leave it to the client (idle and away by themselves). `invisible` is not being there. */
    status?: Exclude<Status, 'typing'> | 'invisible' | null;
    /** How long the status holds before it becomes `active`. */
    status_ttl_ms?: number;
    /** At most 140 characters. */
    message?: string | null;
    /** What one is looking at; at most 80 characters. */
    activity?: string | null;
    /** At most 1024 bytes of JSON. */
    data?: JsonObject | null;
}

export interface Room extends Readable<RoomState> {
    readonly id: string;
    /**
     * Be here. Counted: one is here while at least one join is held. Returns its release, which is acted on a little
     * later, so that a component that goes and comes at once shows nobody anything.
     */
    join(): () => void;
    /** See who is here without being here. Counted likewise. */
    observe(): () => void;
    /** Says something about oneself here, and remembers it for the next join. Rejects with a PresenceError. */
    setStatus(change: StatusChange): Promise<void>;
    /** Call it with true at each keystroke, with false on blur and on send. It ends by itself after 4 s. */
    setTyping(typing: boolean): void;
    /** Leaves at once, whoever holds a join; the next `join()` comes back. */
    leave(): Promise<void>;
}

/** One's own status for all rooms. */
export interface MyStatusState extends MyStatus {
    readonly phase: Phase;
    readonly error: PresenceError | null;
}

/** What is said for all rooms. An absent field stays as it is, null clears it. */
export interface MyStatusChange {
    /** Null: none, each session says its own again. `invisible`: one is in no room, for nobody to see. */
    status?: MyStatus['status'];
    /** How long the status holds; for ever where absent. */
    status_ttl_ms?: number;
    /** At most 140 characters. A session's own message goes before it. */
    message?: string | null;
}

export interface WatchOptions {
    /** Only who comes into this room counts. */
    room_id?: string;
    /** Nothing more is told of them for so long; 5 min where absent, at most 24 h. */
    quiet_ms?: number;
    /** It ends by itself after so long. */
    until_ms?: number;
}

export interface WatchesState {
    readonly phase: Phase;
    readonly error: PresenceError | null;
    readonly watches: readonly Watch[];
}

export interface NotificationsState {
    readonly phase: Phase;
    readonly error: PresenceError | null;
    /** The latest first. */
    readonly notifications: readonly PresenceNotification[];
    /** Of all, not only of those that are here. */
    readonly unreadCount: number;
    /** There are older ones: `more()`. */
    readonly hasMore: boolean;
}

export interface Notifications extends Readable<NotificationsState> {
    /** Marks these as read; all of them where none are named. Rejects with a PresenceError. */
    read(ids?: readonly string[]): Promise<void>;
    /** Reads on, to older ones. Rejects with a PresenceError. */
    more(): Promise<void>;
}

/** Which visits: of one user, within a time, or who was there at a moment. Times are RFC 3339. */
export interface VisitQuery {
    user?: string;
    since?: string;
    until?: string;
    /** Who was there then. */
    at?: string;
    limit?: number;
    /** The `next` of the page before. */
    after?: string;
}

/**
 * Beyond rooms. What makes it comes over the network when it is first used. A service that has none of it answers 404
 * with the type `not-found`. Methods reject with a PresenceError.
 */
export interface Beyond {
    /** What one says about oneself for all rooms, as long as it is subscribed to. */
    readonly myStatus: Readable<MyStatusState>;
    setStatus(change: MyStatusChange): Promise<void>;
    /** Whom one watches. */
    readonly watches: Readable<WatchesState>;
    /** Tells one when that user comes online. Watching anew changes how. */
    watch(userId: string, options?: WatchOptions): Promise<void>;
    unwatch(userId: string): Promise<void>;
    readonly notifications: Notifications;
    /** What people in a room are at, from the service: the most common first. */
    activities(roomId: string): Promise<readonly ActivityCount[]>;
    /** Of the last `hours`, 24 where absent. */
    roomHistory(roomId: string, hours?: number): Promise<RoomHistory>;
    eventHistory(eventId: string, hours?: number): Promise<EventHistory>;
    visits(roomId: string, query?: VisitQuery): Promise<VisitPage>;
    /** Logs out: the user leaves everywhere, on all devices, and this client ends with `logged-out`. */
    signOut(): Promise<void>;
}

export interface Presence extends Beyond {
    /** The same object for the same id while in use. */
    room(id: string): Room;
    user(id: string): Readable<UserState>;
    event(id: string): Readable<EventState>;
    counts(ids: readonly string[]): Readable<CountsState>;
    readonly connection: Readable<ConnectionState>;
    /** Who the token says one is; null until it was first needed. */
    readonly userId: string | null;
    /** Tries at once what waits for its time after a failure: what a button "Try now" does. Does nothing once closed. */
    wake(): void;
    /** Leaves all rooms and ends everything, for good. */
    close(): void;
}

export interface PresenceOptions {
    /** Where the service is: `https://presence.example.com`, or '' for the page's own origin. */
    url: string;
    /**
     * A JWT of the user. Asked again before it ends, and with `force` where one was refused: then do not answer from
     * a cache. One client is for one user; for another one make another client.
     */
    getToken: (asked: { force: boolean }) => string | Promise<string>;
    /** The user's id, where it is in another claim than `sub`. */
    userId?: string;
    /** False: this tab has a stream of its own, whatever other tabs do. */
    share?: boolean;
    /** Without input for so long one is `idle`; 5 min where absent, 0 for never. */
    idleMs?: number;
    /** Hidden for so long one is `away`; 15 s where absent, 0 for never. */
    awayMs?: number;
    /** For tests, and where the global one is not the right one. */
    fetch?: typeof fetch;
    /** For tests: see `pg-presence/testing`. */
    clock?: Clock;
    /** For tests: see `pg-presence/testing`. */
    browser?: Browser;
}

/** Time and chance, as far as the client needs them. */
export interface Clock {
    /** Milliseconds since 1970. */
    now(): number;
    setTimeout(run: () => void, ms: number): unknown;
    clearTimeout(timer: unknown): void;
    /** At least 0, below 1. */
    random(): number;
}

/** What the client uses of a browser, each part absent where there is none. */
export interface Browser {
    /** Events of window and document alike. Returns its end. */
    on(name: string, listener: (event: { persisted?: boolean }) => void): () => void;
    isHidden(): boolean;
    storage?: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
    locks?: Pick<LockManager, 'request'>;
    channel?: (name: string) => Pick<BroadcastChannel, 'postMessage' | 'close' | 'onmessage'>;
    beacon?: (url: string, body: string) => boolean;
}

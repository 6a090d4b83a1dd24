// The hooks. Each reads one topic of the client, opens it while it is mounted, and renders again only when something
// that people see has changed. Nothing here throws: what goes wrong is in `error`.

import { useCallback, useMemo, useSyncExternalStore } from 'react';
import type {
    ConnectionState, CountsState, EventSnapshot, EventState, Member, Phase, Presence, PresenceError, Readable, Room, RoomState,
    StatusChange, UserSnapshot, UserState,
} from '../index.js';
import { usePresence } from './provider.js';

/** Where one stands with what a hook reads. */
export interface Reading {
    /** `idle`: nothing was asked for, the id is undefined. `loading`: nothing is known yet. */
    readonly status: Phase;
    readonly error: PresenceError | null;
}

export interface RoomPresenceOptions {
    /** See who is there without being there. */
    observe?: boolean;
}

export interface RoomPresenceResult extends Reading {
    /** Everybody who is here, oneself too. Empty in mode `count`. */
    readonly presentUsers: readonly Member[];
    /** Everybody but oneself. */
    readonly others: readonly Member[];
    readonly self: Member | null;
    /** Who is typing, oneself apart. */
    readonly typingUsers: readonly Member[];
    readonly onlineCount: number;
    /** `count`: too many people to be told one by one. */
    readonly mode: RoomState['mode'];
    /** Call it with true at each keystroke, with false on blur and on send. */
    readonly setTyping: (typing: boolean) => void;
    /** Says something about oneself in this room. Never rejects: null, or what went wrong. */
    readonly setStatus: (change: StatusChange) => Promise<PresenceError | null>;
}

/** An id; nothing is asked for while there is none. */
export type Id = string | null | undefined;

export interface Topic {
    readonly phase: Phase;
    readonly error: PresenceError | null;
}

export const IDLE: Topic = { phase: 'idle', error: null };
export const LOADING: Topic = { phase: 'loading', error: null };
export const ORPHAN: Topic = {
    phase: 'error',
    error: { type: 'no-provider', status: 0, message: 'there is no <PresenceProvider> above this component' },
};
const NOBODY: readonly Member[] = [];
const NO_COUNTS: CountsState['counts'] = {};
const NO_CONNECTION: ConnectionState = { state: 'idle', since: 0, error: null, lost: false };


const room = (client: Presence, id: string): Room => client.room(id);
const user = (client: Presence, id: string): Readable<UserState> => client.user(id);
const event = (client: Presence, id: string): Readable<EventState> => client.event(id);
const counts = (client: Presence, ids: string): Readable<CountsState> => client.counts(JSON.parse(ids));
const join = (of: Room): (() => void) => of.join();
const observe = (of: Room): (() => void) => of.observe();

/** Reads a source while mounted, and holds it as long. On the server, and while hydrating, there is `none`. */
export function useReadable<T, N, R extends Readable<T>>(source: R | undefined, none: N, hold?: (source: R) => () => void): T | N {
    const subscribe = useCallback(
        (changed: () => void) => {
            const release = source && hold?.(source);
            const stop = source?.subscribe(changed);
            return () => {
                stop?.();
                release?.();
            };
        },
        [source, hold],
    );
    return useSyncExternalStore<T | N>(subscribe, () => (source ? source.getSnapshot() : none), () => none);
}

/** Reads a topic of the client. What was asked for and has not begun is loading. */
function useTopic<T extends Topic, R extends Readable<T>>(
    id: Id,
    open: (client: Presence, id: string) => R & Readable<T>,
    hold?: (source: R) => () => void,
): { state: Partial<T>; reading: Reading; source: R | undefined } {
    const client = usePresence();
    const source = useMemo(() => (client && id ? open(client, id) : undefined), [client, id, open]);
    const none = !id ? IDLE : client ? LOADING : ORPHAN;
    const state = useReadable<T, Topic, R>(source, none, hold);
    const { phase, error } = state.phase === 'idle' ? none : state;
    return { state: state as Partial<T>, reading: { status: phase, error }, source };
}

/**
 * Being in a room and seeing who is there. Several components may read one room: they share one session.
 * While `roomId` is undefined nothing happens.
 */
export function useRoomPresence(roomId: Id, options?: RoomPresenceOptions): RoomPresenceResult {
    const { state, reading, source } = useTopic<RoomState, Room>(roomId, room, options?.observe ? observe : join);
    const actions = useMemo(
        () => ({
            setTyping: (typing: boolean) => source?.setTyping(typing),
            setStatus: async (change: StatusChange) => {
                try {
                    await source?.setStatus(change);
                    return null;
                } catch (error) {
                    return error as PresenceError;
                }
            },
        }),
        [source],
    );
    const { members = NOBODY, self = null, typing = NOBODY, onlineCount = 0, mode = 'full' } = state;
    const others = useMemo(() => (self ? members.filter((member) => member !== self) : members), [members, self]);
    return { ...reading, ...actions, presentUsers: members, others, self, typingUsers: typing, onlineCount, mode };
}

/** An event's dashboard, as far as one may see its rooms; `event` is null until it is known. */
export function useEventPresence(eventId: Id): Reading & { readonly event: EventSnapshot | null } {
    const { state, reading } = useTopic<EventState, Readable<EventState>>(eventId, event);
    return { ...reading, event: state.event ?? null };
}

/** Whether somebody is online, and where; `user` is null until it is known, and where there is no common room. */
export function useUserPresence(userId: Id): Reading & { readonly user: UserSnapshot | null } {
    const { state, reading } = useTopic<UserState, Readable<UserState>>(userId, user);
    return { ...reading, user: state.user ?? null };
}

/** How many people are in each of these rooms. A room that is not known yet, or may not be seen, is absent. */
export function useRoomCounts(roomIds: readonly string[]): Reading & { readonly counts: CountsState['counts'] } {
    const ids = roomIds.length ? JSON.stringify(roomIds) : undefined;
    const { state, reading } = useTopic<CountsState, Readable<CountsState>>(ids, counts);
    return { ...reading, counts: state.counts ?? NO_COUNTS };
}

/** When somebody was last seen, as an RFC 3339 time; null where that is not known. */
export function useLastSeen(userId: Id): Reading & { readonly lastSeenAt: string | null; readonly online: boolean } {
    const { user: seen, ...reading } = useUserPresence(userId);
    return { ...reading, lastSeenAt: seen?.last_seen_at ?? null, online: seen?.online ?? false };
}

/** How the connection is. `lost` is the signal for people: there has been none for five seconds. */
export function useConnection(): ConnectionState {
    return useReadable(usePresence()?.connection, NO_CONNECTION);
}

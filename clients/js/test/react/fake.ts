// A client that holds what a test puts into it, and remembers what was asked of it. No service, no timers.

import type {
    ActivityCount, ConnectionState, CountsState, EventHistory, EventState, Member, MyStatusChange, MyStatusState, NotificationsState, Presence,
    PresenceError, PresenceNotification, Readable, RoomHistory, RoomState, StatusChange, UserState, VisitPage, Watch, WatchesState,
} from '../../src/index.js';

/** A source with a value that a test sets. */
export class Stand<T> implements Readable<T> {
    listeners = new Set<() => void>();

    constructor(public value: T) {}

    subscribe = (listener: () => void): (() => void) => {
        this.listeners.add(listener);
        return () => void this.listeners.delete(listener);
    };

    getSnapshot = (): T => this.value;

    set(change: Partial<T>): void {
        this.value = { ...this.value, ...change };
        for (const listener of this.listeners) listener();
    }
}

export class FakeRoom extends Stand<RoomState> {
    joins = 0;
    observers = 0;
    /** 'join', 'release', 'observe', 'unobserve', in their order. */
    calls: string[] = [];
    changes: StatusChange[] = [];
    typing: boolean[] = [];
    refuses: PresenceError | null = null;

    constructor(readonly id: string) {
        super({ roomId: id, phase: 'loading', error: null, members: [], self: null, typing: [], onlineCount: 0, mode: 'full' });
    }

    join = (): (() => void) => {
        this.joins += 1;
        this.calls.push('join');
        return () => {
            this.joins -= 1;
            this.calls.push('release');
        };
    };

    observe = (): (() => void) => {
        this.observers += 1;
        this.calls.push('observe');
        return () => {
            this.observers -= 1;
            this.calls.push('unobserve');
        };
    };

    setStatus = async (change: StatusChange): Promise<void> => {
        this.changes.push(change);
        if (this.refuses) throw this.refuses;
    };

    setTyping = (typing: boolean): void => void this.typing.push(typing);

    leave = async (): Promise<void> => {};

    /** Everybody who is here; `self` is one of them. */
    show(members: readonly Member[], self?: string): void {
        this.set({ phase: 'ready', members, onlineCount: members.length, self: members.find(({ user_id }) => user_id === self) ?? null });
    }
}

export class FakePresence implements Presence {
    rooms = new Map<string, FakeRoom>();
    users = new Map<string, Stand<UserState>>();
    events = new Map<string, Stand<EventState>>();
    asked: (readonly string[])[] = [];
    tally = new Stand<CountsState>({ phase: 'loading', error: null, counts: {} });
    connection = new Stand<ConnectionState>({ state: 'open', since: 0, error: null, lost: false });
    userId = null;
    isClosed = false;
    wakes = 0;
    myStatus = new Stand<MyStatusState>({ phase: 'loading', error: null, status: null, status_until: null, message: null });
    watches = new Stand<WatchesState>({ phase: 'loading', error: null, watches: [] });
    notifications = new Inbox((call) => this.did(call));
    /** What was done beyond rooms: 'watch vera', 'status {"status":"busy"}', 'read 1,2', 'sign out'. */
    calls: string[] = [];
    /** What each of them rejects with. */
    refuses: PresenceError | null = null;
    /** Of every room. */
    counted: ActivityCount[] = [];
    past: RoomHistory & EventHistory = history();

    room = (id: string): FakeRoom => known(this.rooms, id, () => new FakeRoom(id));

    user = (id: string): Stand<UserState> =>
        known(this.users, id, () => new Stand<UserState>({ userId: id, phase: 'loading', error: null, user: null }));

    event = (id: string): Stand<EventState> =>
        known(this.events, id, () => new Stand<EventState>({ eventId: id, phase: 'loading', error: null, event: null }));

    counts = (ids: readonly string[]): Readable<CountsState> => {
        this.asked.push(ids);
        return this.tally;
    };

    setStatus = (change: MyStatusChange): Promise<void> => this.did(`status ${JSON.stringify(change)}`);
    watch = (id: string): Promise<void> => this.did(`watch ${id}`);
    unwatch = (id: string): Promise<void> => this.did(`unwatch ${id}`);
    signOut = (): Promise<void> => this.did('sign out');
    activities = async (id: string): Promise<ActivityCount[]> => (await this.did(`activities ${id}`), this.counted);
    roomHistory = async (id: string, hours?: number): Promise<RoomHistory> => (await this.did(`room ${id} ${hours}`), this.past);
    eventHistory = async (id: string, hours?: number): Promise<EventHistory> => (await this.did(`event ${id} ${hours}`), this.past);
    visits = async (id: string): Promise<VisitPage> => (await this.did(`visits ${id}`), { room_id: id, visits: [], next: null });

    async did(call: string): Promise<void> {
        this.calls.push(call);
        if (this.refuses) throw this.refuses;
    }

    wake = (): void => void (this.wakes += 1);

    close = (): void => {
        this.isClosed = true;
    };
}

class Inbox extends Stand<NotificationsState> {
    constructor(private readonly did: (call: string) => Promise<void>) {
        super({ phase: 'loading', error: null, notifications: [], unreadCount: 0, hasMore: false });
    }

    read = (ids?: readonly string[]): Promise<void> => this.did(`read ${ids ?? 'all'}`);
    more = (): Promise<void> => this.did('more');

    /** What is there, the latest first. */
    show(notifications: readonly PresenceNotification[]): void {
        this.set({ phase: 'ready', notifications, unreadCount: notifications.filter(({ read_at }) => !read_at).length });
    }
}

function known<T>(things: Map<string, T>, id: string, make: () => T): T {
    if (!things.has(id)) things.set(id, make());
    return things.get(id)!;
}

export function member(user_id: string, more: Partial<Member> = {}): Member {
    const name = `${user_id[0].toUpperCase()}${user_id.slice(1)} Adams`;
    return {
        user_id, name, avatar_url: null, role: null, status: 'active', status_until: null, message: null, activity: null, data: null,
        joined_at: '2026-01-01T10:00:00Z', ...more,
    };
}

export function notification(id: string, user_id: string, more: Partial<PresenceNotification> = {}): PresenceNotification {
    const { name } = member(user_id);
    return { id, kind: 'online', user_id, name, avatar_url: null, room_id: 'general', event_id: 'gala', at: '2026-01-01T10:00:00Z', read_at: null, ...more };
}

export function watch(user_id: string, more: Partial<Watch> = {}): Watch {
    return { user_id, name: member(user_id).name, avatar_url: null, online: false, room_id: null, quiet_ms: 300_000, until_at: null, created_at: '2026-01-01T10:00:00Z', ...more };
}

/** Of a day in which so many were there at each hour. */
export function history(counts: readonly number[] = [0, 1, 3, 2]): RoomHistory & EventHistory {
    const at = (hour: number): string => new Date(Date.UTC(2026, 5, 15, hour)).toISOString();
    const most = Math.max(...counts);
    return {
        room_id: 'general', event_id: 'gala', hours: 24, active_users: most, people: [], average: counts.reduce((sum, each) => sum + each, 0) / counts.length,
        peak: { online_count: most, at: most ? at(counts.indexOf(most)) : null }, rooms: [],
        occupancy: counts.map((online_count, hour) => ({ at: at(hour), online_count })),
    };
}

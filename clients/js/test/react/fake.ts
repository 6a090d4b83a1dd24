// A client that holds what a test puts into it, and remembers what was asked of it. No service, no timers.

import type { ConnectionState, CountsState, EventState, Member, Presence, PresenceError, Readable, RoomState, StatusChange, UserState } from '../../src/index.js';

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

    room = (id: string): FakeRoom => known(this.rooms, id, () => new FakeRoom(id));

    user = (id: string): Stand<UserState> =>
        known(this.users, id, () => new Stand<UserState>({ userId: id, phase: 'loading', error: null, user: null }));

    event = (id: string): Stand<EventState> =>
        known(this.events, id, () => new Stand<EventState>({ eventId: id, phase: 'loading', error: null, event: null }));

    counts = (ids: readonly string[]): Readable<CountsState> => {
        this.asked.push(ids);
        return this.tally;
    };

    wake = (): void => void (this.wakes += 1);

    close = (): void => {
        this.isClosed = true;
    };
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

// Rooms in memory, as the service keeps them: sessions with leases, members that merge them, revisions, a log.

import type { Clock } from '../types.js';
import type { Heartbeat, LeaveReason, Member, MyStatus, RoomDiff, RoomSnapshot, Status } from '../wire.js';

const TTL_MS = 75_000;
const TYPING_MS = 6000;
const RANKS: readonly Status[] = ['typing', 'busy', 'in_meeting', 'active', 'idle', 'away'];

export interface FakeSession {
    readonly id: string;
    readonly user: string;
    status: Status;
    statusUntil: string | null;
    message: string | null;
    activity: string | null;
    data: Member['data'];
    typingUntil: number;
    seq: number;
    /** The stream that holds it. */
    holder: object | null;
    timer: unknown;
}

interface Change {
    user: string;
    revision: number;
    wasHere: boolean;
    reason: LeaveReason;
}

export class FakeRoom {
    revision = 0;
    readonly members = new Map<string, Member>();
    readonly sessions = new Map<string, FakeSession>();
    #log: Change[] = [];

    constructor(
        readonly id: string,
        private readonly clock: Clock,
        private readonly epoch: () => string,
        private readonly profile: (user: string) => Pick<Member, 'name' | 'avatar_url' | 'role'>,
        private readonly onChange: (room: FakeRoom) => void,
        private readonly own: (user: string) => MyStatus | undefined = () => undefined,
    ) {}

    /** Joins or renews. `ttlMs` 0: until it leaves. */
    beat(user: string, id: string, beat: Heartbeat, ttlMs = TTL_MS): FakeSession {
        const known = this.sessions.get(id);
        const session: FakeSession = known ?? {
            id, user, status: 'active', statusUntil: null, message: null, activity: null, data: null, typingUntil: 0, seq: 0, holder: null, timer: null,
        };
        this.sessions.set(id, session);
        if (!session.holder) this.expireIn(session, ttlMs, 'expired');
        if (beat.seq !== undefined && beat.seq < session.seq) return session;
        session.seq = beat.seq ?? session.seq;
        if (beat.status === 'typing') {
            session.typingUntil = this.clock.now() + TYPING_MS;
            this.clock.setTimeout(() => this.settle(user, 'left'), TYPING_MS + 1);
        } else if (beat.status !== undefined) {
            session.status = (beat.status ?? 'active') as Status;
            session.typingUntil = 0;
            session.statusUntil = beat.status_ttl_ms === undefined ? null : new Date(this.clock.now() + beat.status_ttl_ms).toISOString();
        }
        for (const key of ['message', 'activity', 'data'] as const) {
            if (beat[key] !== undefined) session[key] = beat[key] as never;
        }
        this.settle(user, 'left');
        return session;
    }

    end(session: FakeSession, reason: LeaveReason): void {
        this.clock.clearTimeout(session.timer);
        session.holder = null;
        if (this.sessions.delete(session.id)) this.settle(session.user, reason);
    }

    expireIn(session: FakeSession, ms: number, reason: LeaveReason): void {
        this.clock.clearTimeout(session.timer);
        session.timer = ms ? this.clock.setTimeout(() => this.end(session, reason), ms) : null;
    }

    snapshot(isCount = false): RoomSnapshot {
        const members = isCount ? [] : [...this.members.values()].sort((a, b) => (a.user_id < b.user_id ? -1 : 1));
        return {
            room_id: this.id, epoch: this.epoch(), revision: this.revision, online_count: this.members.size, members,
            offline: [], next: null, ...(isCount && { mode: 'count' as const }),
        };
    }

    /** From that revision to now. */
    diff(from: number): RoomDiff {
        const changes = this.#log.filter(({ revision }) => revision > from);
        const first = new Map([...changes].reverse().map((change) => [change.user, change]));
        const last = new Map(changes.map((change) => [change.user, change]));
        const users = [...first.keys()].sort();
        const here = users.filter((user) => this.members.has(user));
        return {
            room_id: this.id, epoch: this.epoch(), from, revision: this.revision, online_count: this.members.size,
            joined: here.filter((user) => !first.get(user)!.wasHere).map((user) => this.members.get(user)!),
            updated: here.filter((user) => first.get(user)!.wasHere).map((user) => this.members.get(user)!),
            left: users.filter((user) => !this.members.has(user) && first.get(user)!.wasHere).map((user) => (
                { user_id: user, reason: last.get(user)!.reason, last_seen_at: new Date(this.clock.now()).toISOString() })),
        };
    }

    /** Why that user left last. */
    lastReason = (user: string): LeaveReason | null => this.#log.findLast((change) => change.user === user)?.reason ?? null;

    /** What people see follows what is so. */
    settle(user: string, reason: LeaveReason): void {
        const before = this.members.get(user);
        const after = this.#merge(user, before);
        if (JSON.stringify(before) === JSON.stringify(after)) return;
        if (after) this.members.set(user, after);
        else this.members.delete(user);
        this.revision++;
        this.#log.push({ user, revision: this.revision, wasHere: !!before, reason });
        this.onChange(this);
    }

    #merge(user: string, before: Member | undefined): Member | undefined {
        const said = [...this.sessions.values()].filter((session) => session.user === user).map((session) => (
            { ...session, status: session.typingUntil > this.clock.now() ? ('typing' as const) : session.status }));
        if (!said.length) return undefined;
        const [best] = [...said].sort((a, b) => RANKS.indexOf(a.status) - RANKS.indexOf(b.status));
        const last = said.findLast(({ message, activity, data }) => message || activity || data) ?? said[0];
        const own = this.own(user);
        // Typing stays an overlay, and a session's own message goes before the one for all rooms.
        const [status, status_until] = own?.status && best.status !== 'typing' ? [own.status as Status, own.status_until] : [best.status, best.statusUntil];
        return {
            user_id: user, ...this.profile(user), status, status_until,
            message: last.message ?? own?.message ?? null, activity: last.activity, data: last.data,
            joined_at: before?.joined_at ?? new Date(this.clock.now()).toISOString(),
        };
    }
}

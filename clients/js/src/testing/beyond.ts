// Beyond rooms, as the service keeps it, in memory: own status, watches, notifications, visits and what follows of them.

import type { Clock } from '../types.js';
import type { ActivityCount, HistoryPerson, Member, MyStatus, OccupancyPoint, PresenceNotification, Visit, Watch } from '../wire.js';
import type { FakeRoom } from './rooms.js';

const HOUR_MS = 3_600_000;
const QUIET_MS = 300_000;
const WATCHES_MAX = 200;
const PAGE = 20;
const POINTS_MAX = 48;

type Profile = (user: string) => Pick<Member, 'name' | 'avatar_url'>;
interface Asked { method: string; path: string; query: URLSearchParams; user: string; body: any }
interface Own extends MyStatus { timer: unknown }
interface Stay { room: string; user: string; from: number; to: number | null; reason: string | null }
type Kept = Omit<Watch, 'name' | 'avatar_url' | 'online'> & { toldAt: number };

export interface FakeBeyondHost {
    clock: Clock;
    rooms: ReadonlyMap<string, FakeRoom>;
    events: { [id: string]: { name?: string | null; rooms: readonly { room_id: string; name: string | null }[] } };
    profile: Profile;
    mayEnter(user: string, room: string): boolean;
    /** On every open stream of that user. */
    send(user: string, name: string, data: object): void;
    json(body: object): Response;
    problem(status: number, type: string): Response;
    logout(user: string): void;
}

export class FakeBeyond {
    readonly #own = new Map<string, Own>();
    readonly #watches = new Map<string, Map<string, Kept>>();
    readonly #inbox = new Map<string, PresenceNotification[]>();
    readonly #stays: Stay[] = [];
    readonly #online = new Set<string>();
    #latest = 0;

    constructor(private readonly host: FakeBeyondHost) {}

    /** What goes for that user in all rooms. */
    own = (user: string): MyStatus | undefined => this.#own.get(user);

    isInvisible = (user: string): boolean => this.#own.get(user)?.status === 'invisible';

    setStatus(user: string, { status, status_ttl_ms: ttl, message }: { status?: MyStatus['status']; status_ttl_ms?: number; message?: string | null }): MyStatus {
        const { clock, rooms } = this.host;
        const before = this.#own.get(user) ?? { status: null, status_until: null, message: null, timer: null };
        if (status !== undefined) clock.clearTimeout(before.timer);
        const now: Own = {
            status: status === undefined ? before.status : status,
            status_until: status === undefined ? before.status_until : status && ttl !== undefined ? this.#time(clock.now() + ttl) : null,
            message: message === undefined ? before.message : message || null,
            timer: status && ttl !== undefined ? clock.setTimeout(() => this.setStatus(user, { status: null }), ttl) : before.timer,
        };
        this.#own.set(user, now);
        for (const room of rooms.values()) {
            if (now.status !== 'invisible') room.settle(user, 'left');
            else for (const session of [...room.sessions.values()]) if (session.user === user) room.end(session, 'left');
        }
        return this.#said(user);
    }

    /** A room changed: who came, who went, who is to be told. */
    changed(room: FakeRoom): void {
        const { clock, rooms } = this.host;
        const open = this.#stays.filter((stay) => stay.room === room.id && stay.to === null);
        for (const user of room.members.keys()) {
            if (!open.some((stay) => stay.user === user)) this.#stays.push({ room: room.id, user, from: clock.now(), to: null, reason: null });
        }
        for (const stay of open) if (!room.members.has(stay.user)) Object.assign(stay, { to: clock.now(), reason: room.lastReason(stay.user) });
        for (const user of [...this.#online]) if (![...rooms.values()].some(({ members }) => members.has(user))) this.#online.delete(user);
        for (const user of room.members.keys()) {
            if (this.#online.has(user)) continue;
            this.#online.add(user);
            for (const watcher of this.#watches.keys()) this.#tell(watcher, user, room.id);
        }
    }

    #tell(watcher: string, user: string, room: string): void {
        const { clock, mayEnter } = this.host;
        const kept = this.#watches.get(watcher)?.get(user);
        if (!kept || (kept.room_id && kept.room_id !== room) || !mayEnter(watcher, room) || clock.now() - kept.toldAt < kept.quiet_ms) return;
        kept.toldAt = clock.now();
        this.notify(watcher, user, room);
    }

    /** That user came online, for that watcher. The stream is silent while the watcher is busy. */
    notify(watcher: string, user: string, room: string | null = null): PresenceNotification {
        const { name, avatar_url } = this.host.profile(user);
        const event = Object.entries(this.host.events).find(([, { rooms }]) => rooms.some(({ room_id }) => room_id === room))?.[0] ?? null;
        const one: PresenceNotification = {
            id: String(++this.#latest), kind: 'online', user_id: user, name, avatar_url, room_id: room, event_id: event,
            at: this.#time(this.host.clock.now()), read_at: null,
        };
        this.#inbox.set(watcher, [one, ...(this.#inbox.get(watcher) ?? [])]);
        if (this.#own.get(watcher)?.status !== 'busy') this.host.send(watcher, 'notification', one);
        return one;
    }

    /** Undefined where that is none of it. */
    answer(asked: Asked): Response | undefined {
        const { json, problem, mayEnter, events } = this.host;
        const { method, path, query, user } = asked;
        const [, me] = /^\/v1\/me\/(.*)$/.exec(path) ?? [];
        if (me !== undefined) return this.#me(asked, me.split('/').map(decodeURIComponent));
        const [, kind, id, what] = /^\/v1\/(rooms|events)\/([^/]+)\/(activity|activities|visits)$/.exec(path) ?? [];
        if (!id || method !== 'GET' || (kind === 'events' && what !== 'activity')) return undefined;
        const name = decodeURIComponent(id);
        if (kind === 'events') {
            if (!events[name]) return problem(404, 'event-not-found');
            const rooms = events[name].rooms.filter(({ room_id }) => mayEnter(user, room_id));
            return json({
                event_id: name, ...this.#history(rooms.map(({ room_id }) => room_id), query),
                rooms: rooms.map((room) => {
                    const { active_users, peak, average } = this.#history([room.room_id], query);
                    return { room_id: room.room_id, name: room.name, active_users, peak, average };
                }),
            });
        }
        if (!mayEnter(user, name)) return problem(404, 'room-not-found');
        if (what === 'activity') return json({ room_id: name, ...this.#history([name], query) });
        if (what === 'visits') return json({ room_id: name, visits: this.#visits(name, query), next: null });
        return json({ room_id: name, activities: countActivities([...(this.host.rooms.get(name)?.members.values() ?? [])]) });
    }

    #me({ method, query, user, body }: Asked, [what, id, rest]: string[]): Response | undefined {
        const { clock, json, problem, logout, profile } = this.host;
        const nothing = (): Response => new Response(null, { status: 204 });
        if (what === 'sessions' && method === 'DELETE') {
            logout(user);
            return nothing();
        }
        if (what === 'status' && !id) {
            if (method === 'DELETE') this.setStatus(user, { status: null, message: null });
            if (method === 'DELETE') return nothing();
            if (method === 'PUT' && (body?.status === 'typing' || (body?.message ?? '').length > 140)) return problem(400, 'invalid');
            return json(method === 'PUT' ? this.setStatus(user, body) : this.#said(user));
        }
        if (what === 'watches') {
            const own = this.#watches.get(user) ?? new Map<string, Kept>();
            this.#watches.set(user, own);
            if (!id) {
                return json({ watches: [...own.values()].map(({ toldAt: _, ...watch }) => ({ ...watch, ...pick(profile(watch.user_id)), online: this.#online.has(watch.user_id) })) });
            }
            if (method === 'DELETE') own.delete(id);
            if (method === 'DELETE') return nothing();
            if (own.size >= WATCHES_MAX && !own.has(id)) return problem(409, 'too-many-watches');
            const kept: Kept = {
                user_id: id, room_id: body?.room_id ?? null, quiet_ms: body?.quiet_ms ?? QUIET_MS,
                until_at: body?.until_ms === undefined ? null : this.#time(clock.now() + body.until_ms), created_at: own.get(id)?.created_at ?? this.#time(clock.now()),
                toldAt: -Infinity,
            };
            own.set(id, kept);
            if (body?.until_ms !== undefined) clock.setTimeout(() => own.get(id) === kept && own.delete(id), body.until_ms);
            const { toldAt: _, ...shown } = kept;
            return json(shown);
        }
        if (what !== 'notifications' || rest) return undefined;
        const all = this.#inbox.get(user) ?? [];
        if (id === 'read') {
            const now = this.#time(clock.now());
            this.#inbox.set(user, all.map((one) => (!one.read_at && (body.all || body.ids?.includes(one.id)) ? { ...one, read_at: now } : one)));
            return json({ unread_count: this.#unread(user) });
        }
        const limit = +(query.get('limit') ?? PAGE);
        const after = +(query.get('after') ?? Infinity);
        const found = all.filter(({ id: of, read_at }) => +of < after && (query.get('unread') !== 'true' || !read_at));
        const shown = found.slice(0, limit);
        return json({ notifications: shown, unread_count: this.#unread(user), next: found.length > limit ? shown.at(-1)!.id : null });
    }

    #said(user: string): MyStatus {
        const { status = null, status_until = null, message = null } = this.#own.get(user) ?? {};
        return { status, status_until, message };
    }

    #unread = (user: string): number => (this.#inbox.get(user) ?? []).filter(({ read_at }) => !read_at).length;

    #time = (at: number): string => new Date(at).toISOString();

    #visits(room: string, query: URLSearchParams): Visit[] {
        const [user, at, since, until] = ['user', 'at', 'since', 'until'].map((name) => query.get(name));
        const isWanted = ({ user: of, from, to }: Stay): boolean =>
            (!user || user === of) && (!at || (from <= Date.parse(at) && (to ?? Infinity) > Date.parse(at)))
            && (!since || (to ?? Infinity) >= Date.parse(since)) && (!until || from < Date.parse(until));
        return this.#stays.filter((stay) => stay.room === room && isWanted(stay)).reverse().map(({ user: of, from, to, reason }) => (
            { user_id: of, ...pick(this.host.profile(of)), began_at: this.#time(from), ended_at: to === null ? null : this.#time(to), reason }));
    }

    #history(rooms: string[], query: URLSearchParams) {
        const hours = +(query.get('hours') ?? 24);
        const now = this.host.clock.now();
        const start = now - hours * HOUR_MS;
        const stays = this.#stays.filter(({ room, to }) => rooms.includes(room) && (to ?? Infinity) > start);
        const count = (at: number): number => new Set(stays.filter(({ from, to }) => from <= at && (to ?? Infinity) > at).map(({ user }) => user)).size;
        const most = stays.map(({ from }) => Math.max(from, start)).map((at) => ({ at, online_count: count(at) })).sort((a, b) => b.online_count - a.online_count || a.at - b.at)[0];
        const points = Math.min(hours, POINTS_MAX);
        const occupancy: OccupancyPoint[] = Array.from({ length: points }, (_, n) => start + ((n + 1) * hours * HOUR_MS) / points)
            .map((at) => ({ at: this.#time(at), online_count: count(at) }));
        const people: HistoryPerson[] = [...new Set(stays.map(({ user }) => user))].map((user) => ({
            user_id: user, ...pick(this.host.profile(user)), online: this.#online.has(user),
            last_seen_at: this.#time(Math.max(...stays.filter((stay) => stay.user === user).map(({ to }) => to ?? now))),
        }));
        const stayed = stays.reduce((sum, { from, to }) => sum + (to ?? now) - Math.max(from, start), 0);
        return {
            hours, active_users: people.length, people, occupancy, average: Math.round((stayed / (hours * HOUR_MS)) * 100) / 100,
            peak: { online_count: most?.online_count ?? 0, at: most ? this.#time(most.at) : null },
        };
    }
}

const pick = ({ name, avatar_url }: ReturnType<Profile>): ReturnType<Profile> => ({ name, avatar_url });

/** The most common first, then by name. */
function countActivities(members: readonly Member[]): ActivityCount[] {
    const counts = new Map<string, number>();
    for (const { activity } of members) if (activity) counts.set(activity, (counts.get(activity) ?? 0) + 1);
    return [...counts].map(([activity, online_count]) => ({ activity, online_count }))
        .sort((a, b) => b.online_count - a.online_count || (a.activity < b.activity ? -1 : 1)).slice(0, 100);
}

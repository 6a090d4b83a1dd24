// The service in memory, as far as a client sees it: give its `fetch` to `createPresence`, and be the other people.

import type { Clock, MyStatusChange } from '../types.js';
import type { EventSnapshot, Heartbeat, LeaveReason, Member, UserSnapshot } from '../wire.js';
import { FakeBeyond } from './beyond.js';
import { FakeRoom, type FakeSession } from './rooms.js';

const PING_MS = 15_000;
const GRACE_MS = 5000;
const BEAT_MS = 25_000;
const HELD_BEAT_MS = 60_000;

export interface FakeRequest {
    method: string;
    path: string;
    query: URLSearchParams;
    user: string;
    body: any;
}

export interface FakeServerOptions {
    clock: Clock;
    /** Profiles by user id; whoever is not named has the id as name. */
    users?: { [id: string]: Partial<Pick<Member, 'name' | 'avatar_url' | 'role'>> };
    events?: { [id: string]: EventSnapshot };
    /** More members than this are told as a number. */
    detailMax?: number;
    /** False: a service of before there were watches, notifications, own status and history over HTTP; it answers 404. */
    beyond?: boolean;
}

interface Stream {
    user: string;
    topics: Map<string, number | null>;
    sessions: [FakeRoom, FakeSession][];
    write(name: string, data: object, id?: string): void;
    isStalled: boolean;
    close(error?: Error): void;
}

export type FakeServer = ReturnType<typeof createFakeServer>;

/** `respond` sees each request first: what it returns is the answer. */
export function createFakeServer({ clock, users = {}, events = {}, detailMax = 500, beyond: hasBeyond = true }: FakeServerOptions) {
    const rooms = new Map<string, FakeRoom>();
    const streams = new Set<Stream>();
    const forbidden = new Set<string>();
    const loggedOut = new Set<string>();
    const requests: FakeRequest[] = [];
    let epoch = 'e0000000-0000-4000-8000-000000000001';

    const profile = (id: string) => ({ name: id, avatar_url: null, role: 'collaborator', ...users[id] });
    const roomOf = (id: string): FakeRoom => {
        if (!rooms.has(id)) rooms.set(id, new FakeRoom(id, clock, () => epoch, profile, tell, (user) => beyond.own(user)));
        return rooms.get(id)!;
    };
    const mayEnter = (user: string, room: string): boolean => !forbidden.has(`${user} ${room}`);
    const person = (id: string): UserSnapshot => {
        const here = [...rooms.values()].filter((room) => room.members.has(id));
        const { name, avatar_url } = profile(id);
        return {
            user_id: id, name, avatar_url, online: here.length > 0, status: here[0]?.members.get(id)!.status ?? null, last_seen_at: null,
            rooms: here.map((room) => ({ room_id: room.id, status: room.members.get(id)!.status })),
        };
    };
    const tellTopic = (stream: Stream, topic: string, from: number | null): void => {
        const at = topic.indexOf('=');
        const [kind, id] = [topic.slice(0, at), topic.slice(at + 1)];
        if (kind === 'user') return stream.write('user', person(id));
        if (kind === 'event') return events[id] ? stream.write('event', events[id]) : stream.write('revoked', { event_id: id });
        if (!mayEnter(stream.user, id)) return stream.write('revoked', { room_id: id });
        const room = roomOf(id);
        if (kind === 'count') return stream.write('count', { room_id: id, online_count: room.members.size });
        const isCount = room.members.size > detailMax;
        const cursor = `${epoch}.${room.revision}${isCount ? '.count' : ''}`;
        if (from === null || isCount) stream.write('snapshot', room.snapshot(isCount), cursor);
        else if (from < room.revision) stream.write('diff', room.diff(from), cursor);
        stream.topics.set(topic, isCount ? null : room.revision);
        return undefined;
    };
    const tell = (room: FakeRoom): void => {
        beyond.changed(room);
        for (const stream of streams) {
            for (const [topic, from] of stream.topics) {
                if (topic === `room=${room.id}` || topic === `count=${room.id}`) tellTopic(stream, topic, from);
                if (topic.startsWith('user=')) tellTopic(stream, topic, null);
            }
        }
    };

    const problem = (status: number, type: string, headers?: HeadersInit): Response =>
        new Response(JSON.stringify({ type, title: type, status, detail: type }), { status, headers });
    const json = (body: object): Response => new Response(JSON.stringify(body));

    const openStream = (user: string, query: URLSearchParams, signal?: AbortSignal | null): Response => {
        const topics = [...query].filter(([kind]) => kind !== 'session').map(([kind, id]) => {
            const [, bare, from] = new RegExp(`^(.*?)(?:@${epoch}\\.(\\d+))?$`, 's').exec(id.replace(/@[0-9a-f-]{36}\.\d+\.count$/, ''))!;
            const isKnown = kind === 'room' && from !== undefined && +from <= roomOf(bare).revision;
            return { kind, id: isKnown ? bare : bare.replace(/@[0-9a-f-]{36}\.\d+$/, ''), from: isKnown ? +from : null };
        });
        const may = topics.filter(({ kind, id }) => (kind === 'event' ? events[id] : kind === 'user' || mayEnter(user, id)));
        if (!may.length) return problem(404, 'room-not-found');
        const leases = query.getAll('session').map((lease) => [lease.slice(0, 36), lease.slice(37)]);
        if (leases.some(([id]) => loggedOut.has(id))) return problem(409, 'session-ended');
        const stream: Stream = {
            user, topics: new Map(), sessions: [], isStalled: false,
            write(name, data, id) {
                if (!stream.isStalled) writer.enqueue(new TextEncoder().encode(`event: ${name}\n${id ? `id: ${id}\n` : ''}data: ${JSON.stringify(data)}\n\n`));
            },
            close(error) {
                if (!streams.delete(stream)) return;
                clock.clearTimeout(timer);
                try {
                    if (error) writer.error(error);
                    else writer.close();
                } catch {
                    // The reader has cancelled.
                }
                for (const [room, session] of stream.sessions) {
                    if (session.holder !== stream) continue;
                    session.holder = null;
                    room.expireIn(session, GRACE_MS, 'disconnected');
                }
            },
        };
        let timer: unknown;
        let writer!: ReadableStreamDefaultController<Uint8Array>;
        const body = new ReadableStream<Uint8Array>({ start: (controller) => void (writer = controller), cancel: () => stream.close() });
        const ping = (): void => {
            timer = clock.setTimeout(() => {
                stream.write('ping', {});
                ping();
            }, PING_MS);
        };
        signal?.addEventListener('abort', () => stream.close(new DOMException('aborted', 'AbortError')));
        stream.write('ready', { node: 'fake', ping_ms: PING_MS, server_time: new Date(clock.now()).toISOString() });
        ping();
        streams.add(stream);
        for (const [id, name] of leases) {
            const room = roomOf(name);
            if (!mayEnter(user, name) || beyond.isInvisible(user)) continue;
            const session = room.beat(user, id, {});
            session.holder = stream;
            room.expireIn(session, 0, 'expired');
            stream.sessions.push([room, session]);
        }
        for (const { kind, id, from } of topics) {
            stream.topics.set(`${kind}=${id}`, from);
            tellTopic(stream, `${kind}=${id}`, from);
        }
        return new Response(body);
    };

    const ended = new Map<string, number>();
    const answer = ({ method, path, query, user, body }: FakeRequest, signal?: AbortSignal | null): Response => {
        if (path === '/v1/stream') return openStream(user, query, signal);
        if (path === '/v1/leave') {
            for (const line of String(body).split('\n')) {
                const [, room, id] = atob(line.split(' ')[0]).split('\0');
                const session = rooms.get(room)?.sessions.get(id);
                if (session) roomOf(room).end(session, 'left');
            }
            return new Response(null, { status: 204 });
        }
        const isLogout = path === '/v1/me/sessions';
        const found = hasBeyond || isLogout ? beyond.answer({ method, path, query, user, body }) : undefined;
        if (found) return found;
        const [, name, id] = /^\/v1\/rooms\/([^/]+)\/sessions\/([^/]+)$/.exec(path) ?? [];
        if (!id) return problem(404, 'not-found');
        const room = roomOf(decodeURIComponent(name));
        if (method === 'DELETE') {
            const session = room.sessions.get(id);
            ended.set(`${room.id} ${id}`, +(query.get('seq') ?? Infinity));
            if (session) room.end(session, 'left');
            return new Response(null, { status: 204 });
        }
        if (!mayEnter(user, room.id)) return problem(404, 'room-not-found');
        if (loggedOut.has(id)) return problem(409, 'session-ended');
        if (body.seq <= (ended.get(`${room.id} ${id}`) ?? -1)) return problem(409, 'stale-heartbeat');
        if ((body.message ?? '').length > 140) return problem(400, 'invalid');
        const leave_token = btoa(['leave', room.id, id].join('\0'));
        const lease = { session_id: id, leave_token };
        if (body.status === 'invisible' || beyond.isInvisible(user)) {
            const session = room.sessions.get(id);
            if (session) room.end(session, 'left');
            return json({ ...lease, status: 'invisible', joined_at: null, expires_at: null, heartbeat_ms: BEAT_MS });
        }
        const session = room.beat(user, id, body as Heartbeat);
        const joined_at = room.members.get(user)!.joined_at;
        return json({ ...lease, status: session.status, joined_at, expires_at: joined_at, heartbeat_ms: session.holder ? HELD_BEAT_MS : BEAT_MS });
    };

    const beyond: FakeBeyond = new FakeBeyond({
        clock, rooms, events, profile, mayEnter, json, problem,
        send: (user, name, data) => streams.forEach((stream) => stream.user === user && stream.write(name, data)),
        logout: (user) => server.logout(user),
    });
    const server = {
        requests,
        respond: undefined as ((request: FakeRequest) => Response | undefined) | undefined,
        /** Open streams. */
        streams: (): number => streams.size,
        room: roomOf,
        /** A token of that user, signed by nobody. */
        token(user: string, lifeMs = 3_600_000): string {
            const now = Math.floor(clock.now() / 1000);
            return ['e30', btoa(JSON.stringify({ sub: user, iat: now, exp: now + lifeMs / 1000 })).replace(/=+$/, ''), 'x'].join('.');
        },
        async fetch(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
            if (init.signal?.aborted) throw new DOMException('aborted', 'AbortError');
            const { pathname: path, searchParams: query } = new URL(String(input), 'http://fake');
            const bearer = new Headers(init.headers).get('authorization')?.split('.')[1];
            const claims = bearer ? JSON.parse(atob(bearer)) : {};
            const text = init.body as string | undefined;
            const request: FakeRequest = {
                method: init.method ?? 'GET', path, query, user: claims.sub ?? '', body: text && path !== '/v1/leave' ? JSON.parse(text) : text,
            };
            requests.push(request);
            const given = server.respond?.(request);
            if (given) return given;
            if (path !== '/v1/leave' && !(claims.exp * 1000 > clock.now())) return problem(401, 'unauthenticated');
            return answer(request, init.signal);
        },
        problem,
        /** Somebody else comes, or says something. */
        join: (room: string, user: string, says: Heartbeat = {}): void => void roomOf(room).beat(user, `of-${user}`, says, 0),
        leave(room: string, user: string, reason: LeaveReason = 'left'): void {
            for (const session of [...roomOf(room).sessions.values()]) if (session.user === user) roomOf(room).end(session, reason);
        },
        /** May not, or no longer, enter. */
        revoke(room: string, user: string): void {
            forbidden.add(`${user} ${room}`);
            for (const stream of streams) if (stream.user === user && stream.topics.delete(`room=${room}`)) stream.write('revoked', { room_id: room });
            server.leave(room, user, 'revoked');
        },
        /** Somebody says something for all rooms, on another device. */
        setStatus: (user: string, change: MyStatusChange): void => void beyond.setStatus(user, change),
        /** `watcher` is told that `user` came online, whatever they watch. */
        notify: (watcher: string, user: string, room: string | null = null) => beyond.notify(watcher, user, room),
        allow: (room: string, user: string): void => void forbidden.delete(`${user} ${room}`),
        logout(user: string): void {
            for (const room of rooms.values()) {
                for (const session of [...room.sessions.values()]) {
                    if (session.user !== user) continue;
                    loggedOut.add(session.id);
                    room.end(session, 'logged_out');
                }
            }
            server.bye('logged-out', null, user);
        },
        bye(reason: string, retry_ms: number | null, user?: string): void {
            for (const stream of [...streams]) {
                if (user !== undefined && stream.user !== user) continue;
                stream.write('bye', { reason, retry_ms });
                for (const [room, session] of stream.sessions) {
                    if (reason === 'shutdown' && session.holder === stream) {
                        session.holder = null;
                        room.expireIn(session, 75_000, 'expired');
                    }
                }
                stream.close();
            }
        },
        /** All sockets die. */
        cut: (): void => [...streams].forEach((stream) => stream.close(new TypeError('cut'))),
        /** All open streams fall silent. */
        stall: (): void => streams.forEach((stream) => (stream.isStalled = true)),
        /** Sends an event to all open streams, as it is. */
        send: (name: string, data: object, id?: string): void => streams.forEach((stream) => stream.write(name, data, id)),
        /** The unlogged data was lost; the members were put back. */
        renewEpoch(): void {
            epoch = epoch.slice(0, -1) + ((+epoch.slice(-1) + 1) % 10);
            for (const stream of streams) for (const topic of [...stream.topics.keys()]) tellTopic(stream, topic, null);
        },
    };
    return server;
}

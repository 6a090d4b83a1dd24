// The one stream: what is asked, what is folded, what happens when it breaks.

import { expect, test } from 'vitest';
import { names, opened, record, world } from './support.js';

test('one stream carries all topics, and what is asked at once goes into one request', async () => {
    const { client, server, clock } = world();
    const presence = client();

    presence.room('a').observe();
    presence.room('b').observe();
    const user = record(presence.user('bob'));
    const counts = record(presence.counts(['b', 'c']));
    server.join('c', 'bob');
    await clock.advance(50);

    expect(opened(server.requests)).toHaveLength(1);
    expect(user.states.at(-1)).toMatchObject({ phase: 'ready', user: { online: true, rooms: [{ room_id: 'c' }] } });
    expect(counts.states.at(-1)).toEqual({ phase: 'ready', error: null, counts: { b: 0, c: 1 } });
});

test('another topic opens a second stream from the cursors, and the first goes on until it is there', async () => {
    const { client, server, clock, watch } = world();
    const seen = await watch('a');
    const presence = client();
    presence.room('a').join();
    await clock.advance(50);
    const { states } = record(presence.connection);

    presence.room('b').join();
    await clock.advance(60_000);

    expect(opened(server.requests)[1]).toMatch(/room=a@e0000000-0000-4000-8000-000000000001\.1/);
    expect(seen).toEqual(['+alice']);
    expect(states).toEqual([]);
    expect(server.streams()).toBe(2);
});

test('what is missed while there is no stream is told by the next one from the cursor', async () => {
    const { client, server, clock, watch } = world();
    const seen = await watch('a');
    const room = client().room('a');
    room.join();
    server.join('a', 'bob');
    await clock.advance(50);
    server.respond = () => server.problem(503, 'unavailable');

    server.cut();
    server.leave('a', 'bob');
    server.join('a', 'carol');
    await clock.advance(500);
    expect(names(room.getSnapshot().members)).toEqual(['alice', 'bob']);
    server.respond = undefined;
    await clock.advance(3000);

    expect(names(room.getSnapshot().members)).toEqual(['alice', 'carol']);
    expect(seen.filter((what) => what.includes('alice'))).toEqual(['+alice']);
});

test('a lost connection is told at once, and as lost after 5 s', async () => {
    const { client, server, clock } = world({ random: 0.9 });
    const presence = client();
    presence.room('a').join();
    await clock.advance(50);
    server.respond = () => server.problem(503, 'unavailable');
    const { states } = record(presence.connection);

    server.cut();
    await clock.advance(4900);
    expect(states.at(-1)).toMatchObject({ state: 'reconnecting', lost: false, error: { type: 'unavailable', status: 503 } });
    await clock.advance(200);
    expect(states.at(-1)).toMatchObject({ state: 'reconnecting', lost: true });
    server.respond = undefined;
    await clock.advance(30_000);

    expect(states.at(-1)).toMatchObject({ state: 'open', lost: false, error: null });
});

test('wake tries at once, however long the wait would be', async () => {
    const { client, server, clock } = world({ random: 1 });
    const presence = client();
    presence.room('a').join();
    await clock.advance(50);
    server.respond = () => server.problem(503, 'unavailable');
    server.cut();
    await clock.advance(60_000);
    server.respond = undefined;
    expect(presence.connection.getSnapshot()).toMatchObject({ state: 'reconnecting', lost: true });

    presence.wake();
    await clock.advance(20);

    expect(presence.connection.getSnapshot()).toMatchObject({ state: 'open', lost: false });
});

test('wake asks for a token at once where there was none, and brings back a client that was refused', async () => {
    const { client, clock, server } = world({ random: 1 });
    let token: () => string = () => {
        throw new Error('the application is away');
    };
    const presence = client('alice', undefined, { getToken: () => token() });
    presence.room('a').join();
    await clock.advance(60_000);
    expect(presence.connection.getSnapshot()).toMatchObject({ state: 'reconnecting' });
    token = () => '';
    await clock.advance(60_000);
    expect(presence.connection.getSnapshot()).toMatchObject({ state: 'closed', error: { status: 401 } });

    token = () => server.token('alice');
    presence.wake();
    await clock.advance(50);

    expect(presence.connection.getSnapshot()).toMatchObject({ state: 'open' });
});

test('wake does nothing to a client that nobody uses, or that was closed', async () => {
    const { client, clock, server, asked } = world();
    const presence = client();
    presence.wake();
    await clock.advance(60_000);
    presence.close();
    presence.wake();
    await clock.advance(60_000);

    expect([asked, server.requests, clock.pending()]).toEqual([[], [], 0]);
    expect(presence.connection.getSnapshot()).toMatchObject({ state: 'closed' });
});

test('backoff doubles from half a second to half a minute, with full jitter', async () => {
    const { client, server, clock } = world({ random: 1 });
    const at: number[] = [];
    server.respond = ({ path }) => {
        if (path === '/v1/stream') at.push(clock.now());
        return server.problem(500, 'internal');
    };

    client().room('a').observe();
    await clock.advance(200_000);

    expect(at.slice(1, 9).map((time, index) => time - at[index])).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
});

test('Retry-After is the least wait', async () => {
    const { client, server, clock } = world({ random: 0 });
    const at: number[] = [];
    server.respond = () => {
        at.push(clock.now());
        return server.problem(429, 'too-many-streams', { 'retry-after': '5' });
    };

    client().room('a').observe();
    await clock.advance(11_000);

    expect(at.slice(1).map((time, index) => time - at[index])).toEqual([5000, 5000]);
});

test('bye is obeyed: when to come back, and whether', async () => {
    const { client, server, clock, watch } = world();
    const seen = await watch('a');
    const presence = client();
    presence.room('a').join();
    await clock.advance(50);

    server.bye('shutdown', 700, 'alice');
    await clock.advance(690);
    expect(opened(server.requests)).toHaveLength(1);
    await clock.advance(100);
    expect(opened(server.requests)).toHaveLength(2);
    expect(seen).toEqual(['+alice']);
    server.logout('alice');
    await clock.advance(600_000);

    expect(opened(server.requests)).toHaveLength(2);
    expect(seen).toEqual(['+alice', '-alice logged_out']);
    expect(presence.connection.getSnapshot()).toMatchObject({ state: 'closed', error: { type: 'logged-out' } });
    expect(presence.room('a').getSnapshot()).toMatchObject({ phase: 'error', error: { type: 'logged-out' }, members: [] });
});

test('a silent connection is given up after two pings, and members stay in view', async () => {
    const { client, server, clock } = world();
    const room = client().room('a');
    room.join();
    await clock.advance(50);
    server.stall();

    await clock.advance(31_000);
    expect(opened(server.requests)).toHaveLength(1);
    await clock.advance(2000);

    expect(opened(server.requests)).toHaveLength(2);
    expect(names(room.getSnapshot().members)).toEqual(['alice']);
});

test('a room that may not be seen is an error, the others go on, and nothing of it is asked again', async () => {
    const { client, server, clock } = world();
    server.revoke('secret', 'alice');
    const presence = client();
    presence.room('secret').join();
    presence.room('a').join();
    await clock.advance(5000);

    expect(presence.room('secret').getSnapshot()).toMatchObject({ phase: 'error', error: { type: 'room-not-found' }, members: [] });
    expect(presence.room('a').getSnapshot().phase).toBe('ready');
    server.cut();
    await clock.advance(5000);
    expect(opened(server.requests).at(-1)).not.toContain('secret');
    server.revoke('a', 'alice');
    await clock.advance(5000);

    expect(presence.room('a').getSnapshot()).toMatchObject({ phase: 'error', members: [] });
    expect(server.streams()).toBe(0);
});

test('a refused room is asked for again by whoever wants it anew', async () => {
    const { client, server, clock } = world();
    server.revoke('a', 'alice');
    const presence = client();
    const release = presence.room('a').join();
    await clock.advance(1000);
    expect(presence.room('a').getSnapshot().error?.type).toBe('room-not-found');
    release();
    await clock.advance(1000);

    server.allow('a', 'alice');
    presence.room('a').join();
    await clock.advance(1000);

    expect(presence.room('a').getSnapshot().self?.user_id).toBe('alice');
});

test('a topic that makes a bad request does not take the others along', async () => {
    const { client, server, clock } = world();
    const presence = client();
    presence.room('a').observe();
    await clock.advance(50);
    server.respond = ({ query }) => (query.toString().includes('wrong') ? server.problem(400, 'invalid') : undefined);

    presence.room('wrong').observe();
    await clock.advance(1000);
    server.join('a', 'bob');
    await clock.advance(50);

    expect(presence.room('wrong').getSnapshot()).toMatchObject({ phase: 'error', error: { type: 'invalid' } });
    expect(names(presence.room('a').getSnapshot().members)).toEqual(['bob']);
});

test('a gap makes the room be read anew, and is never shown', async () => {
    const { client, server, clock } = world();
    const room = client().room('a');
    server.join('a', 'bob');
    room.observe();
    await clock.advance(50);
    const { states } = record(room);

    server.send('diff', { ...server.room('a').diff(0), from: 7, revision: 9, left: [{ user_id: 'bob', reason: 'left', last_seen_at: '' }] }, 'x.9');
    server.send('diff', { ...server.room('a').diff(0), from: 9, revision: 10 }, 'x.10');
    await clock.advance(1000);

    expect(opened(server.requests)).toHaveLength(2);
    expect(opened(server.requests)[1]).toBe('room=a');
    expect(states).toEqual([]);
});

test('a diff that is known is passed over, and so is an event that is not', async () => {
    const { client, server, clock } = world();
    const room = client().room('a');
    server.join('a', 'bob');
    room.observe();
    await clock.advance(50);
    const { states } = record(room);

    server.send('diff', server.room('a').diff(0), 'x.1');
    server.send('party', { room_id: 'a' });
    await clock.advance(1000);

    expect(opened(server.requests)).toHaveLength(1);
    expect(states).toEqual([]);
});

test('a new epoch replaces what is known and is answered with the whole state', async () => {
    const { client, server, clock, calls } = world();
    const room = client().room('a');
    room.join();
    void room.setStatus({ message: 'here' });
    await clock.advance(50);
    const before = calls('PUT').length;

    server.renewEpoch();
    await clock.advance(50);

    expect(calls('PUT').slice(before).map(({ body }) => body.message)).toEqual(['here']);
    expect(names(room.getSnapshot().members)).toEqual(['alice']);
});

test('a room of many people tells how many, goes on by its cursor, and is whole again when they are fewer', async () => {
    const { client, server, clock } = world({ detailMax: 2 });
    const room = client().room('a');
    for (const user of ['b', 'c', 'd']) server.join('a', user);

    room.observe();
    await clock.advance(50);
    expect(room.getSnapshot()).toMatchObject({ phase: 'ready', mode: 'count', members: [], onlineCount: 3 });
    server.cut();
    await clock.advance(1000);
    expect(opened(server.requests)[1]).toMatch(/\.count$/);
    server.leave('a', 'b');
    await clock.advance(50);

    expect(room.getSnapshot()).toMatchObject({ mode: 'full', onlineCount: 2 });
    expect(names(room.getSnapshot().members)).toEqual(['c', 'd']);
});

test('degraded and recovered are told', async () => {
    const { client, server, clock } = world();
    const presence = client();
    presence.room('a').join();
    await clock.advance(50);

    server.send('degraded', {});
    await clock.advance(10);
    expect(presence.connection.getSnapshot().state).toBe('degraded');
    server.send('recovered', {});
    await clock.advance(10);

    expect(presence.connection.getSnapshot().state).toBe('open');
});

test('of more than a hundred topics the first hundred are asked for, and the rest say why not', async () => {
    const { client, clock, server } = world();
    const presence = client();
    const { states, stop } = record(presence.counts(Array.from({ length: 120 }, (_, at) => `r${at}`)));
    presence.room('a').observe();
    await clock.advance(50);

    expect(opened(server.requests)[0].split('&')).toHaveLength(100);
    expect(presence.room('a').getSnapshot().phase).toBe('ready');
    expect(states.at(-1)!.error?.type).toBe('too-many-topics');
    stop();
});

test('without a stream heartbeats keep one there, within the grace', async () => {
    const { client, server, clock, watch } = world();
    const seen = await watch('a');
    client().room('a').join();
    await clock.advance(50);
    server.respond = ({ path }) => (path === '/v1/stream' ? server.problem(503, 'unavailable') : undefined);

    server.cut();
    const again = await watch('a');
    await clock.advance(300_000);

    expect(seen).toEqual(['+alice']);
    expect(again).toEqual([]);
    expect(server.room('a').members.has('alice')).toBe(true);
});

test('a stream that comes back is followed by what was said, and by nothing where nothing was', async () => {
    for (const [message, calls] of [['here', 1], [undefined, 0]] as const) {
        const { client, server, clock, calls: made } = world({ random: 0 });
        const room = client().room('a');
        await room.setStatus({ message });
        room.join();
        await clock.advance(1000);
        const before = made('PUT').length;

        server.cut();
        await clock.advance(900);

        expect(made('PUT').length - before).toBe(calls);
    }
});

test('who was gone for so long that the service forgot comes back with what was said', async () => {
    const { client, server, clock } = world();
    const room = client().room('a');
    room.join();
    void room.setStatus({ status: 'busy', message: 'at the venue' });
    await clock.advance(50);
    server.respond = () => server.problem(503, 'unavailable');
    server.cut();
    await clock.advance(100_000);
    expect(server.room('a').members.size).toBe(0);

    // The stream first: it joins with nothing said.
    server.respond = ({ method }) => (method === 'PUT' ? server.problem(503, 'unavailable') : undefined);
    await clock.advance(31_000);
    expect(server.room('a').members.get('alice')).toMatchObject({ status: 'active', message: null });
    server.respond = undefined;
    await clock.advance(35_000);

    expect(server.room('a').members.get('alice')).toMatchObject({ status: 'busy', message: 'at the venue' });
});

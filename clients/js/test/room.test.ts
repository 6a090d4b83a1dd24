// One tab and one room: joining, seeing, saying, leaving.

import { expect, test } from 'vitest';
import { names, record, world } from './support.js';

test('joining takes one call, shows who is here, and tells others once', async () => {
    const { client, server, clock, watch, calls } = world();
    server.join('a', 'bob');
    const seen = await watch('a');
    const room = client().room('a');

    room.join();
    await clock.advance(50);

    expect(room.getSnapshot()).toMatchObject({ phase: 'ready', error: null, onlineCount: 2, mode: 'full' });
    expect(names(room.getSnapshot().members)).toEqual(['alice', 'bob']);
    expect(room.getSnapshot().self?.user_id).toBe('alice');
    expect(seen).toEqual(['+alice']);
    expect(calls('GET', 'stream').filter(({ user }) => user === 'alice')).toHaveLength(1);
    expect(calls('PUT')).toHaveLength(0);
});

test('observing shows who is here and tells nobody', async () => {
    const { client, server, clock, watch } = world();
    server.join('a', 'bob');
    const seen = await watch('a');
    const room = client().room('a');

    room.observe();
    await clock.advance(60_000);

    expect(names(room.getSnapshot().members)).toEqual(['bob']);
    expect(seen).toEqual([]);
});

test('two joins are one session, which ends a moment after the last release', async () => {
    const { client, clock, watch } = world();
    const seen = await watch('a');
    const room = client().room('a');
    const [first, second] = [room.join(), room.join()];
    await clock.advance(50);

    first();
    await clock.advance(1000);
    expect(seen).toEqual(['+alice']);
    second();
    second();
    await clock.advance(1000);

    expect(seen).toEqual(['+alice', '-alice left']);
});

test('going and coming at once, as StrictMode does, shows nothing', async () => {
    const { client, clock, watch } = world();
    const seen = await watch('a');
    const room = client().room('a');

    room.join()();
    room.join();
    await clock.advance(1000);

    expect(seen).toEqual(['+alice']);
});

test('a renewal and other rooms re-render nobody, and who did not change stays the same object', async () => {
    const { client, server, clock } = world();
    server.join('a', 'bob');
    server.join('a', 'carol');
    const presence = client();
    const room = presence.room('a');
    room.join();
    presence.room('b').observe();
    await clock.advance(50);
    const { states } = record(room);
    const before = room.getSnapshot();

    server.join('a', 'bob');
    server.join('b', 'dave');
    await clock.advance(300_000 - 1000);
    expect(states).toEqual([]);
    expect(room.getSnapshot()).toBe(before);
    server.join('a', 'carol', { status: 'busy' });
    await clock.advance(50);

    expect(states).toHaveLength(1);
    expect(states[0].members[0]).toBe(before.members[0]);
    expect(states[0].members[1]).toBe(before.members[1]);
    expect(states[0].members[2].status).toBe('busy');
});

test('what is said before joining is in the first thing that others see', async () => {
    const { client, server, clock, watch } = world();
    const seen = await watch('a');
    const room = client().room('a');

    await room.setStatus({ status: 'busy', message: 'at the venue' });
    room.join();
    await clock.advance(100);

    expect(seen).toEqual(['+alice']);
    expect(server.room('a').members.get('alice')).toMatchObject({ status: 'busy', message: 'at the venue' });
    expect(room.getSnapshot().self).toMatchObject({ status: 'busy' });
});

test('setStatus resolves once it is so, and rejects what cannot be said without losing the rest', async () => {
    const { client, server, clock } = world();
    const room = client().room('a');
    room.join();
    await clock.advance(50);

    await Promise.all([room.setStatus({ status: 'busy' }), clock.advance(50)]);
    const refused = room.setStatus({ message: 'x'.repeat(141) }).catch((error) => error.type);
    await clock.advance(50);
    expect(await refused).toBe('invalid');
    await clock.advance(90_000);

    expect(server.room('a').members.get('alice')).toMatchObject({ status: 'busy', message: null });
});

test('invisible is not being there, and seeing all the same', async () => {
    const { client, server, clock, watch } = world();
    const seen = await watch('a');
    const room = client().room('a');
    room.join();
    await clock.advance(50);

    void room.setStatus({ status: 'invisible' });
    await clock.advance(200_000);
    server.join('a', 'bob');
    await clock.advance(50);
    expect(seen).toEqual(['+alice', '-alice left', '+bob']);
    expect(names(room.getSnapshot().members)).toEqual(['bob']);
    void room.setStatus({ status: null });
    await clock.advance(100);

    expect(seen.at(-1)).toBe('+alice');
});

test('typing is told at once, again each 3 s while keys are struck, and ends 4 s after the last', async () => {
    const { client, clock, watch, calls } = world();
    const seen = await watch('a');
    const room = client().room('a');
    room.join();
    await clock.advance(50);

    for (let key = 0; key < 30; key++) {
        room.setTyping(true);
        await clock.advance(200);
    }
    expect(calls('PUT').map(({ body }) => body.status)).toEqual(['typing', 'typing']);
    await clock.advance(5000);

    expect(calls('PUT').map(({ body }) => body.status)).toEqual(['typing', 'typing', 'active']);
    expect(seen).toEqual(['+alice', '~alice typing', '~alice active']);
});

test('typing ends on send, keeps busy with what is left of it, and is not shown to oneself', async () => {
    const { client, server, clock, calls } = world();
    const room = client().room('a');
    room.join();
    void room.setStatus({ status: 'busy', status_ttl_ms: 60_000 });
    await clock.advance(50);
    server.join('a', 'bob', { status: 'typing' });

    room.setTyping(true);
    await clock.advance(1000);
    expect(names(room.getSnapshot().typing)).toEqual(['bob']);
    room.setTyping(false);
    await clock.advance(50);

    expect(calls('PUT').at(-1)!.body).toMatchObject({ status: 'busy' });
    expect(calls('PUT').at(-1)!.body.status_ttl_ms).toBeLessThan(60_000);
});

test('leave leaves at once though a join is held, and the next join comes back', async () => {
    const { client, clock, watch } = world();
    const seen = await watch('a');
    const room = client().room('a');
    room.join();
    await clock.advance(50);

    void room.leave();
    await clock.advance(10_000);
    expect(seen).toEqual(['+alice', '-alice left']);
    expect(room.getSnapshot().phase).toBe('ready');
    room.join();
    await clock.advance(100);

    expect(seen).toEqual(['+alice', '-alice left', '+alice']);
});

test('who is put out stays out until a join asks anew', async () => {
    const { client, server, clock, watch } = world();
    const seen = await watch('a');
    const room = client().room('a');
    room.join();
    await clock.advance(50);

    server.leave('a', 'alice', 'removed');
    await clock.advance(300_000);
    expect(seen).toEqual(['+alice', '-alice removed']);
    expect(room.getSnapshot()).toMatchObject({ phase: 'ready', error: { type: 'removed' } });
    room.join();
    await clock.advance(100);

    expect(room.getSnapshot().error).toBeNull();
    expect(room.getSnapshot().self?.user_id).toBe('alice');
});

test('too many sessions is an error beside what one sees', async () => {
    const { client, server, clock } = world();
    server.respond = ({ method, query }) =>
        method === 'PUT' || query.has('session') ? server.problem(409, 'too-many-sessions') : undefined;
    const room = client().room('a');
    server.join('a', 'bob');

    room.join();
    await clock.advance(5000);

    expect(room.getSnapshot()).toMatchObject({ phase: 'ready', onlineCount: 1, error: { type: 'too-many-sessions', status: 409 } });
    server.respond = undefined;
    await clock.advance(40_000);
    expect(room.getSnapshot()).toMatchObject({ onlineCount: 2, error: null });
});

test('a sign of life once a minute renews what the stream holds', async () => {
    const { client, clock, calls } = world();
    client().room('a').join();

    await clock.advance(301_000);

    expect(calls('PUT').filter(({ body }) => body.status === 'active').length).toBeGreaterThanOrEqual(4);
    expect(calls('PUT').length).toBeLessThanOrEqual(6);
    const numbers = calls('PUT').map(({ body }) => body.seq);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
});

test('two hundred rooms, one after the other, leave nothing behind', async () => {
    const { client, server, clock } = world();
    const presence = client();
    await clock.advance(10);
    const before = clock.pending();

    for (let at = 0; at < 200; at++) {
        const release = presence.room(`room ${at}`).join();
        const { stop } = record(presence.room(`room ${at}`));
        await clock.advance(30);
        release();
        stop();
    }
    await clock.advance(1000);

    expect(server.streams()).toBe(0);
    expect(clock.pending()).toBe(before);
    expect(presence.connection.getSnapshot().state).toBe('idle');
});

test('close leaves at once and ends everything', async () => {
    const { client, server, clock, watch } = world();
    const seen = await watch('a');
    const presence = client();
    presence.room('a').join();
    await clock.advance(50);

    presence.close();
    await clock.advance(50);
    const before = server.requests.length;
    presence.room('a').join();
    await clock.advance(600_000);

    expect(seen).toEqual(['+alice', '-alice left']);
    expect(server.requests.length).toBe(before);
    expect(presence.connection.getSnapshot()).toMatchObject({ state: 'closed', error: { type: 'closed' } });
});

test('whoever leaves takes the heartbeat back that is under way, and what it was to say is no error', async () => {
    const { browser, client, clock, server, calls } = world();
    let taken = 0;
    const tab = browser.tab();
    const room = client('alice', tab, {
        fetch: (input, init) => (init?.method !== 'PUT' ? tab.options.fetch!(input, init) : new Promise((_, reject) => {
            init.signal!.addEventListener('abort', () => {
                taken += 1;
                reject(new DOMException('aborted', 'AbortError'));
            });
        })),
    }).room('a');
    room.join();
    await clock.advance(50);
    const said = room.setStatus({ status: 'busy' });
    await clock.advance(50);

    void room.leave();
    await clock.advance(50);

    expect(await said).toBeUndefined();
    expect(taken).toBe(1);
    expect(calls('DELETE')).toHaveLength(1);
    expect(server.room('a').members.size).toBe(0);
});

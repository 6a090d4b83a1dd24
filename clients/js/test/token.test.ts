// Tokens: when a new one is asked for, and what becomes of a client that gets none, or another user's.

import { expect, test } from 'vitest';
import { opened, record, world } from './support.js';

test('the token is asked for anew before it ends, and the stream changes over without a gap', async () => {
    const { client, server, clock, asked } = world();
    const presence = client('alice', undefined, { getToken: (how) => (asked.push(how), server.token('alice', 100_000)) });
    presence.room('a').join();
    await clock.advance(50);
    const { states } = record(presence.connection);

    await clock.advance(85_000);

    expect(asked).toEqual([{ force: false }, { force: true }]);
    expect(opened(server.requests)).toHaveLength(2);
    expect(states).toEqual([]);
});

test('a 401 gets one new token; a second one is an error until somebody looks again', async () => {
    const { client, server, clock, asked } = world();
    const presence = client();
    server.respond = () => server.problem(401, 'unauthenticated');

    presence.room('a').observe();
    await clock.advance(120_000);

    expect(asked).toEqual([{ force: false }, { force: true }]);
    expect(presence.connection.getSnapshot()).toMatchObject({ state: 'closed', error: { type: 'unauthenticated', status: 401 } });
});

test('a getToken that fails is tried again', async () => {
    const { client, server, clock } = world();
    let isDown = true;
    const presence = client('alice', undefined, {
        getToken: async () => {
            if (isDown) throw new Error('the application is away');
            return server.token('alice');
        },
    });

    presence.room('a').join();
    await clock.advance(20_000);
    expect(presence.connection.getSnapshot()).toMatchObject({ state: 'reconnecting', lost: true, error: { type: 'network' } });
    isDown = false;
    await clock.advance(30_000);

    expect(presence.room('a').getSnapshot().self?.user_id).toBe('alice');
});

test('a token of another user ends the client', async () => {
    const { client, server, clock } = world();
    let user = 'alice';
    const presence = client('alice', undefined, { getToken: () => server.token(user, 100_000) });
    presence.room('a').join();
    await clock.advance(50);

    user = 'bob';
    await clock.advance(100_000);

    expect(presence.connection.getSnapshot()).toMatchObject({ state: 'closed', error: { type: 'user-changed' } });
    expect(server.requests.filter((request) => request.user === 'bob')).toEqual([]);
});

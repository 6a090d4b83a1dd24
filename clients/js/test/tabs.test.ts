// Several tabs of one browser, and the life of a page: what others see of it is read from a stream of their own.

import { expect, test } from 'vitest';
import { names, world } from './support.js';

const own = (user: string) => (request: { path: string; user: string }) => request.path === '/v1/stream' && request.user === user;

test('two tabs of one user hold one stream, and both see', async () => {
    const { client, server, clock, watch } = world();
    const seen = await watch('a');
    const [first, second] = [client(), client()];
    first.room('a').join();
    await clock.advance(100);
    second.room('a').join();
    second.room('b').observe();
    await clock.advance(100);

    server.join('a', 'bob');
    server.join('b', 'carol');
    await clock.advance(100);

    expect(server.streams()).toBe(2);
    expect(names(first.room('a').getSnapshot().members)).toEqual(['alice', 'bob']);
    expect(names(second.room('a').getSnapshot().members)).toEqual(['alice', 'bob']);
    expect(names(second.room('b').getSnapshot().members)).toEqual(['carol']);
    expect(second.connection.getSnapshot().state).toBe('open');
    expect(server.room('a').sessions.size).toBe(3);
    expect(seen).toEqual(['+alice', '+bob']);
});

test('two logins never share', async () => {
    const { client, server, clock } = world();
    client('alice').room('a').join();
    client('bob').room('a').join();
    await clock.advance(100);

    expect(server.requests.filter(own('alice'))).toHaveLength(1);
    expect(server.requests.filter(own('bob'))).toHaveLength(1);
    expect(server.streams()).toBe(2);
});

test('where tabs are not to share, or cannot, each has a stream of its own', async () => {
    for (const [isPlain, share] of [[true, undefined], [false, false]] as const) {
        const { client, server, clock, browser } = world({ isPlain });
        client('alice', browser.tab(), { share }).room('a').join();
        client('alice', browser.tab(), { share }).room('a').join();
        await clock.advance(100);

        expect(server.streams()).toBe(2);
        expect(server.room('a').sessions.size).toBe(2);
    }
});

for (const way of ['close', 'crash', 'stash'] as const) {
    test(`when the leading tab goes (${way}) the next one takes over within a second, without a leave`, async () => {
        const { client, server, clock, watch, browser } = world();
        const seen = await watch('a');
        const leader = browser.tab();
        client('alice', leader).room('a').join();
        await clock.advance(100);
        const rest = [client(), client()];
        for (const presence of rest) presence.room('a').join();
        rest[1].room('b').observe();
        await clock.advance(100);

        leader[way]();
        await clock.advance(900);
        expect(server.streams()).toBe(2);
        server.join('b', 'bob');
        await clock.advance(20_000);

        expect(seen).toEqual(['+alice']);
        expect(server.room('a').sessions.size).toBe(2);
        expect(names(rest[1].room('b').getSnapshot().members)).toEqual(['bob']);
        expect(rest.map(({ connection }) => connection.getSnapshot().state)).toEqual(['open', 'open']);
    });
}

for (const way of ['close', 'crash', 'stash'] as const) {
    test(`a tab that goes (${way}) has left within 7 s, whichever tab held its session`, async () => {
        const { client, server, clock, watch, browser } = world();
        const [a, b] = [await watch('a'), await watch('b')];
        const [leader, follower] = [browser.tab(), browser.tab()];
        client('alice', leader).room('a').join();
        await clock.advance(100);
        client('alice', follower).room('b').join();
        await clock.advance(100);
        expect(server.streams()).toBe(3);

        follower[way]();
        await clock.advance(7000);
        expect(b).toEqual(['+alice', '-alice disconnected']);
        expect(a).toEqual(['+alice']);
        leader[way]();
        await clock.advance(7000);

        expect(a).toEqual(['+alice', '-alice disconnected']);
        expect(leader.beacons).toEqual([]);
    });
}

for (const role of ['only', 'leading', 'following'] as const) {
    test(`ten reloads of the ${role} tab show others nothing, and keep the session and what was said`, async () => {
        const { client, server, clock, watch, browser } = world();
        const seen = await watch('a');
        let [first, tab] = [browser.tab(), browser.tab()];
        if (role === 'following') client('alice', first).room('b').join();
        await clock.advance(100);
        const before = client('alice', tab);
        before.room('a').join();
        void before.room('a').setStatus({ status: 'busy' });
        await clock.advance(100);
        if (role === 'leading') client('alice', first).room('b').join();
        await clock.advance(100);
        const ids = [...server.room('a').sessions.keys()];
        const shown = [...seen];

        for (let time = 0; time < 10; time++) {
            tab = tab.reload();
            await clock.advance(3000);
            client('alice', tab).room('a').join();
            await clock.advance(500);
        }
        await clock.advance(20_000);

        expect(seen).toEqual(shown);
        expect([...server.room('a').sessions.keys()]).toEqual(ids);
        expect(server.room('a').members.get('alice')!.status).toBe('busy');
    });
}

test('a duplicated tab has a session of its own, and its end is not the end of the first', async () => {
    const { client, server, clock, watch, browser } = world();
    const seen = await watch('a');
    const tab = browser.tab().reload();
    client('alice', tab).room('a').join();
    await clock.advance(100);
    const again = tab.reload();
    client('alice', again).room('a').join();
    await clock.advance(100);
    const copy = again.duplicate();
    client('alice', copy).room('a').join();
    await clock.advance(100);
    expect(server.room('a').sessions.size).toBe(2);

    copy.close();
    await clock.advance(20_000);

    expect(seen).toEqual(['+alice']);
    expect(server.room('a').sessions.size).toBe(1);
});

test('a tab that was duplicated while it only looked has a session of its own once both are in a room', async () => {
    const { client, server, clock, browser } = world();
    const first = browser.tab();
    client('alice', first).room('a').join();
    await clock.advance(1000);
    const looking = first.reload();
    const presence = client('alice', looking);
    presence.room('a').observe();
    await clock.advance(1000);
    const copy = client('alice', looking.duplicate());

    presence.room('a').join();
    copy.room('a').join();
    await clock.advance(1000);

    expect(server.room('a').sessions.size).toBe(2);
});

test('a page that only looked leaves the session of the one before it to the next', async () => {
    const { client, server, clock, browser, watch } = world();
    const seen = await watch('a');
    const first = browser.tab();
    client('alice', first).room('a').join();
    await clock.advance(1000);
    const [session] = server.room('a').sessions.keys();
    const looking = first.reload();
    client('alice', looking).room('b').observe();
    await clock.advance(1000);

    client('alice', looking.reload()).room('a').join();
    await clock.advance(1000);

    expect([...server.room('a').sessions.keys()]).toEqual([session]);
    expect(seen).toEqual(['+alice']);
});

test('a page in the back/forward cache has left, and is there with what it said when it comes back', async () => {
    const { client, server, clock, watch, browser } = world();
    const seen = await watch('a');
    const tab = browser.tab();
    const presence = client('alice', tab);
    presence.room('a').join();
    void presence.room('a').setStatus({ message: 'here' });
    await clock.advance(100);

    tab.stash();
    await clock.advance(60_000);
    expect(seen.at(-1)).toBe('-alice disconnected');
    expect(server.streams()).toBe(1);
    server.join('a', 'bob');
    tab.restore();
    await clock.advance(100);

    expect(seen.slice(-2)).toEqual(['+bob', '+alice']);
    expect(presence.room('a').getSnapshot().self?.message).toBe('here');
    expect(names(presence.room('a').getSnapshot().members)).toEqual(['alice', 'bob']);
});

test('only a session that no stream holds is left by a beacon', async () => {
    const { client, server, clock, browser } = world();
    const tab = browser.tab();
    client('alice', tab).room('a').join();
    await clock.advance(100);
    server.respond = ({ path }) => (path === '/v1/stream' ? server.problem(503, 'unavailable') : undefined);
    server.cut();
    await clock.advance(10_000);

    tab.close();
    await clock.advance(100);

    expect(tab.beacons).toHaveLength(1);
    expect(tab.beacons[0].url).toBe('/v1/leave');
    expect(tab.beacons[0].body).toMatch(/^\S+ \d+$/);
    expect(server.room('a').members.size).toBe(0);
});

test('hidden for 15 s is away, seen again is back at once, and neither changes busy', async () => {
    const { client, server, clock, browser } = world();
    const tab = browser.tab();
    const presence = client('alice', tab);
    presence.room('a').join();
    presence.room('b').join();
    await clock.advance(100);
    void presence.room('b').setStatus({ status: 'busy' });
    const status = (): string[] => ['a', 'b'].map((room) => server.room(room).members.get('alice')!.status);

    tab.hide();
    await clock.advance(14_000);
    expect(status()).toEqual(['active', 'busy']);
    await clock.advance(2000);
    expect(status()).toEqual(['away', 'busy']);
    await clock.advance(3_600_000);
    expect(status()).toEqual(['away', 'busy']);
    tab.show();
    await clock.advance(50);

    expect(status()).toEqual(['active', 'busy']);
});

test('without input for 5 min one is idle, and back with the next key', async () => {
    const { client, server, clock, browser } = world();
    const tab = browser.tab();
    client('alice', tab).room('a').join();
    await clock.advance(200_000);
    tab.fire('pointermove');
    await clock.advance(200_000);
    expect(server.room('a').members.get('alice')!.status).toBe('active');

    await clock.advance(101_000);
    expect(server.room('a').members.get('alice')!.status).toBe('idle');
    tab.fire('keydown');
    await clock.advance(50);

    expect(server.room('a').members.get('alice')!.status).toBe('active');
});

for (const sign of ['online', 'resume', 'visibilitychange']) {
    test(`${sign} connects and beats at once, also from a tab that does not lead`, async () => {
        const { client, server, clock, calls, browser } = world({ random: 1 });
        client().room('a').join();
        await clock.advance(100);
        const tab = browser.tab();
        const presence = client('alice', tab);
        presence.room('a').join();
        await clock.advance(100);
        server.respond = () => server.problem(503, 'unavailable');
        server.cut();
        await clock.advance(100_000);
        server.respond = undefined;
        const before = calls('PUT').length;

        tab.fire(sign);
        await clock.advance(50);

        expect(presence.connection.getSnapshot().state).toBe('open');
        expect(calls('PUT').length).toBeGreaterThan(before);
    });
}

test('a logout ends every tab', async () => {
    const { client, server, clock } = world();
    const tabs = [client(), client()];
    for (const presence of tabs) presence.room('a').join();
    await clock.advance(100);

    server.logout('alice');
    await clock.advance(600_000);

    for (const { connection } of tabs) expect(connection.getSnapshot()).toMatchObject({ state: 'closed', error: { type: 'logged-out' } });
    expect(server.room('a').members.size).toBe(0);
});

test('a session that was logged out before this page began is replaced', async () => {
    const { client, server, clock, browser } = world();
    const tab = browser.tab();
    client('alice', tab).room('a').join();
    await clock.advance(100);
    const next = tab.reload();
    server.logout('alice');

    const presence = client('alice', next);
    presence.room('a').join();
    await clock.advance(5000);

    expect(presence.room('a').getSnapshot().self?.user_id).toBe('alice');
    expect(presence.connection.getSnapshot().state).toBe('open');
});

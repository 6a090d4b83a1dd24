// What is loaded when it is first used, over a network that fails: it is tried again, and nothing else suffers.

import { afterEach, expect, test, vi } from 'vitest';
import { names } from './support.js';

afterEach(() => {
    for (const part of ['session', 'share', 'beyond']) vi.doUnmock(`../src/${part}.js`);
    vi.resetModules();
});

/** A world whose network fails for that part until `mend()`. */
async function world(part: 'session' | 'share' | 'beyond') {
    vi.resetModules();
    vi.doMock(`../src/${part}.js`, () => {
        throw new TypeError('Failed to fetch dynamically imported module');
    });
    const { world: make } = await import('./support.js');
    return {
        ...make(),
        async mend() {
            vi.doUnmock(`../src/${part}.js`);
            await vi.importActual(`../src/${part}.js`);
        },
    };
}

test('a room that is joined is seen at once, and entered when that could be loaded', async () => {
    const { client, clock, mend } = await world('session');
    const presence = client();
    presence.room('general').join();
    await clock.advance(1000);
    expect(presence.room('general').getSnapshot()).toMatchObject({ phase: 'ready', onlineCount: 0 });

    await mend();
    await clock.advance(6000);

    expect(names(presence.room('general').getSnapshot().members)).toEqual(['alice']);
});

test('what is said of a room before it can be entered is in the first thing that others see', async () => {
    const { client, clock, watch, mend } = await world('session');
    const seen = await watch('general');
    const room = client().room('general');
    await room.setStatus({ status: 'busy', status_ttl_ms: 60_000 });
    room.join();
    await clock.advance(1000);
    await room.setStatus({ message: 'at the venue' });

    await mend();
    await clock.advance(6000);

    expect(seen).toEqual(['+alice']);
    expect(room.getSnapshot().self).toMatchObject({ status: 'busy', message: 'at the venue' });
});

test('a tab that cannot load what it takes to share has a stream of its own', async () => {
    const { client, clock, server } = await world('share');
    const tabs = [client(), client()];
    for (const tab of tabs) tab.room('general').join();
    await clock.advance(1000);

    expect(server.streams()).toBe(2);
    expect(server.room('general').sessions.size).toBe(2);
});

test('own status and notifications are tried again; until then it is the network that is wrong', async () => {
    const { client, clock, server, mend } = await world('beyond');
    const presence = client();
    presence.notifications.subscribe(() => {});
    const wrong = presence.setStatus({ status: 'busy' }).catch((error) => error);
    await clock.advance(1000);
    expect(await wrong).toMatchObject({ type: 'network', status: 0 });

    await mend();
    await clock.advance(6000);
    server.notify('alice', 'vera');
    await clock.advance(50);

    expect(presence.notifications.getSnapshot()).toMatchObject({ phase: 'ready', unreadCount: 1 });
});

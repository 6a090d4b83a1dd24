// On a server: nothing is there that a browser has.

import { expect, test, vi } from 'vitest';
import { createPresence } from '../src/index.js';

test('a client that is made and read on a server asks nobody, waits for nothing and throws nothing', () => {
    const getToken = vi.fn();
    const wait = vi.spyOn(globalThis, 'setTimeout');

    const presence = createPresence({ url: 'https://presence.example.com', getToken });

    expect(presence.room('a').getSnapshot()).toMatchObject({ phase: 'idle', members: [], self: null });
    expect(presence.user('bob').getSnapshot()).toMatchObject({ phase: 'idle', user: null });
    expect(presence.event('gala').getSnapshot()).toMatchObject({ phase: 'idle', event: null });
    expect(presence.counts(['a']).getSnapshot()).toMatchObject({ counts: {} });
    expect(presence.connection.getSnapshot().state).toBe('idle');
    expect(presence.userId).toBeNull();
    expect(getToken).not.toHaveBeenCalled();
    expect(wait).not.toHaveBeenCalled();
});

test('what is asked for twice is the same object', () => {
    const presence = createPresence({ url: '', getToken: () => '' });

    expect(presence.room('a')).toBe(presence.room('a'));
    expect(presence.room('a').getSnapshot()).toBe(presence.room('a').getSnapshot());
    expect(presence.counts(['a']).getSnapshot().counts).toEqual({});
});

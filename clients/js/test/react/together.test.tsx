// @vitest-environment happy-dom
// Hooks, components and the real client together, before a service in memory and a clock moved by hand.

import { act, cleanup, render, screen } from '@testing-library/react';
import { useState, type ReactNode } from 'react';
import { afterEach, expect, test } from 'vitest';
import { RoomPresence, TypingIndicator } from '../../src/components/index.js';
import type { Presence } from '../../src/index.js';
import { PresenceProvider, useRoomPresence } from '../../src/react/index.js';
import { world } from '../support.js';

afterEach(cleanup);

const Draft = (): ReactNode => {
    const { setTyping, others } = useRoomPresence('general');
    return <input aria-label={`Write to ${others.length}`} onInput={() => setTyping(true)} />;
};

/** Two components in one room, under StrictMode. */
function show(client: Presence): { hide(): void; unhide(): void } {
    let set: (is: boolean) => void;
    const Page = (): ReactNode => {
        const [isShown, setShown] = useState(true);
        set = setShown;
        return isShown && <><RoomPresence roomId="general" /><TypingIndicator roomId="general" /><Draft /></>;
    };
    render(<PresenceProvider client={client}><Page /></PresenceProvider>, { reactStrictMode: true });
    return { hide: () => act(() => set(false)), unhide: () => act(() => set(true)) };
}

test('several components under StrictMode are one session, one stream and one join', async () => {
    const { client, clock, calls, watch } = world();
    const seen = await watch('general');

    show(client());
    await act(() => clock.advance(1000));

    expect(seen).toEqual(['+alice']);
    const sessions = calls('GET', 'stream').filter(({ user }) => user === 'alice').map(({ query }) => query.getAll('session'));
    expect(new Set(sessions.flat()).size).toBe(1);
    expect(screen.getByRole('group', { name: '1 person here' })).toBeTruthy();
});

test('unmounting and mounting at once shows nobody anything; unmounting for good leaves', async () => {
    const { client, clock, watch } = world();
    const seen = await watch('general');
    const page = show(client());
    await act(() => clock.advance(1000));

    for (let turn = 0; turn < 2; turn += 1) {
        page.hide();
        page.unhide();
        await act(() => clock.advance(1000));
    }
    expect(seen).toEqual(['+alice']);
    page.hide();
    await act(() => clock.advance(1000));

    expect(seen).toEqual(['+alice', '-alice left']);
});

test('somebody comes, types and goes before one\'s eyes', async () => {
    const { client, clock, server } = world();
    show(client());
    await act(() => clock.advance(1000));

    server.join('general', 'bob');
    await act(() => clock.advance(200));
    expect(screen.getByRole('button', { name: 'bob Active' })).toBeTruthy();
    expect(screen.getByLabelText('Write to 1')).toBeTruthy();

    server.join('general', 'bob', { status: 'typing' });
    await act(() => clock.advance(200));
    expect(screen.getByRole('status').textContent).toBe('bob is typing');

    server.leave('general', 'bob');
    await act(() => clock.advance(200));
    expect(screen.queryByRole('button', { name: /bob/ })).toBeNull();
    expect(screen.getByRole('status').textContent).toBe('');
});

test('an hour of renewals renders nothing again', async () => {
    const { client, clock, server } = world();
    let renders = 0;
    const Count = (): ReactNode => (renders += 1, useRoomPresence('general').onlineCount);
    server.join('general', 'bob');
    // Idle after five minutes would be a change that people see.
    render(<PresenceProvider client={client('alice', undefined, { idleMs: 0 })}><Count /></PresenceProvider>);
    await act(() => clock.advance(1000));
    const before = renders;

    await act(() => clock.advance(3_600_000));

    expect(renders).toBe(before);
});

test('a room that may not be entered is said, not thrown', async () => {
    const { client, clock, server } = world();
    server.revoke('general', 'alice');

    show(client());
    await act(() => clock.advance(1000));

    expect(screen.getByText('Not available')).toBeTruthy();
});

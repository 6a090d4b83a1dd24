// @vitest-environment happy-dom
// What the hooks promise, on React's own terms.

import { act, cleanup, render, renderHook } from '@testing-library/react';
import type { ReactNode } from 'react';
import { renderToString } from 'react-dom/server';
import { afterEach, describe, expect, test } from 'vitest';
import {
    PresenceProvider, useConnection, useEventPresence, useLastSeen, useRoomCounts, useRoomPresence, useUserPresence,
} from '../../src/react/index.js';
import { FakePresence, member } from './fake.js';

afterEach(cleanup);

const under = (client: FakePresence) => ({ children }: { children: ReactNode }): ReactNode => (
    <PresenceProvider client={client}>{children}</PresenceProvider>
);

describe('useRoomPresence', () => {
    test('is in the room while it is mounted, and no longer', () => {
        const client = new FakePresence();

        const { unmount } = renderHook(() => useRoomPresence('general'), { wrapper: under(client) });
        expect(client.room('general').joins).toBe(1);

        unmount();
        expect(client.room('general').joins).toBe(0);
        expect(client.room('general').listeners.size).toBe(0);
    });

    test('tells who is here, oneself, the others and who types', () => {
        const client = new FakePresence();
        const { result } = renderHook(() => useRoomPresence('general'), { wrapper: under(client) });
        expect(result.current).toMatchObject({ status: 'loading', presentUsers: [], self: null, error: null });

        const [alice, bob] = [member('alice'), member('bob', { status: 'typing' })];
        act(() => {
            client.room('general').show([alice, bob], 'alice');
            client.room('general').set({ typing: [bob] });
        });

        expect(result.current).toMatchObject({ status: 'ready', onlineCount: 2, mode: 'full' });
        expect(result.current.presentUsers).toEqual([alice, bob]);
        expect(result.current.self).toBe(alice);
        expect(result.current.others).toEqual([bob]);
        expect(result.current.typingUsers).toEqual([bob]);
    });

    test('does nothing while there is no room', () => {
        const client = new FakePresence();

        const { result, rerender } = renderHook(({ id }: { id?: string }) => useRoomPresence(id), { wrapper: under(client), initialProps: {} });
        expect(result.current.status).toBe('idle');
        expect(client.rooms.size).toBe(0);

        rerender({ id: 'general' });
        expect(result.current.status).toBe('loading');
        expect(client.room('general').joins).toBe(1);

        rerender({});
        expect(result.current.status).toBe('idle');
        expect(client.room('general').joins).toBe(0);
    });

    test('goes from one room to the other', () => {
        const client = new FakePresence();
        const { rerender } = renderHook(({ id }) => useRoomPresence(id), { wrapper: under(client), initialProps: { id: 'general' } });

        rerender({ id: 'planning' });

        expect([client.room('general').joins, client.room('planning').joins]).toEqual([0, 1]);
    });

    test('sees without being there where it only observes', () => {
        const client = new FakePresence();
        const { rerender } = renderHook(({ observe }) => useRoomPresence('general', { observe }), {
            wrapper: under(client), initialProps: { observe: true },
        });
        expect([client.room('general').joins, client.room('general').observers]).toEqual([0, 1]);

        rerender({ observe: false });
        expect([client.room('general').joins, client.room('general').observers]).toEqual([1, 0]);
    });

    test('holds the room once in StrictMode, without a gap at the end', () => {
        const client = new FakePresence();

        renderHook(() => useRoomPresence('general'), { wrapper: under(client), reactStrictMode: true });

        expect(client.room('general').calls).toEqual(['join', 'release', 'join']);
    });

    test('a render of its parent neither leaves nor joins', () => {
        const client = new FakePresence();
        const { rerender } = renderHook(() => useRoomPresence('general', { observe: false }), { wrapper: under(client) });

        rerender();
        rerender();

        expect(client.room('general').calls).toEqual(['join']);
    });

    test('two components of one room read one source', () => {
        const client = new FakePresence();
        const Count = (): ReactNode => <b>{useRoomPresence('general').onlineCount}</b>;
        const { container } = render(<><Count /><Count /></>, { wrapper: under(client) });

        act(() => client.room('general').show([member('alice')]));

        expect(client.rooms.size).toBe(1);
        expect(container.textContent).toBe('11');
    });

    test('renders again only when the state is another one', () => {
        const client = new FakePresence();
        let renders = 0;
        renderHook(() => (renders += 1, useRoomPresence('general')), { wrapper: under(client) });
        const before = renders;

        act(() => client.room('general').listeners.forEach((each) => each()));

        expect(renders).toBe(before);
    });

    test('keeps the list of the others as long as nobody changed', () => {
        const client = new FakePresence();
        const { result, rerender } = renderHook(() => useRoomPresence('general'), { wrapper: under(client) });
        act(() => client.room('general').show([member('alice'), member('bob')], 'alice'));
        const { others, setTyping, setStatus } = result.current;

        rerender();

        expect(result.current.others).toBe(others);
        expect(result.current.setTyping).toBe(setTyping);
        expect(result.current.setStatus).toBe(setStatus);
    });

    test('passes on typing and status, and gives back what went wrong as a value', async () => {
        const client = new FakePresence();
        const { result } = renderHook(() => useRoomPresence('general'), { wrapper: under(client) });

        result.current.setTyping(true);
        expect(await result.current.setStatus({ status: 'busy' })).toBeNull();
        client.room('general').refuses = { type: 'rate-limited', status: 429, message: 'too many' };
        expect(await result.current.setStatus({ message: 'hello' })).toMatchObject({ type: 'rate-limited' });

        expect(client.room('general').typing).toEqual([true]);
        expect(client.room('general').changes).toEqual([{ status: 'busy' }, { message: 'hello' }]);
    });

    test('setting a status while there is no room is no error', async () => {
        const { result } = renderHook(() => useRoomPresence(null), { wrapper: under(new FakePresence()) });

        expect(await result.current.setStatus({ status: 'busy' })).toBeNull();
    });

    test('a forbidden room is an error to read, not one to catch', () => {
        const client = new FakePresence();
        const { result } = renderHook(() => useRoomPresence('secret'), { wrapper: under(client) });

        act(() => client.room('secret').set({ phase: 'error', error: { type: 'room-not-found', status: 404, message: 'no such room' } }));

        expect(result.current.status).toBe('error');
        expect(result.current.error?.type).toBe('room-not-found');
    });

    test('a missing provider is an error to read, too', () => {
        const { result } = renderHook(() => useRoomPresence('general'));

        expect(result.current).toMatchObject({ status: 'error', error: { type: 'no-provider' } });
    });

    test('renders on a server without asking anybody', () => {
        const client = new FakePresence();
        const Page = (): ReactNode => <i>{useRoomPresence('general').status}</i>;

        const html = renderToString(<PresenceProvider client={client}><Page /></PresenceProvider>);

        expect(html).toBe('<i>loading</i>');
        expect(client.room('general').calls).toEqual([]);
    });
});

test('useEventPresence gives the dashboard once it is known', () => {
    const client = new FakePresence();
    const { result } = renderHook(() => useEventPresence('gala'), { wrapper: under(client) });
    expect(result.current).toMatchObject({ status: 'loading', event: null });

    const event = { event_id: 'gala', name: 'Gala', coordinator_id: null, online_count: 2, people: [], rooms: [] };
    act(() => client.event('gala').set({ phase: 'ready', event }));

    expect(result.current).toMatchObject({ status: 'ready', event, error: null });
});

test('useUserPresence and useLastSeen tell of a person, and let go of the topic', () => {
    const client = new FakePresence();
    const { result, unmount } = renderHook(() => [useUserPresence('vera'), useLastSeen('vera')] as const, { wrapper: under(client) });
    expect(result.current[1]).toMatchObject({ lastSeenAt: null, online: false });

    const user = { user_id: 'vera', name: 'Vera', avatar_url: null, online: true, status: 'busy' as const, last_seen_at: '2026-01-01T10:00:00Z', rooms: [] };
    act(() => client.user('vera').set({ phase: 'ready', user }));

    expect(result.current[0].user).toBe(user);
    expect(result.current[1]).toMatchObject({ lastSeenAt: user.last_seen_at, online: true, status: 'ready' });
    unmount();
    expect(client.user('vera').listeners.size).toBe(0);
});

test('useRoomCounts asks once for the same rooms in a new array', () => {
    const client = new FakePresence();
    const { result, rerender } = renderHook(({ ids }) => useRoomCounts(ids), { wrapper: under(client), initialProps: { ids: ['a', 'b'] } });

    rerender({ ids: ['a', 'b'] });
    act(() => client.tally.set({ phase: 'ready', counts: { a: 3 } }));
    expect(client.asked).toEqual([['a', 'b']]);
    expect(result.current).toMatchObject({ status: 'ready', counts: { a: 3 } });

    rerender({ ids: [] });
    expect(result.current).toMatchObject({ status: 'idle', counts: {} });
});

test('useConnection follows the connection, and is idle without a client', () => {
    const client = new FakePresence();
    const { result } = renderHook(useConnection, { wrapper: under(client) });

    act(() => client.connection.set({ state: 'reconnecting', lost: true }));

    expect(result.current).toMatchObject({ state: 'reconnecting', lost: true });
    expect(renderHook(useConnection).result.current.state).toBe('idle');
});

// @vitest-environment happy-dom
// The hooks beyond rooms: each promise on React's own terms.

import { act, cleanup, renderHook } from '@testing-library/react';
import { StrictMode, type ReactNode } from 'react';
import { renderToString } from 'react-dom/server';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
    PresenceProvider, useActivity, useEventHistory, useMyStatus, useNotifications, useRoomHistory, useSignOut, useWatch, useWatches,
} from '../../src/react/index.js';
import { FakePresence, history, member, notification, watch } from './fake.js';

afterEach(() => {
    cleanup();
    vi.useRealTimers();
});

const under = (client: FakePresence) => ({ children }: { children: ReactNode }): ReactNode => (
    <StrictMode><PresenceProvider client={client}>{children}</PresenceProvider></StrictMode>
);
const REFUSED = { type: 'too-many-watches', status: 409, message: 'over 200' };

describe('useMyStatus', () => {
    test('reads and says it, and never rejects', async () => {
        const client = new FakePresence();
        const { result, unmount } = renderHook(() => useMyStatus(), { wrapper: under(client) });
        expect(result.current).toMatchObject({ status: 'loading', myStatus: { status: null } });

        act(() => client.myStatus.set({ phase: 'ready', status: 'busy', status_until: '2026-01-01T15:00:00Z' }));
        expect(result.current).toMatchObject({ status: 'ready', myStatus: { status: 'busy', status_until: '2026-01-01T15:00:00Z', message: null } });

        expect(await result.current.setStatus({ status: 'away' })).toBeNull();
        client.refuses = REFUSED;
        expect(await result.current.setStatus({ status: null })).toBe(REFUSED);
        expect(client.calls).toEqual(['status {"status":"away"}', 'status {"status":null}']);
        unmount();
        expect(client.myStatus.listeners.size).toBe(0);
    });

    test('without a provider it is an error, for what one says too', async () => {
        const { result } = renderHook(() => useMyStatus());

        expect(result.current).toMatchObject({ status: 'error', error: { type: 'no-provider' } });
        expect(await result.current.setStatus({ status: 'busy' })).toMatchObject({ type: 'no-provider' });
    });
});

describe('useWatch', () => {
    test('tells whether one watches somebody, and changes it', async () => {
        const client = new FakePresence();
        const { result } = renderHook(() => useWatch('vera'), { wrapper: under(client) });
        act(() => client.watches.set({ phase: 'ready', watches: [watch('bob')] }));
        expect(result.current).toMatchObject({ status: 'ready', isWatching: false, watch: null, isPending: false });

        await act(async () => expect(await result.current.setWatching(true)).toBeNull());
        act(() => client.watches.set({ watches: [watch('bob'), watch('vera')] }));
        expect(result.current).toMatchObject({ isWatching: true, watch: { user_id: 'vera' }, isPending: false });

        client.refuses = REFUSED;
        await act(async () => expect(await result.current.setWatching(false)).toBe(REFUSED));
        expect(result.current).toMatchObject({ isWatching: true, isPending: false });
        expect(client.calls).toEqual(['watch vera', 'unwatch vera']);
    });

    test('of nobody is idle', () => {
        const { result } = renderHook(() => useWatch(null), { wrapper: under(new FakePresence()) });

        expect(result.current).toMatchObject({ status: 'idle', isWatching: false });
    });
});

test('useWatches lists them', () => {
    const client = new FakePresence();
    const { result } = renderHook(() => useWatches(), { wrapper: under(client) });

    act(() => client.watches.set({ phase: 'ready', watches: [watch('bob')] }));

    expect(result.current.watches.map(({ user_id }) => user_id)).toEqual(['bob']);
});

describe('useNotifications', () => {
    test('tells of each that arrives once, and of none that was there', () => {
        const client = new FakePresence();
        const arrived: string[] = [];
        const { result } = renderHook(() => useNotifications({ onArrive: ({ id }) => void arrived.push(id) }), { wrapper: under(client) });
        act(() => client.notifications.show([notification('2', 'bob'), notification('1', 'vera')]));
        expect(arrived).toEqual([]);

        act(() => client.notifications.show([notification('4', 'dan'), notification('3', 'carol'), notification('2', 'bob'), notification('1', 'vera')]));
        act(() => client.notifications.set({ unreadCount: 1 }));

        expect(arrived).toEqual(['3', '4']);
        expect(result.current.notifications).toHaveLength(4);
    });

    test('the first one ever arrives, too; older ones that are read on do not', () => {
        const client = new FakePresence();
        const arrived: string[] = [];
        renderHook(() => useNotifications({ onArrive: ({ id }) => void arrived.push(id) }), { wrapper: under(client) });
        act(() => client.notifications.show([]));

        act(() => client.notifications.show([notification('9', 'bob')]));
        act(() => client.notifications.show([notification('9', 'bob'), notification('8', 'vera')]));

        expect(arrived).toEqual(['9']);
    });

    test('reads and reads on', async () => {
        const client = new FakePresence();
        const { result } = renderHook(() => useNotifications(), { wrapper: under(client) });

        await result.current.read(['1', '2']);
        await result.current.read();
        await result.current.more();

        expect(client.calls).toEqual(['read 1,2', 'read all', 'more']);
    });
});

describe('useActivity', () => {
    const people = [member('ann', { activity: 'budget' }), member('ben', { activity: 'seating' }), member('cem', { activity: 'budget' }), member('dan')];

    test('is counted from the members of a room that is there, and asks nobody', () => {
        const client = new FakePresence();
        client.room('general').show(people);
        const { result } = renderHook(() => useActivity('general'), { wrapper: under(client) });

        expect(result.current).toMatchObject({ status: 'ready', activities: [{ activity: 'budget', online_count: 2 }, { activity: 'seating', online_count: 1 }] });
        act(() => client.room('general').show(people.slice(1)));
        expect(result.current.activities).toEqual([{ activity: 'budget', online_count: 1 }, { activity: 'seating', online_count: 1 }]);
        expect(client.calls).toEqual([]);
        expect(client.room('general').calls).toEqual([]);
    });

    test('of a room that is not read here the service is asked, again and again, and not by a page that nobody sees', async () => {
        vi.useFakeTimers();
        const client = new FakePresence();
        client.room('general').set({ phase: 'idle' });
        client.counted = [{ activity: 'budget', online_count: 3 }];
        const { result, unmount } = renderHook(() => useActivity('general'), { wrapper: under(client) });
        expect(result.current.status).toBe('loading');
        await act(async () => {});
        expect(result.current).toMatchObject({ status: 'ready', activities: client.counted });
        const asked = client.calls.length;

        await act(() => vi.advanceTimersByTimeAsync(15_000));
        expect(client.calls.length).toBe(asked + 1);
        const hidden = vi.spyOn(document, 'hidden', 'get').mockReturnValue(true);
        await act(() => vi.advanceTimersByTimeAsync(60_000));
        expect(client.calls.length).toBe(asked + 1);
        hidden.mockRestore();
        unmount();
        await vi.advanceTimersByTimeAsync(60_000);
        expect(client.calls.length).toBe(asked + 1);
    });

    test('of a room of too many people the service is asked', async () => {
        const client = new FakePresence();
        client.room('general').set({ phase: 'ready', mode: 'count', onlineCount: 900 });
        client.counted = [{ activity: 'budget', online_count: 400 }];

        const { result } = renderHook(() => useActivity('general'), { wrapper: under(client) });
        await act(async () => {});

        expect(result.current).toMatchObject({ status: 'ready', activities: client.counted });
    });

    test('a service that has none of it is an error, and is not asked on', async () => {
        vi.useFakeTimers();
        const client = new FakePresence();
        client.room('general').set({ phase: 'idle' });
        client.refuses = { type: 'not-found', status: 404, message: 'there is no such call' };
        const { result } = renderHook(() => useActivity('general'), { wrapper: under(client) });
        await act(async () => {});
        const asked = client.calls.length;

        await act(() => vi.advanceTimersByTimeAsync(60_000));

        expect(result.current).toMatchObject({ status: 'error', error: { type: 'not-found' }, activities: [] });
        expect(client.calls.length).toBe(asked);
    });
});

test('useRoomHistory and useEventHistory read what was, and keep it while it is read again', async () => {
    vi.useFakeTimers();
    const client = new FakePresence();
    const { result } = renderHook(() => [useRoomHistory('general', 12), useEventHistory('gala')] as const, { wrapper: under(client) });
    expect(result.current.map(({ status }) => status)).toEqual(['loading', 'loading']);
    await act(async () => {});
    expect(result.current.map(({ history: found }) => found)).toEqual([history(), history()]);
    expect(client.calls).toContain('room general 12');
    expect(client.calls).toContain('event gala 24');

    client.refuses = { type: 'overloaded', status: 503, message: 'later' };
    await act(() => vi.advanceTimersByTimeAsync(60_000));

    expect(result.current[0]).toMatchObject({ status: 'ready', error: null, history: history() });
});

test('useSignOut signs out, or says what went wrong', async () => {
    const client = new FakePresence();
    const { result } = renderHook(() => useSignOut(), { wrapper: under(client) });

    expect(await result.current()).toBeNull();
    client.refuses = { type: 'overloaded', status: 503, message: 'later' };
    expect(await result.current()).toMatchObject({ type: 'overloaded' });
    expect(client.calls).toEqual(['sign out', 'sign out']);
});

test('on a server all of them are loading and nothing is asked', () => {
    const client = new FakePresence();
    const Reader = (): ReactNode => {
        const all = [useMyStatus(), useWatches(), useWatch('vera'), useNotifications(), useActivity('general'), useRoomHistory('general'), useEventHistory('gala')];
        return <p>{all.map(({ status }) => status).join()}</p>;
    };

    const text = renderToString(<PresenceProvider client={client}><Reader /></PresenceProvider>);

    expect(text).toBe(`<p>${Array(7).fill('loading').join()}</p>`);
    expect(client.calls).toEqual([]);
});

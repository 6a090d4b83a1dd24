// @vitest-environment happy-dom
// The provider that makes its own client: when it makes one, and when it closes it.

import { act, cleanup, render } from '@testing-library/react';
import { Activity, type ReactNode } from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createPresence, type PresenceOptions } from '../../src/index.js';
import { PresenceProvider, usePresence } from '../../src/react/index.js';
import { FakePresence } from './fake.js';

vi.mock('../../src/index.js', () => ({ createPresence: vi.fn() }));

const made: { client: FakePresence; options: PresenceOptions }[] = [];
let seen: unknown;

const Look = (): ReactNode => {
    seen = usePresence();
    return null;
};

beforeEach(() => {
    vi.useFakeTimers();
    made.length = 0;
    vi.mocked(createPresence).mockImplementation((options) => {
        made.push({ client: new FakePresence(), options });
        return made.at(-1)!.client;
    });
});

afterEach(() => {
    cleanup();
    vi.useRealTimers();
});

const app = (url = 'https://presence.test', getToken = () => 'one'): ReactNode => (
    <PresenceProvider url={url} getToken={getToken}><Look /></PresenceProvider>
);

test('closes its client when it goes for good', () => {
    const { unmount } = render(app());
    expect(seen).toBe(made[0].client);

    unmount();
    vi.runAllTimers();

    expect(made.map(({ client }) => client.isClosed)).toEqual([true]);
});

test('keeps its client over renders, and asks the newest getToken', () => {
    const { rerender } = render(app());

    rerender(app('https://presence.test', () => 'two'));

    expect(made).toHaveLength(1);
    expect(made[0].options.getToken({ force: false })).toBe('two');
});

test('closes nothing in StrictMode', () => {
    render(app(), { reactStrictMode: true });

    vi.runAllTimers();

    expect((seen as FakePresence).isClosed).toBe(false);
});

test('makes another client for another url, and closes the first', () => {
    const { rerender } = render(app());

    rerender(app('https://other.test'));
    vi.runAllTimers();

    expect(made.map(({ client, options }) => [options.url, client.isClosed])).toEqual([
        ['https://presence.test', true],
        ['https://other.test', false],
    ]);
    expect(seen).toBe(made[1].client);
});

test.skipIf(!Activity)('has an open client when a hidden part of the page is shown again', () => {
    const page = (mode: 'visible' | 'hidden'): ReactNode => <Activity mode={mode}>{app()}</Activity>;
    const { rerender } = render(page('visible'));

    rerender(page('hidden'));
    vi.runAllTimers();
    expect(made[0].client.isClosed).toBe(true);
    act(() => rerender(page('visible')));

    expect((seen as FakePresence).isClosed).toBe(false);
});

test('never closes a client that it was given', () => {
    const client = new FakePresence();
    const { unmount } = render(<PresenceProvider client={client}><Look /></PresenceProvider>);
    expect(seen).toBe(client);

    unmount();
    vi.runAllTimers();

    expect(client.isClosed).toBe(false);
    expect(made).toEqual([]);
});

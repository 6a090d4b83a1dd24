// @vitest-environment happy-dom
// The components in words: what they say, when, and to whom.

import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import type { ReactNode } from 'react';
import { renderToString } from 'react-dom/server';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
    AvailabilityBadge, ConnectionBanner, EventPresence, LastSeen, PresenceDot, PresenceLabels, RoomBadge, RoomPresence, TypingIndicator,
    english,
} from '../../src/components/index.js';
import type { ConnectionState } from '../../src/index.js';
import { PresenceProvider } from '../../src/react/index.js';
import { FakePresence, member } from '../react/fake.js';

const NOON = new Date(2026, 5, 15, 12, 0, 0);
const ago = (minutes: number): string => new Date(+NOON - minutes * 60_000).toISOString();
const at = (hour: number, day = 15): string => new Date(2026, 5, day, hour).toISOString();

const client = (): FakePresence => new FakePresence();
const under = (presence: FakePresence, children: ReactNode): ReactNode => (
    <PresenceLabels value={{ ...english, locale: 'en-GB' }}>
        <PresenceProvider client={presence}>{children}</PresenceProvider>
    </PresenceLabels>
);

beforeEach(() => {
    vi.useFakeTimers({ now: NOON });
});

afterEach(() => {
    cleanup();
    vi.useRealTimers();
});

describe('TypingIndicator', () => {
    const [ann, ben, cem] = ['ann', 'ben', 'cem'].map((id) => ({ user_id: id, name: id[0].toUpperCase() + id.slice(1) }));

    test.each([
        [[], ''],
        [[ann], 'Ann is typing'],
        [[ann, ben], 'Ann and Ben are typing'],
        [[ann, ben, cem], 'Several people are typing'],
    ])('says who types: case %#', (typing, text) => {
        render(<TypingIndicator typing={typing} />);

        expect(screen.getByRole('status').textContent).toBe(text);
    });

    test('is the same element before, while and after somebody types', () => {
        const { rerender } = render(<TypingIndicator typing={[]} />);
        const status = screen.getByRole('status');

        rerender(<TypingIndicator typing={[ann]} />);
        rerender(<TypingIndicator typing={[]} />);

        expect(screen.getByRole('status')).toBe(status);
    });

    test('shows every change at once, and announces one in ten seconds', () => {
        const heard: string[] = [];
        const { rerender } = render(<TypingIndicator typing={[]} />);
        const status = screen.getByRole('status');
        const shows = (typing: (typeof ann)[]): void => {
            rerender(<TypingIndicator typing={typing} />);
            if (status.textContent && status.getAttribute('aria-live') === 'polite') heard.push(status.textContent);
            vi.advanceTimersByTime(1000);
        };

        for (let turn = 0; turn < 5; turn += 1) {
            shows([ann]);
            shows([]);
        }
        expect(heard).toEqual(['Ann is typing']);
        vi.advanceTimersByTime(5000);
        shows([ann, ben]);

        expect(heard).toEqual(['Ann is typing', 'Ann and Ben are typing']);
        expect(status.textContent).toBe('Ann and Ben are typing');
    });

    test('sees who types in a room without being there', () => {
        const presence = client();
        render(under(presence, <TypingIndicator roomId="general" />));

        act(() => presence.room('general').set({ phase: 'ready', typing: [member('bob')] }));

        expect(screen.getByRole('status').textContent).toBe('Bob Adams is typing');
        expect(presence.room('general').joins).toBe(0);
    });
});

describe('LastSeen', () => {
    test.each([
        [0, 'just now'],
        [-3, 'just now'],
        [5, '5 minutes ago'],
        [125, '2 hours ago'],
        [1500, 'yesterday'],
        [60 * 24 * 70, '2 months ago'],
    ])('%d minutes are "%s"', (minutes, text) => {
        render(<LastSeen at={ago(minutes)} />);

        const time = screen.getByText(text);
        expect(time.tagName).toBe('TIME');
        expect(time.getAttribute('datetime')).toBe(ago(minutes));
    });

    test('ticks, with one timer for all, and none afterwards', () => {
        const { unmount } = render(<><LastSeen at={ago(5)} /><LastSeen at={ago(1)} /></>);
        expect(vi.getTimerCount()).toBe(1);

        act(() => void vi.advanceTimersByTime(60_000));

        expect(screen.getByText('6 minutes ago')).toBeTruthy();
        expect(screen.getByText('2 minutes ago')).toBeTruthy();
        unmount();
        expect(vi.getTimerCount()).toBe(0);
    });

    test('says so of a user who is online, and nothing of one whom nobody knows', () => {
        const presence = client();
        const { container } = render(under(presence, <LastSeen userId="vera" />));
        expect(container.textContent).toBe('');

        const user = { user_id: 'vera', name: 'Vera', avatar_url: null, online: true, status: 'active' as const, last_seen_at: ago(0), rooms: [] };
        act(() => presence.user('vera').set({ phase: 'ready', user }));
        expect(container.textContent).toBe('Online now');

        act(() => presence.user('vera').set({ user: { ...user, online: false, last_seen_at: ago(7) } }));
        expect(container.textContent).toBe('7 minutes ago');
    });

    test('is the day on a server: two clocks would not agree on more', () => {
        expect(renderToString(<LastSeen at="2026-06-15T08:00:00Z" />)).toContain('>2026-06-15</time>');
    });
});

describe('AvailabilityBadge', () => {
    test.each([
        [{ online: true, status: 'active' }, 'Available'],
        [{ online: true, status: 'typing' }, 'Available'],
        [{ online: true, status: 'busy', status_until: at(15) }, 'Busy until 15:00'],
        [{ online: true, status: 'busy', status_until: at(9, 17) }, 'Busy until Wed 09:00'],
        [{ online: true, status: 'busy' }, 'Busy'],
        [{ online: true, status: 'in_meeting' }, 'In a meeting'],
        [{ online: true, status: 'away' }, 'Away'],
        [{ online: false, last_seen_at: ago(5) }, 'Last seen 5 minutes ago'],
        [{ online: false }, 'Offline'],
    ])('%j is "%s"', (user, text) => {
        const { container } = render(under(client(), <AvailabilityBadge user={user} />));

        expect(container.textContent).toBe(text);
    });

    test('is nothing until it is known, and says so where it may not be known', () => {
        const presence = client();
        const { container } = render(under(presence, <AvailabilityBadge userId="vera" />));
        expect(container.textContent).toBe('');

        act(() => presence.user('vera').set({ phase: 'error', error: { type: 'user-not-found', status: 404, message: '' } }));
        expect(container.textContent).toBe('Not available');
    });
});

describe('RoomBadge', () => {
    test('is a number that says what it counts', () => {
        const presence = client();
        render(under(presence, <RoomBadge roomId="general" />));
        expect(screen.queryByRole('img')).toBeNull();

        act(() => presence.tally.set({ phase: 'ready', counts: { general: 3 } }));

        expect(screen.getByRole('img', { name: '3 people here' }).textContent).toBe('3');
    });

    test('is not shown for an empty room, unless asked for', () => {
        const { container, rerender } = render(<RoomBadge count={0} />);
        expect(container.innerHTML).toBe('');

        rerender(<RoomBadge count={0} showZero />);
        expect(screen.getByRole('img', { name: '0 people here' })).toBeTruthy();
    });
});

describe('ConnectionBanner', () => {
    const CASES: [Partial<ConnectionState>, string][] = [
        [{ state: 'open' }, ''],
        [{ state: 'connecting' }, ''],
        [{ state: 'reconnecting', lost: false }, ''],
        [{ state: 'reconnecting', lost: true }, 'Reconnecting…'],
        [{ state: 'degraded' }, 'Updates are paused'],
        [{ state: 'closed' }, 'Disconnected'],
    ];

    test.each(CASES)('%j says "%s"', (connection, text) => {
        const presence = client();
        render(under(presence, <ConnectionBanner />));
        const status = screen.getByRole('status');

        act(() => presence.connection.set(connection));

        expect(screen.getByRole('status')).toBe(status);
        expect(status.textContent).toBe(text);
        expect(screen.queryAllByRole('button')).toHaveLength(connection.lost ? 1 : 0);
    });

    test('its button tries at once', () => {
        const presence = client();
        render(under(presence, <ConnectionBanner />));
        act(() => presence.connection.set({ state: 'reconnecting', lost: true }));

        fireEvent.click(screen.getByRole('button', { name: 'Try now' }));

        expect(presence.wakes).toBe(1);
    });
});

test('PresenceDot is an image with a name, or nothing to read out', () => {
    const { container } = render(<><PresenceDot status="busy" /><PresenceDot status={null} decorative /></>);

    expect(screen.getAllByRole('img')).toHaveLength(1);
    expect(screen.getByRole('img', { name: 'Busy' })).toBeTruthy();
    expect(container.querySelector('[aria-hidden]')?.getAttribute('data-status')).toBe('offline');
});

test('EventPresence shows unique people, who of them is online, and each room', () => {
    const person = { avatar_url: null, role: 'collaborator' };
    const presence = client();
    render(under(presence, <EventPresence eventId="gala" level={2} renderRoom={({ name, room_id }) => <a href={`#${room_id}`}>{name}</a>} />));
    expect(screen.queryByRole('heading')).toBeNull();

    act(() => presence.event('gala').set({
        phase: 'ready',
        event: {
            event_id: 'gala', name: 'Gala', coordinator_id: 'alice', online_count: 1,
            people: [
                { ...person, user_id: 'carol', name: 'Carol', online: false, status: null, last_seen_at: ago(12) },
                { ...person, user_id: 'alice', name: 'Alice', online: true, status: 'busy', last_seen_at: ago(0) },
            ],
            rooms: [{ room_id: 'general', name: 'General', kind: 'chat', online_count: 1, members: [] }],
        },
    }));

    expect(screen.getByRole('heading', { level: 2, name: 'Gala' })).toBeTruthy();
    expect(screen.getByText('1 person online')).toBeTruthy();
    expect(screen.getAllByRole('listitem').map((item) => item.textContent)).toEqual([
        'AliceBusy · collaborator', 'CarolOffline · collaborator12 minutes ago', 'General1',
    ]);
    expect(screen.getByRole('link', { name: 'General' })).toBeTruthy();
});

test('an event that may not be seen says so', () => {
    const presence = client();
    const { container } = render(under(presence, <EventPresence eventId="secret" />));

    act(() => presence.event('secret').set({ phase: 'error', error: { type: 'event-not-found', status: 404, message: '' } }));

    expect(container.textContent).toBe('Not available');
});

test('every word can be another one', () => {
    const german = {
        ...english, nobody: 'Niemand da', here: (count: number) => `${count} da`, typing: (names: readonly string[]) => `${names.join(' und ')} tippt`,
    };

    const { container } = render(
        <PresenceLabels value={german}>
            <RoomPresence members={[]} />
            <RoomBadge count={2} />
            <TypingIndicator typing={[{ user_id: 'ann', name: 'Ann' }]} />
        </PresenceLabels>,
    );

    expect(container.textContent).toBe('Niemand da2Ann tippt');
    expect(screen.getByRole('img', { name: '2 da' })).toBeTruthy();
});

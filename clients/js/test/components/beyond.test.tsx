// @vitest-environment happy-dom
// The components beyond rooms: what they say, what they do, and that they are not there where the service has none of it.

import { act, cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { ReactNode } from 'react';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
    ActivityList, NotificationBell, NotificationList, NotifyBell, PresenceLabels, Sparkline, StatusPicker, english,
} from '../../src/components/index.js';
import { PresenceProvider } from '../../src/react/index.js';
import { FakePresence, history, member, notification, watch } from '../react/fake.js';

const NOT_FOUND = { type: 'not-found', status: 404, message: 'there is no such call' };
const under = (presence: FakePresence, children: ReactNode): ReactNode => (
    <PresenceLabels value={{ ...english, locale: 'en-GB' }}>
        <PresenceProvider client={presence}>{children}</PresenceProvider>
    </PresenceLabels>
);
const settled = (): Promise<void> => act(async () => {});

beforeEach(() => {
    vi.useFakeTimers({ now: new Date(2026, 5, 15, 12, 0, 0), toFake: ['Date'] });
});

afterEach(() => {
    cleanup();
    vi.useRealTimers();
});

describe('StatusPicker', () => {
    const ready = (): FakePresence => {
        const client = new FakePresence();
        client.myStatus.set({ phase: 'ready' });
        return client;
    };
    const open = async (client: FakePresence): Promise<HTMLElement> => {
        render(under(client, <StatusPicker />));
        await userEvent.click(screen.getByRole('button', { name: /^Your status/ }));
        return screen.getByRole('dialog', { name: 'Your status' });
    };

    test('says what goes for oneself, and until when', () => {
        const client = ready();
        render(under(client, <StatusPicker seen="idle" />));
        expect(screen.getByRole('button').getAttribute('aria-label')).toBe('Your status: Idle');

        act(() => client.myStatus.set({ status: 'busy', status_until: new Date(2026, 5, 15, 15).toISOString() }));

        expect(screen.getByRole('button').getAttribute('aria-label')).toBe('Your status: Busy until 15:00');
    });

    test('says each choice: available is none of one’s own', async () => {
        const client = ready();
        const dialog = await open(client);

        for (const name of [/^Away/, /^Busy/, /^In a meeting/, /^Invisible/, /^Available/]) {
            await userEvent.click(within(dialog).getByRole('menuitemradio', { name }));
        }

        expect(client.calls).toEqual(['away', 'busy', 'in_meeting', 'invisible', null].map((status) => `status ${JSON.stringify({ status })}`));
    });

    test('a status may end: in half an hour, in an hour, with the day', async () => {
        const client = ready();
        client.myStatus.set({ status: 'busy' });
        const dialog = await open(client);
        const until = within(dialog).getByRole('group', { name: 'Until' });
        expect(within(until).getByRole('button', { name: 'No end' }).getAttribute('aria-pressed')).toBe('true');

        for (const name of ['30 min', '1 hour', 'End of day', 'No end']) await userEvent.click(within(until).getByRole('button', { name }));

        expect(client.calls).toEqual([
            'status {"status":"busy","status_ttl_ms":1800000}', 'status {"status":"busy","status_ttl_ms":3600000}',
            'status {"status":"busy","status_ttl_ms":43200000}', 'status {"status":"busy"}',
        ]);
    });

    test('whoever is available needs no end', async () => {
        const dialog = await open(ready());

        expect(within(dialog).queryByRole('group', { name: 'Until' })).toBeNull();
    });

    test('a message is set by Enter, which closes, and cleared', async () => {
        const client = ready();
        const dialog = await open(client);

        await userEvent.type(within(dialog).getByLabelText('What are you up to?'), ' Back at three {Enter}');
        expect(screen.queryByRole('dialog')).toBeNull();
        expect(document.activeElement).toBe(screen.getByRole('button'));
        act(() => client.myStatus.set({ message: 'Back at three' }));
        await userEvent.click(screen.getByRole('button'));
        await userEvent.click(screen.getByRole('button', { name: 'Clear message' }));

        expect(client.calls).toEqual(['status {"message":"Back at three"}', 'status {"message":null}']);
    });

    test('is a menu on the keyboard: in, around, chosen, and back', async () => {
        const client = ready();
        client.myStatus.set({ status: 'away' });
        render(under(client, <StatusPicker />));
        act(() => screen.getByRole('button').focus());

        await userEvent.keyboard('{Enter}');
        const chosen = (): string | null => document.activeElement!.getAttribute('data-choice');
        expect(chosen()).toBe('away');
        await userEvent.keyboard('{ArrowDown}');
        expect(chosen()).toBe('busy');
        await userEvent.keyboard('{End}{ArrowDown}');
        expect(chosen()).toBe('available');
        await userEvent.keyboard('{ArrowUp}');
        expect(chosen()).toBe('invisible');
        await userEvent.keyboard('{Home}{Enter}{Escape}');

        expect(client.calls).toEqual(['status {"status":null}']);
        expect(screen.queryByRole('dialog')).toBeNull();
        expect(document.activeElement).toBe(screen.getByRole('button'));
    });

    test('closes by a click elsewhere and by going on with Tab', async () => {
        const client = ready();
        render(under(client, <><StatusPicker /><button type="button">Next</button></>));
        const [button, next] = screen.getAllByRole('button');
        await userEvent.click(button);
        fireEvent.pointerDown(document.body);
        expect(screen.queryByRole('dialog')).toBeNull();

        await userEvent.click(button);
        act(() => next.focus());
        expect(screen.queryByRole('dialog')).toBeNull();
    });

    test('says that something did not get through', async () => {
        const client = ready();
        const dialog = await open(client);
        client.refuses = { type: 'network', status: 0, message: 'gone' };

        await userEvent.click(within(dialog).getByRole('menuitemradio', { name: /^Busy/ }));

        expect(within(dialog).getByRole('status').textContent).toBe('That did not get through. Try again.');
    });

    test('is not there where the service has none', () => {
        const client = new FakePresence();
        const { container } = render(under(client, <StatusPicker />));

        act(() => client.myStatus.set({ phase: 'error', error: NOT_FOUND }));

        expect(container.textContent).toBe('');
    });

    test('shows and tells what it is given', async () => {
        const said: unknown[] = [];
        render(<StatusPicker value={{ status: 'in_meeting', status_until: null, message: null }} onChange={(change) => void said.push(change)} />);

        await userEvent.click(screen.getByRole('button', { name: 'Your status: In a meeting' }));
        await userEvent.click(screen.getByRole('menuitemradio', { name: /^Available/ }));

        expect(said).toEqual([{ status: null }]);
    });
});

describe('NotifyBell', () => {
    test('is pressed while one is told', async () => {
        const client = new FakePresence();
        const { container } = render(under(client, <NotifyBell userId="vera" name="Vera" />));
        expect(container.textContent).toBe('');
        act(() => client.watches.set({ phase: 'ready' }));
        const bell = screen.getByRole('button', { name: 'Tell me when Vera comes online' });
        expect(bell.getAttribute('aria-pressed')).toBe('false');

        await userEvent.click(bell);
        act(() => client.watches.set({ watches: [watch('vera')] }));
        expect(bell.getAttribute('aria-pressed')).toBe('true');
        await userEvent.click(bell);

        expect(client.calls).toEqual(['watch vera', 'unwatch vera']);
    });

    test('says that it could not', async () => {
        const client = new FakePresence();
        client.watches.set({ phase: 'ready' });
        client.refuses = { type: 'too-many-watches', status: 409, message: 'over 200' };
        render(under(client, <NotifyBell userId="vera" />));

        await userEvent.click(screen.getByRole('button'));

        expect(screen.getByRole('button').title).toBe('That did not get through. Try again.');
    });

    test('is not there where the service has no watches', () => {
        const client = new FakePresence();
        client.watches.set({ phase: 'error', error: NOT_FOUND });

        expect(render(under(client, <NotifyBell userId="vera" />)).container.textContent).toBe('');
        expect(screen.queryByRole('button')).toBeNull();
    });
});

describe('NotificationBell', () => {
    const [first, second] = [notification('1', 'vera', { read_at: '2026-01-01T11:00:00Z' }), notification('2', 'bob')];

    test('says how many are unread, and announces what arrives', () => {
        const client = new FakePresence();
        render(under(client, <NotificationBell />));
        act(() => client.notifications.show([first]));
        expect(screen.getByRole('button', { name: 'Notifications' })).toBeTruthy();
        expect(screen.getByRole('status').textContent).toBe('');

        act(() => client.notifications.show([second, first]));

        expect(screen.getByRole('button', { name: 'Notifications, 1 unread' }).textContent).toBe('1');
        expect(screen.getByRole('status').textContent).toBe('Bob Adams is online');
    });

    test('opens the list; choosing one reads it and closes', async () => {
        const client = new FakePresence();
        const opened: string[] = [];
        render(under(client, <NotificationBell onOpen={({ id }) => void opened.push(id)} />));
        act(() => client.notifications.show([second, first]));
        await userEvent.click(screen.getByRole('button'));
        const dialog = screen.getByRole('dialog', { name: 'Notifications' });
        expect(within(dialog).getAllByRole('listitem')).toHaveLength(2);

        await userEvent.click(within(dialog).getByText('Bob Adams is online'));

        expect(client.calls).toEqual(['read 2']);
        expect(opened).toEqual(['2']);
        expect(screen.queryByRole('dialog')).toBeNull();
    });

    test('what was read already is not read again; all may be at once; older ones are read on', async () => {
        const client = new FakePresence();
        render(under(client, <NotificationList />));
        act(() => client.notifications.show([second, first]));
        act(() => client.notifications.set({ hasMore: true }));

        await userEvent.click(screen.getByText('Vera Adams is online'));
        await userEvent.click(screen.getByRole('button', { name: 'Mark all as read' }));
        await userEvent.click(screen.getByRole('button', { name: 'Show more' }));

        expect(client.calls).toEqual(['read all', 'more']);
    });

    test('an empty one says so, and a hundred are 99+', () => {
        render(<><NotificationList notifications={[]} /><NotificationBell notifications={Array.from({ length: 100 }, (_, at) => notification(`${at}`, 'bob'))} /></>);

        expect(screen.getByText(/^Nothing yet/)).toBeTruthy();
        expect(screen.getByRole('button', { name: 'Notifications, 100 unread' }).textContent).toBe('99+');
    });

    test('is not there where the service has none', () => {
        const client = new FakePresence();
        client.notifications.set({ phase: 'error', error: NOT_FOUND });

        render(under(client, <NotificationBell />));

        expect(screen.queryByRole('button')).toBeNull();
    });
});

describe('ActivityList', () => {
    test('says how many are at what, the most common first', () => {
        const client = new FakePresence();
        client.room('general').show([member('ann', { activity: 'budget' }), member('ben', { activity: 'seating' }), member('cem', { activity: 'budget' })]);

        render(under(client, <ActivityList roomId="general" />));

        expect(screen.getAllByRole('listitem').map(({ firstChild }) => firstChild!.textContent)).toEqual(['2 people on budget', '1 person on seating']);
    });

    test('is nothing where nobody is at anything', () => {
        expect(render(<ActivityList activities={[]} />).container.textContent).toBe('');
    });
});

describe('Sparkline', () => {
    test('says the peak and the average in words, and reads a room or an event', async () => {
        const client = new FakePresence();
        render(under(client, <><Sparkline roomId="general" hours={12} /><Sparkline eventId="gala" /></>));
        expect(screen.queryByRole('img')).toBeNull();

        await settled();

        const peakAt = new Date(Date.UTC(2026, 5, 15, 2)).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
        expect(screen.getAllByRole('img').map((each) => each.getAttribute('aria-label'))).toEqual(
            Array(2).fill(`Last 24 hours: at most 3 people, at ${peakAt}; 1.5 on average`));
        expect([...new Set(client.calls)].sort()).toEqual(['event gala 24', 'room general 12']);
    });

    test('draws every point once, and a day of nobody as a flat line', () => {
        const { container } = render(<><Sparkline history={history([0, 2, 1])} /><Sparkline history={history([0, 0, 0])} /></>);

        const [busy, empty] = [...container.querySelectorAll('.pgp-curve')].map((path) => path.getAttribute('d')!);
        expect(busy.match(/[ML]/g)).toHaveLength(3);
        expect(new Set([...empty.matchAll(/ ([\d.]+)/g)].map(([, y]) => y))).toEqual(new Set(['25.0']));
        expect(container.querySelectorAll('circle')).toHaveLength(1);
        expect(screen.getAllByRole('img')[1].getAttribute('aria-label')).toBe('Last 24 hours: nobody');
    });
});

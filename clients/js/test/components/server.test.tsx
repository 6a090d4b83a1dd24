// @vitest-environment happy-dom
// Rendered on a server, taken over by a browser: the same document, and not a word of complaint.

import { act } from '@testing-library/react';
import type { ReactNode } from 'react';
import { hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { afterEach, expect, test, vi } from 'vitest';
import {
    ActivityList, AvailabilityBadge, ConnectionBanner, EventPresence, LastSeen, NotificationBell, NotificationList, NotifyBell, RoomBadge,
    RoomPresence, Sparkline, StatusPicker, TypingIndicator,
} from '../../src/components/index.js';
import { PresenceProvider } from '../../src/react/index.js';
import { FakePresence, member } from '../react/fake.js';

afterEach(() => vi.restoreAllMocks());

const FIVE_MINUTES_AGO = new Date(Date.now() - 300_000).toISOString();

const page = (client: FakePresence): ReactNode => (
    <PresenceProvider client={client}>
        <RoomPresence roomId="general" />
        <RoomPresence members={[member('bob')]} />
        <TypingIndicator roomId="general" />
        <RoomBadge roomId="general" />
        <EventPresence eventId="gala" />
        <AvailabilityBadge userId="vera" />
        <AvailabilityBadge user={{ online: false, last_seen_at: '2020-01-01T00:00:00Z' }} />
        <LastSeen at={FIVE_MINUTES_AGO} />
        <ConnectionBanner />
        <StatusPicker />
        <NotifyBell userId="vera" />
        <NotificationBell />
        <NotificationList />
        <ActivityList roomId="general" />
        <Sparkline roomId="general" />
        <Sparkline eventId="gala" />
    </PresenceProvider>
);

test('hydrates without a difference, then lives', async () => {
    const complaints = vi.spyOn(console, 'error');
    const onServer = new FakePresence();
    const root = document.createElement('div');
    document.body.append(root);
    root.innerHTML = renderToString(page(onServer));
    expect(onServer.room('general').calls).toEqual([]);
    const client = new FakePresence();
    client.room('general').show([member('alice')], 'alice');

    const hydrated = await act(async () => hydrateRoot(root, page(client)));

    expect(complaints.mock.calls).toEqual([]);
    expect(client.room('general').joins).toBe(1);
    expect(root.querySelector('[role=group]')?.getAttribute('aria-label')).toBe('1 person here');
    expect(root.textContent).toContain('5 minutes ago');
    act(() => hydrated.unmount());
});

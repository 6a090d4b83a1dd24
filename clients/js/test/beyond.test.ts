// Own status for all rooms, watches, notifications, history and signing out, against the service in memory.

import { describe, expect, test } from 'vitest';
import type { NotificationsState, Readable } from '../src/index.js';
import { beyond as shapes } from './shapes.js';
import { record, world } from './support.js';

const ids = (of: Readable<NotificationsState>): string[] => of.getSnapshot().notifications.map(({ id }) => id);

describe('own status', () => {
    test('goes for every room at once and at each join, and ends by itself', async () => {
        const { client, clock, server, watch } = world();
        const presence = client();
        presence.room('general').join();
        await clock.advance(50);
        const seen = await watch('general');
        const { states } = record(presence.myStatus);

        void presence.setStatus({ status: 'busy', status_ttl_ms: 60_000, message: 'Deep work' });
        await clock.advance(50);
        presence.room('planning').join();
        await clock.advance(50);

        expect(seen).toEqual(['~alice busy']);
        expect(server.room('planning').members.get('alice')).toMatchObject({ status: 'busy', message: 'Deep work' });
        expect(states.at(-1)).toMatchObject({ phase: 'ready', status: 'busy', message: 'Deep work' });

        await clock.advance(62_000);
        expect(seen).toEqual(['~alice busy', '~alice active']);
        expect(states.at(-1)).toMatchObject({ status: null, status_until: null, message: 'Deep work' });
    });

    test('invisible leaves every room in every tab, and coming back needs no reload', async () => {
        const { client, clock, server, watch } = world();
        const [one, other] = [client(), client()];
        one.room('general').join();
        other.room('planning').join();
        await clock.advance(50);
        const [general, planning] = [await watch('general'), await watch('planning')];
        one.myStatus.subscribe(() => {});

        void one.setStatus({ status: 'invisible' });
        await clock.advance(200);
        expect([general, planning]).toEqual([['-alice left'], ['-alice left']]);
        expect(server.room('general').sessions.size + server.room('planning').sessions.size).toBe(0);
        expect(one.room('general').getSnapshot()).toMatchObject({ phase: 'ready', self: null });
        await clock.advance(120_000);
        expect(server.room('general').sessions.size).toBe(0);

        void one.setStatus({ status: null });
        await clock.advance(200);
        expect([general, planning]).toEqual([['-alice left', '+alice'], ['-alice left', '+alice']]);
        // A stream holds them as before: a closed page is gone after the grace.
        expect([...server.room('planning').sessions.values()].every(({ holder }) => holder)).toBe(true);
    });

    test('set on another device, invisible is noticed at once', async () => {
        const { client, clock, server } = world();
        client().room('general').join();
        await clock.advance(50);

        server.setStatus('alice', { status: 'invisible' });
        await clock.advance(200);
        server.setStatus('alice', { status: null });
        await clock.advance(90_000);

        const [session] = server.room('general').sessions.values();
        expect(session.holder).not.toBeNull();
    });

    test('every tab that shows it hears of a change in another one', async () => {
        const { client, clock } = world();
        const [one, other] = [client(), client()];
        other.room('general').join();
        one.room('general').join();
        const { states } = record(other.myStatus);
        await clock.advance(50);

        void one.setStatus({ status: 'away' });
        await clock.advance(50);

        expect(states.at(-1)).toMatchObject({ phase: 'ready', status: 'away' });
    });

    test('set on another device it shows here, and what passes by itself asks nobody', async () => {
        const { client, clock, server, calls } = world();
        const presence = client();
        presence.room('general').join();
        const { states } = record(presence.myStatus);
        await clock.advance(50);

        server.setStatus('alice', { status: 'busy' });
        await clock.advance(50);
        expect(states.at(-1)).toMatchObject({ status: 'busy' });
        server.setStatus('alice', { status: null });
        await clock.advance(50);
        expect(states.at(-1)).toMatchObject({ status: null });

        const asked = calls('GET', '/me/status').length;
        presence.room('general').setTyping(true);
        await clock.advance(10_000);
        expect(calls('GET', '/me/status').length).toBe(asked);
    });

    test('what is wrong with it is what it rejects with', async () => {
        const { client, clock } = world();

        const wrong = client().setStatus({ message: 'x'.repeat(141) }).catch((error) => error);
        await clock.advance(50);

        expect(await wrong).toMatchObject({ type: 'invalid', status: 400 });
    });
});

describe('watches', () => {
    test('are read, made and ended, and another tab follows', async () => {
        const { client, clock } = world();
        const [one, other] = [client(), client()];
        other.room('general').join();
        one.room('general').join();
        const { states } = record(other.watches);
        await clock.advance(50);
        expect(states.at(-1)).toMatchObject({ phase: 'ready', watches: [] });

        void one.watch('vera', { room_id: 'general', quiet_ms: 1000 });
        await clock.advance(50);
        expect(one.watches.getSnapshot().watches).toMatchObject([{ user_id: 'vera', room_id: 'general', quiet_ms: 1000 }]);
        expect(states.at(-1)!.watches).toMatchObject([{ user_id: 'vera', name: 'vera', online: false }]);

        void other.unwatch('vera');
        await clock.advance(50);
        expect(states.at(-1)!.watches).toEqual([]);
    });

    test('one that may not be made says so', async () => {
        const { client, clock, server } = world();
        server.respond = ({ path }) => (path.endsWith('/watches/dave') ? server.problem(404, 'user-not-found') : undefined);

        const wrong = client().watch('dave').catch((error) => error);
        await clock.advance(50);

        expect(await wrong).toMatchObject({ type: 'user-not-found', status: 404 });
    });
});

describe('notifications', () => {
    test('who is watched and comes online is told of, once in the quiet time', async () => {
        const { client, clock, server } = world();
        const presence = client();
        const { states } = record(presence.notifications);
        void presence.watch('vera');
        await clock.advance(50);

        server.join('general', 'vera');
        await clock.advance(50);
        server.leave('general', 'vera');
        server.join('general', 'vera');
        await clock.advance(50);

        expect(states.at(-1)).toMatchObject({ phase: 'ready', unreadCount: 1, notifications: [{ user_id: 'vera', room_id: 'general', read_at: null }] });
    });

    test('there is a stream for them though nothing else is wanted, and none once nobody listens', async () => {
        const { client, clock, server } = world();
        const presence = client();
        const stop = presence.notifications.subscribe(() => {});
        await clock.advance(50);
        expect(server.streams()).toBe(1);

        stop();
        await clock.advance(500);

        expect(server.streams()).toBe(0);
        expect(clock.pending()).toBe(0);
    });

    test('each tab that shares a stream hears of each once, also while streams change over', async () => {
        const { client, clock, server } = world();
        const tabs = [client(), client(), client()];
        for (const tab of tabs) tab.room('general').join();
        const heard = tabs.map((tab) => {
            const told: string[] = [];
            tab.notifications.subscribe(() => void told.push(ids(tab.notifications).join()));
            return told;
        });
        await clock.advance(50);
        expect(server.streams()).toBe(1);

        const { id } = server.notify('alice', 'vera');
        server.send('notification', { id, kind: 'online', user_id: 'vera', name: 'vera', avatar_url: null, room_id: null, event_id: null, at: '2026-01-01T00:00:00Z', read_at: null });
        await clock.advance(50);

        for (const [at, tab] of tabs.entries()) {
            expect(ids(tab.notifications)).toEqual([id]);
            expect(tab.notifications.getSnapshot().unreadCount).toBe(1);
            expect(heard[at].filter((list) => list === id)).toHaveLength(1);
        }
    });

    test('read marks and the unread number are the same in every tab', async () => {
        const { client, clock, server } = world();
        const [one, other] = [client(), client()];
        for (const tab of [one, other]) tab.notifications.subscribe(() => {});
        await clock.advance(50);
        for (const user of ['vera', 'bob', 'carol']) server.notify('alice', user);
        await clock.advance(50);
        expect(one.notifications.getSnapshot().unreadCount).toBe(3);

        void one.notifications.read(['2']);
        await clock.advance(50);
        for (const tab of [one, other]) {
            expect(tab.notifications.getSnapshot().unreadCount).toBe(2);
            expect(tab.notifications.getSnapshot().notifications.filter(({ read_at }) => read_at).map(({ id }) => id)).toEqual(['2']);
        }

        void other.notifications.read();
        await clock.advance(50);
        expect([one, other].map((tab) => tab.notifications.getSnapshot().unreadCount)).toEqual([0, 0]);
    });

    test('what came while there was no connection is there after it', async () => {
        const { client, clock, server } = world();
        const presence = client();
        presence.notifications.subscribe(() => {});
        await clock.advance(50);
        server.notify('alice', 'bob');
        await clock.advance(50);

        server.respond = ({ path }) => (path === '/v1/stream' ? server.problem(503, 'unavailable') : undefined);
        server.cut();
        await clock.advance(1000);
        server.notify('alice', 'vera');
        server.respond = undefined;
        await clock.advance(60_000);

        expect(ids(presence.notifications)).toEqual(['2', '1']);
        expect(presence.notifications.getSnapshot().unreadCount).toBe(2);
    });

    test('one that arrives while the list is being read is counted once', async () => {
        const { client, clock, server } = world();
        const presence = client();
        presence.room('general').join();
        presence.notifications.subscribe(() => {});
        await clock.advance(50);
        let told = '';
        // Written after the list was read, told before its answer is there.
        server.respond = ({ path, method }) => {
            if (path !== '/v1/me/notifications' || method !== 'GET' || told) return undefined;
            server.respond = undefined;
            told = server.notify('alice', 'vera').id;
            return new Response(JSON.stringify({ notifications: [], unread_count: 0, next: null }));
        };
        server.cut();
        await clock.advance(60_000);

        expect(ids(presence.notifications)).toEqual([told]);
        expect(presence.notifications.getSnapshot().unreadCount).toBe(1);
    });

    test('older ones are read on', async () => {
        const { client, clock, server } = world();
        for (let at = 0; at < 45; at += 1) server.notify('alice', `p${at}`);
        const presence = client();
        presence.notifications.subscribe(() => {});
        await clock.advance(50);
        expect(presence.notifications.getSnapshot()).toMatchObject({ unreadCount: 45, hasMore: true });
        expect(ids(presence.notifications)).toHaveLength(20);

        for (let round = 0; round < 3; round += 1) {
            void presence.notifications.more();
            await clock.advance(50);
        }

        expect(ids(presence.notifications)).toEqual(Array.from({ length: 45 }, (_, at) => String(45 - at)));
        expect(presence.notifications.getSnapshot().hasMore).toBe(false);
    });

    test('whoever is busy is told of nothing, and finds it in the list', async () => {
        const { client, clock, server } = world();
        const presence = client();
        presence.notifications.subscribe(() => {});
        void presence.setStatus({ status: 'busy' });
        await clock.advance(50);

        server.notify('alice', 'vera');
        await clock.advance(50);
        expect(ids(presence.notifications)).toEqual([]);

        server.cut();
        await clock.advance(60_000);
        expect(ids(presence.notifications)).toEqual(['1']);
    });
});

describe('a service that has none of it', () => {
    test('is an error of each, and the rooms go on', async () => {
        const { client, clock, server } = world({ beyond: false });
        const presence = client();
        presence.room('general').join();
        for (const part of [presence.myStatus, presence.watches, presence.notifications]) part.subscribe(() => {});
        await clock.advance(60_000);

        for (const part of [presence.myStatus, presence.watches, presence.notifications]) {
            expect(part.getSnapshot()).toMatchObject({ phase: 'error', error: { type: 'not-found', status: 404 } });
        }
        expect(presence.room('general').getSnapshot()).toMatchObject({ phase: 'ready', onlineCount: 1 });
        // Nobody asks on and on.
        expect(server.requests.filter(({ path }) => path.startsWith('/v1/me/')).length).toBeLessThan(6);
    });
});

describe('history', () => {
    test('activities, visits and what a room and an event were like come as the wire has them', async () => {
        const { client, clock, server } = world({
            events: { gala: { event_id: 'gala', name: 'Gala', coordinator_id: null, online_count: 0, people: [], rooms: [{ room_id: 'general', name: 'General', kind: null, online_count: 0, members: [] }] } },
        });
        const presence = client();
        server.join('general', 'bob', { activity: 'budget' });
        server.join('general', 'carol', { activity: 'budget' });
        await clock.advance(3_600_000);
        server.leave('general', 'carol');
        await clock.advance(3_600_000);
        const asked = Promise.all([
            presence.activities('general'), presence.roomHistory('general', 4), presence.eventHistory('gala'), presence.visits('general', { user: 'carol' }),
        ]);
        await clock.advance(50);
        const [activities, room, event, visits] = await asked;

        expect(activities).toEqual([{ activity: 'budget', online_count: 1 }]);
        expect(room).toMatchObject({ hours: 4, active_users: 2, peak: { online_count: 2 }, average: 0.75 });
        expect(room.occupancy).toHaveLength(4);
        expect(event.rooms).toMatchObject([{ room_id: 'general', active_users: 2 }]);
        expect(visits.visits).toMatchObject([{ user_id: 'carol', reason: 'left' }]);
        shapes.roomHistory(room, 'room');
        shapes.eventHistory(event, 'event');
        shapes.visits(visits, 'visits');
    });
});

describe('signing out', () => {
    test('leaves everywhere, ends the client in every tab, and asks nothing afterwards', async () => {
        const { client, clock, server, watch } = world();
        const [one, other] = [client(), client()];
        one.room('general').join();
        other.room('planning').join();
        one.notifications.subscribe(() => {});
        await clock.advance(50);
        const seen = await watch('planning');

        void one.signOut();
        await clock.advance(200);

        expect(seen).toEqual(['-alice logged_out']);
        for (const tab of [one, other]) expect(tab.connection.getSnapshot()).toMatchObject({ state: 'closed', error: { type: 'logged-out' } });
        expect(one.notifications.getSnapshot()).toMatchObject({ phase: 'error', error: { type: 'logged-out' } });
        const asked = server.requests.length;
        expect(await one.watch('bob').catch((error) => error)).toMatchObject({ type: 'logged-out' });
        await clock.advance(120_000);
        expect(server.requests.length).toBe(asked);
    });

    test('one that does not get through rejects, and everything goes on', async () => {
        const { client, clock, server } = world();
        const presence = client();
        presence.room('general').join();
        await clock.advance(50);
        server.respond = ({ path }) => (path === '/v1/me/sessions' ? server.problem(503, 'overloaded') : undefined);

        const wrong = presence.signOut().catch((error) => error);
        await clock.advance(50);

        expect(await wrong).toMatchObject({ type: 'overloaded', status: 503 });
        expect(presence.room('general').getSnapshot()).toMatchObject({ phase: 'ready', onlineCount: 1 });
    });
});

test('nothing of it is asked where nobody uses it', async () => {
    const { client, clock, server } = world();
    const presence = client();
    presence.room('general').join();
    presence.notifications.getSnapshot();
    await clock.advance(60_000);

    expect(presence.notifications.getSnapshot()).toMatchObject({ phase: 'idle', unreadCount: 0 });
    expect(server.requests.filter(({ path }) => path.includes('/me/'))).toEqual([]);
});

// The client against the real service and a real Postgres. Runs where PRESENCE_BIN names the binary.

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPresence, type Presence } from '../src/index.js';
import { createParser } from '../src/sse.js';
import type { RoomSnapshot } from '../src/wire.js';
import { createFakeBrowser, type FakeTab } from '../src/testing/index.js';
import { systemClock } from '../src/surroundings.js';
import { beyond, events, lease, problem } from './shapes.js';
import { names } from './support.js';

/** What comes late on a slow machine is late, not wrong. */
const SLACK = Number(process.env.TEST_SLACK ?? 3);
const GONE_MS = 7000;
const READY_MS_MAX = 120_000;

describe.skipIf(!process.env.PRESENCE_BIN)('against the real service', () => {
    let service: ChildProcess;
    let data: string;
    let url: string;
    let output = '';
    const open: Presence[] = [];

    beforeAll(async () => {
        data = await mkdtemp(path.join(os.tmpdir(), 'pg-presence-js-'));
        const port = await freePort();
        url = `http://localhost:${port}`;
        const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'DATABASE_URL' && !name.startsWith('PRESENCE_')));
        service = spawn(process.env.PRESENCE_BIN!, ['dev', '--port', String(port), '--data-dir', data], {
            // Nobody is reaped within a heartbeat interval after Postgres started: not to wait for that here.
            env: { ...env, PRESENCE_HEARTBEAT_MS: '1000' },
        });
        for (const stream of [service.stdout!, service.stderr!]) stream.on('data', (bytes) => (output += bytes));
        await until(() => fetch(`${url}/readyz`).then(({ ok }) => ok, () => false), READY_MS_MAX, () => output);
    }, READY_MS_MAX + 10_000);

    afterAll(async () => {
        for (const presence of open) presence.close();
        const ended = new Promise((resolve) => service.once('exit', resolve));
        service.kill('SIGTERM');
        await ended;
        await rm(data, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    }, 60_000);

    const getToken = async (user: string): Promise<string> => {
        const answer = await fetch(`${url}/dev/token`, {
            method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ user_id: user }),
        });
        return (await answer.json()).token;
    };
    const browserOf = () => createFakeBrowser({ clock: systemClock, fetch });
    const client = (user: string, tab: FakeTab = browserOf().tab()): Presence => {
        const presence = createPresence({ url, getToken: () => getToken(user), ...tab.options });
        open.push(presence);
        return presence;
    };
    /** What others are told of somebody: raw, without any of our folding. */
    const watch = async (room: string, user: string, of: string): Promise<{ seen: string[]; end(): void }> => {
        const abort = new AbortController();
        const seen: string[] = [];
        let isReady = false;
        const response = await fetch(`${url}/v1/stream?room=${room}`, {
            headers: { authorization: `Bearer ${await getToken(user)}` }, signal: abort.signal,
        });
        const parse = createParser((name, text) => {
            isReady ||= name === 'snapshot';
            if (name !== 'diff') return;
            const { joined, updated, left } = JSON.parse(text);
            for (const { user_id } of joined) if (user_id === of) seen.push('join');
            for (const { user_id, status, message } of updated) if (user_id === of) seen.push(`${status} ${message ?? ''}`.trim());
            for (const { user_id, reason } of left) if (user_id === of) seen.push(`leave ${reason}`);
        });
        void (async () => {
            const decoder = new TextDecoder();
            for await (const chunk of response.body!) parse(decoder.decode(chunk, { stream: true }));
        })().catch(() => {});
        await until(() => isReady, 10_000);
        return { seen, end: () => abort.abort() };
    };
    const here = (presence: Presence, room: string): string[] => names(presence.room(room).getSnapshot().members);

    test('what is answered beside the stream is what the types say: leases, who is offline, dashboards, people, problems', async () => {
        const ask = async (user: string, path: string, options: RequestInit = {}): Promise<unknown> => {
            const headers = { authorization: `Bearer ${await getToken(user)}`, 'content-type': 'application/json' };
            return (await fetch(url + path, { headers, ...options })).json();
        };
        const session = '/v1/rooms/planning/sessions/5b0c7c1e-8a55-4a55-9a5e-0d2f5f0f2a11';
        const leave = async (user: string): Promise<unknown> =>
            fetch(url + session, { method: 'DELETE', headers: { authorization: `Bearer ${await getToken(user)}` } });
        lease(await ask('alice', session, { method: 'PUT', body: '{}' }), 'a first heartbeat');
        lease(await ask('bob', session, { method: 'PUT', body: '{"status": "busy"}' }), 'a heartbeat');
        lease(await ask('bob', session, { method: 'PUT', body: '{"status": "invisible"}' }), 'an invisible heartbeat');
        await leave('bob');

        const room = await ask('alice', '/v1/rooms/planning?offline=20') as RoomSnapshot;

        expect(names(room.offline)).toContain('bob');
        events.snapshot(room, 'a room');
        events.event(await ask('alice', '/v1/events/gala'), 'an event');
        events.user(await ask('alice', '/v1/users/bob'), 'a person');
        problem(await ask('alice', '/v1/rooms/none-such'), 'a problem');
        await leave('alice');
    });

    test('beyond rooms all is what the types say, and a notification finds its way', async () => {
        const bob = client('bob');
        bob.notifications.subscribe(() => {});
        await bob.watch('carol', { quiet_ms: 0 });
        await bob.setStatus({ status: 'in_meeting', status_ttl_ms: 600_000, message: 'Budget' });
        bob.room('general').join();
        await until(() => bob.connection.getSnapshot().state === 'open', 10_000);
        const carol = client('carol');
        carol.room('general').join();
        await until(() => bob.notifications.getSnapshot().unreadCount === 1, 10_000);
        await carol.room('general').setStatus({ activity: 'budget' });
        await until(async () => (await carol.activities('general')).length === 1, 10_000);

        const ask = async (user: string, at: string): Promise<unknown> =>
            (await fetch(`${url}/v1/${at}`, { headers: { authorization: `Bearer ${await getToken(user)}` } })).json();
        for (const [check, at] of [
            [beyond.status, 'me/status'], [beyond.watches, 'me/watches'], [beyond.notifications, 'me/notifications'],
            [beyond.activities, 'rooms/general/activities'], [beyond.visits, 'rooms/general/visits'], [beyond.roomHistory, 'rooms/general/activity'],
            [beyond.eventHistory, 'events/gala/activity?hours=48'],
        ] as const) check(await ask('bob', at), at);
        expect(carol.room('general').getSnapshot().members.find(({ user_id }) => user_id === 'bob')).toMatchObject({ status: 'in_meeting', message: 'Budget' });

        await bob.notifications.read();
        expect(bob.notifications.getSnapshot()).toMatchObject({ unreadCount: 0, notifications: [{ user_id: 'carol', room_id: 'general' }] });
        await bob.setStatus({ status: null, message: null });
        await bob.unwatch('carol');
        await carol.signOut();
        expect(carol.connection.getSnapshot()).toMatchObject({ state: 'closed', error: { type: 'logged-out' } });
        bob.close();
        await until(async () => ((await ask('alice', 'rooms/general')) as RoomSnapshot).online_count === 0, GONE_MS * SLACK);
    });

    test('two people see each other come, type, say something and go', async () => {
        const [alice, bob] = [client('alice'), client('bob')];
        const { seen, end } = await watch('general', 'carol', 'alice');

        const release = alice.room('general').join();
        bob.room('general').join();
        await until(() => here(alice, 'general').includes('bob') && here(bob, 'general').includes('alice'));
        alice.room('general').setTyping(true);
        // Both: whoever has just come is told at once, others when the time in which changes merge is over.
        await until(() => names(bob.room('general').getSnapshot().typing).includes('alice') && seen.includes('typing'));
        alice.room('general').setTyping(false);
        await until(() => bob.room('general').getSnapshot().typing.length === 0);
        await alice.room('general').setStatus({ status: 'busy', message: 'at the venue' });
        await until(() => bob.room('general').getSnapshot().members.some(({ message }) => message === 'at the venue'));
        release();
        await until(() => !here(bob, 'general').includes('alice') && seen.includes('leave left'));

        expect(seen).toEqual(['join', 'typing', 'active', 'busy at the venue', 'leave left']);
        end();
    });

    test('ten reloads show others nothing; a closed tab has left within 7 s, and so has a killed one', async () => {
        for (const way of ['close', 'crash'] as const) {
            const browser = browserOf();
            let tab = browser.tab();
            const first = client('alice', tab);
            first.room('planning').join();
            await until(() => here(first, 'planning').includes('alice'));
            const { seen, end } = await watch('planning', 'bob', 'alice');

            for (let time = 0; time < 10; time++) {
                tab = tab.reload();
                const next = client('alice', tab);
                next.room('planning').join();
                await until(() => next.room('planning').getSnapshot().self !== null);
            }
            expect(seen).toEqual([]);
            const goneAt = Date.now();
            tab[way]();
            await until(() => seen.length > 0, GONE_MS * SLACK);

            console.log(`${way}: others saw the leave after ${Date.now() - goneAt} ms`);
            expect(seen).toEqual(['leave disconnected']);
            end();
        }
    }, 120_000);

    test('a second tab shares the stream of the first, and takes it over without a leave', async () => {
        const browser = browserOf();
        const [leader, follower] = [browser.tab(), browser.tab()];
        const first = client('alice', leader);
        first.room('general').join();
        await until(() => here(first, 'general').includes('alice'));
        const second = client('alice', follower);
        second.room('general').join();
        await until(() => here(second, 'general').includes('alice'));
        const { seen, end } = await watch('general', 'carol', 'alice');
        const bob = client('bob');

        leader.close();
        await until(() => second.connection.getSnapshot().state === 'open');
        const release = bob.room('general').join();
        await until(() => here(second, 'general').includes('bob'));
        await new Promise((resolve) => setTimeout(resolve, GONE_MS));

        expect(seen).toEqual([]);
        release();
        follower.close();
        await until(() => seen.length > 0, GONE_MS * SLACK);
        expect(seen).toEqual(['leave disconnected']);
        end();
    }, 120_000);

    test('people, events and counts are told, and what may not be seen is an error', async () => {
        const alice = client('alice');
        const [user, event, counts] = [alice.user('bob'), alice.event('gala'), alice.counts(['general', 'planning'])];
        const room = alice.room('no such room');
        for (const readable of [user, event, counts]) readable.subscribe(() => {});
        room.observe();

        await until(() => [user, event, counts].every((readable) => readable.getSnapshot().phase === 'ready') && room.getSnapshot().phase === 'error');

        expect(user.getSnapshot().user).toMatchObject({ user_id: 'bob' });
        expect(event.getSnapshot().event).toMatchObject({ event_id: 'gala' });
        expect(Object.keys(counts.getSnapshot().counts).sort()).toEqual(['general', 'planning']);
        expect(room.getSnapshot().error).toMatchObject({ type: 'room-not-found' });
    });
});

async function until(holds: () => boolean | Promise<boolean>, ms = 10_000 * SLACK, why: () => string = () => holds.toString()): Promise<void> {
    for (const end = Date.now() + ms; Date.now() < end;) {
        if (await holds()) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`not in time: ${why()}`);
}

function freePort(): Promise<number> {
    return new Promise((resolve, reject) => {
        const server = net.createServer();
        server.once('error', reject);
        server.listen(0, '127.0.0.1', () => {
            const { port } = server.address() as net.AddressInfo;
            server.close(() => resolve(port));
        });
    });
}

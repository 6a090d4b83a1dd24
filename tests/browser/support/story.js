// A story: people in browser windows against one server. Afterwards nobody may be left in a room, and no page may
// have complained: no error in a console, no breach of the content security policy.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Cable } from './cable.js';
import { Dev } from './dev.js';
import { SLACK, Window, launch, pause } from './people.js';

const STORY_MS_MAX = 120_000;
/** A closed tab is gone within 7 s; times the slack of slow machines. */
const GONE_MS_MAX = 7_000 * SLACK;
const world = {};

before(async () => {
    // Nothing is ended for absence before one heartbeat interval is over since Postgres started: not to wait for that here.
    world.dev = await Dev.start({ PRESENCE_HEARTBEAT_MS: '2000' });
    world.browser = await launch();
});

after(async () => {
    await world.browser?.close();
    await world.dev?.stop();
});

/**
 * `tell({dev, open, lay, outage})`: `open(options)` opens a window (of a browser of its own where `browser` has options
 * for one), `lay()` lays a cable to the server, and from `outage()` on failed requests are no complaint.
 */
export function story(promise, tell) {
    test(promise, { timeout: STORY_MS_MAX }, async () => {
        const windows = [];
        const cables = [];
        const lay = async () => {
            cables.push(await Cable.to(world.dev.port));
            return cables.at(-1);
        };
        const browsers = [];
        const open = async ({ base = world.dev.url, browser, ...options } = {}) => {
            if (browser) browsers.push(await launch(browser));
            const window = await Window.open(browser ? browsers.at(-1) : world.browser, base, options);
            windows.push(window);
            return window;
        };
        const outage = () => windows.forEach((window) => (window.isOutage = true));
        try {
            await forget(world.dev.url);
            await tell({ dev: world.dev, open, lay, outage });
            for (const window of windows) await window.leave();
            await everybodyIsGone(world.dev.url);
        } finally {
            for (const window of windows) await window.close();
            for (const browser of browsers) await browser.close();
            for (const cable of cables) await cable.close();
        }
        assert.deepEqual(windows.flatMap((window) => window.complaints), []);
    });
}

/** What the service remembers of one story is nothing for the next one: statuses, watches, notifications. */
async function forget(url) {
    await Promise.all(['alice', 'bob', 'carol', 'vera', 'victor'].map(async (user) => {
        await api(url, user, '/v1/me/status', 'DELETE');
        const { body } = await api(url, user, '/v1/me/watches');
        for (const { user_id } of body.watches) await api(url, user, `/v1/me/watches/${user_id}`, 'DELETE');
        await api(url, user, '/v1/me/notifications/read', 'POST', { all: true });
    }));
}

/** A call past the browser, as somebody. */
export async function api(url, user, path, method = 'GET', said = undefined) {
    const { token } = await (await fetch(`${url}/dev/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ user_id: user }),
    })).json();
    const answer = await fetch(url + path, {
        method,
        headers: { authorization: `Bearer ${token}`, ...(said && { 'content-type': 'application/json' }) },
        body: said && JSON.stringify(said),
    });
    return { status: answer.status, body: answer.status === 204 ? null : await answer.json() };
}

async function everybodyIsGone(url) {
    let left = [];
    for (let attempt = 0; attempt < GONE_MS_MAX / 100; attempt += 1) {
        const answers = await Promise.all(['alice', 'carol'].map((user) => api(url, user, '/v1/rooms')));
        left = answers.flatMap(({ body }) => body.rooms).filter((room) => room.online_count > 0);
        if (left.length === 0) return;
        await pause(100);
    }
    assert.deepEqual(left, [], 'closed tabs are still in their rooms');
}

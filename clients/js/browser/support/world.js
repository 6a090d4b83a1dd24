// What every story needs: the real service, the built pages beside it, a browser, people and rooms of its own; and what
// a page must not do. Stories run side by side, so none of them may touch what another one sees.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { serve } from '../../examples/plain-html/serve.js';
import { Dev } from '../../../../tests/browser/support/dev.js';
import { LAUNCH, root } from './launch.js';
import { RawStream, callAs } from './raw.js';

/** Nothing is ended for absence before one heartbeat interval is over since Postgres started: not to wait for that here. */
const HEARTBEAT_MS = 2000;
/** A second less than the service's: what is seen here began earlier there. */
const GRACE_MS = 4000;
const ATTEMPTS_MAX = 10;
const SECRET = 'a secret of the browser stories, and of nothing else';
const NAMES = { alice: 'Alice Adams', bob: 'Bob Brandt', carol: 'Carol Cruz' };

/** A slow machine gets more time, never a weaker promise. */
export const SLACK = Number(process.env.TEST_SLACK ?? 3);
export const STORY_MS_MAX = 120_000 * SLACK;
export const world = {};
/** What the story files told: `promise`, and `run` that keeps it. */
export const stories = [];
export { LAUNCH, root };

export async function begin() {
    world.dev = await Dev.start({ PRESENCE_JWT_SECRET: SECRET, PRESENCE_HEARTBEAT_MS: String(HEARTBEAT_MS) });
    world.startedAt = Date.now();
    world.built = await mkdtemp(path.join(os.tmpdir(), 'pg-presence-pages-'));
    await bundle('examples/gallery/gallery.tsx', 'gallery', 'development');
    await copyFile(path.join(root, 'examples/gallery/index.html'), path.join(world.built, 'gallery/index.html'));
    for (const [name, environment] of [['strict', 'development'], ['swift', 'production']]) {
        await bundle('browser/pages/strict.jsx', name, environment);
        await copyFile(path.join(root, 'browser/pages/strict.html'), path.join(world.built, name, 'index.html'));
    }
    world.server = await serveBefore(world.dev.url);
    world.url = `http://localhost:${world.server.address().port}`;
    world.browser = await chromium.launch(LAUNCH);
}

export async function end() {
    await world.browser?.close();
    world.server?.closeAllConnections();
    world.server?.close();
    await world.dev?.stop();
    if (world.built) await rm(world.built, { recursive: true, force: true });
}

/** The built pages, with a service behind them. */
export function serveBefore(target) {
    return serve({
        target,
        folders: {
            '/gallery/': path.join(world.built, 'gallery'),
            '/strict/': path.join(world.built, 'strict'),
            '/swift/': path.join(world.built, 'swift'),
            '/plain/': path.join(root, 'examples/plain-html'),
            '/plain/pg-presence/': path.join(root, 'dist'),
        },
    });
}

/** StrictMode does its work in development builds alone; what is measured is a production build. */
function bundle(entry, name, environment) {
    return build({
        absWorkingDir: root, entryPoints: [entry], outdir: path.join(world.built, name), bundle: true, format: 'esm', jsx: 'automatic',
        define: { 'process.env.NODE_ENV': JSON.stringify(environment) }, logLevel: 'warning',
    });
}

let told = 0;

/**
 * `tell({ open, raw, who, room, url, outage })`: `open(page, user, options)` opens a page's tab in a window of its own,
 * or in `window`; `raw(user, about)` is somebody's own stream of the room; `who.alice`, `who.bob` and `who.carol` are
 * people of this story and `room` is their room. From `outage()` on failed requests are no complaint. Afterwards no
 * page may have complained, and nobody may be left in the room. A story that `isLook` has no people.
 */
export function story(promise, tell, isLook = false) {
    const run = async () => {
        const complaints = [];
        const windows = [];
        const streams = [];
        let isOutage = false;
        const { who, room } = isLook ? {} : await peopleOf(`s${++told}`);
        const open = async (address, { window, browser = world.browser, ...options } = {}) => {
            const context = window ?? await browser.newContext({ viewport: { width: 1040, height: 800 }, locale: 'en-GB', ...options });
            if (!window) {
                windows.push(context);
                context.setDefaultTimeout(10_000 * SLACK);
            }
            const page = await context.newPage();
            page.on('pageerror', (error) => complaints.push(`${address}: ${error.stack}`));
            page.on('console', (message) => {
                // Told below, with what the service said.
                if (/Failed to load resource/.test(message.text())) return;
                if (['error', 'warning'].includes(message.type())) complaints.push(`${address}: ${message.text()}`);
            });
            page.on('response', async (answer) => {
                if (answer.status() < 400 || isOutage) return;
                const request = answer.request();
                const body = await answer.text().catch(() => '');
                // A heartbeat that its leave overtook on the way: nobody's fault, and nobody hears of it.
                if (answer.status() === 409 && body.includes('stale-heartbeat')) return;
                complaints.push(`${request.method()} ${answer.url()} ${request.postData() ?? ''}: ${answer.status()} ${body}`);
            });
            await page.goto(/^\w+:/.test(address) ? address : world.url + address);
            return page;
        };
        const raw = async (user, about) => {
            streams.push(await RawStream.open(world.dev.url, user, room, about));
            return streams.at(-1);
        };
        try {
            await tell({ open, raw, who, room, url: world.url, outage: () => (isOutage = true) });
        } finally {
            for (const stream of streams) stream.close();
            // A context that closes ends its pages unheard; pages that close say that they go.
            for (const window of windows) for (const page of window.pages()) await page.close({ runBeforeUnload: false });
            for (const window of windows) await window.close();
        }
        assert.deepEqual(complaints, []);
        if (!isLook) await everybodyIsGone(room, who.carol);
    };
    stories.push({ promise, run, isLook });
}

/** The address of the page with a room, of a development build, or `swift` of a production one. */
export const page = (user, room, build = 'strict') => `/${build}/?user=${user}&room=${room}`;

/** Alice, Bob and Carol by ids of this story's own, in rooms of its own: the first one, and `more`. */
async function peopleOf(story) {
    const who = Object.fromEntries(Object.keys(NAMES).map((name) => [name, `${name}-${story}`]));
    const room = `room-${story}`;
    await addPeople(room, Object.entries(NAMES).map(([name, full]) => [who[name], full]));
    return { who, room };
}

/** Adds a room where there is none, and people who may enter it. */
export function addPeople(room, people) {
    const values = people.map(([id, name]) => `('${id}', '${name}')`).join(', ');
    return world.dev.sql(`
        insert into event_app.rooms (id, event_id, name) values ('${room}', 'gala', 'Room ${room}') on conflict do nothing;
        insert into event_app.users (id, name) values ${values} on conflict do nothing;
        insert into event_app.room_participants (room_id, user_id)
        select '${room}', id from (values ${values}) as who (id, name) on conflict do nothing;`);
}

/** A token as an application would sign it. */
export function sign(user, seconds, claims = {}) {
    const now = Math.floor(Date.now() / 1000);
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const body = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: user, iat: now, exp: now + seconds, ...claims })}`;
    return `${body}.${createHmac('sha256', SECRET).update(body).digest('base64url')}`;
}

/** Who is in the room, by the service itself. */
export async function present(room, viewer) {
    const { members } = await callAs(world.dev.url, viewer, `/v1/rooms/${room}`);
    return members.map(({ user_id }) => user_id);
}

/** Resolves once the service ends sessions of those who are gone: promises of seconds count from then on. */
export function reaping() {
    return pause(Math.max(0, world.startedAt + HEARTBEAT_MS + 1000 - Date.now()));
}

async function everybodyIsGone(room, viewer) {
    if (!(await present(room, viewer)).length) return;
    await reaping();
    const end = Date.now() + 7000 * SLACK;
    while ((await present(room, viewer)).length) {
        if (Date.now() > end) assert.deepEqual(await present(room, viewer), [], 'closed tabs are still in the room');
        await pause(100);
    }
}

export function pause(ms) {
    return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until `is()` is true. */
export async function until(is, ms, what) {
    const end = Date.now() + ms;
    while (!(await is())) {
        if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms`);
        await pause(20);
    }
}

/**
 * Does what is over within the grace of a stream that closed, and again where this machine took longer than that: then
 * somebody was away in truth, and what `watcher` heard of it says nothing.
 */
export async function withinGrace(watcher, run) {
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
        const began = Date.now();
        await run();
        if (Date.now() - began < GRACE_MS) return;
        await pause(2000);
        watcher.heard.length = 0;
    }
    throw new Error(`this machine never did it within ${GRACE_MS} ms`);
}

export const sees = (tab, name) => tab.getByRole('button', { name }).first().waitFor();

// What every story needs: the real service, the built pages beside it, a browser; and what a page must not do.

import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { serve } from '../../examples/plain-html/serve.js';
import { Dev } from '../../../../tests/browser/support/dev.js';
import { LAUNCH, root } from './launch.js';
import { RawStream, tokenOf } from './raw.js';

const STORY_MS_MAX = 180_000;
/** Nothing is ended for absence before one heartbeat interval is over since Postgres started. */
const REAPING_AFTER_MS = 26_000;

/** A slow machine gets more time, never a weaker promise. */
export const SLACK = Number(process.env.TEST_SLACK ?? 3);
export const world = {};
export { LAUNCH, root };

before(async () => {
    world.dev = await Dev.start();
    world.startedAt = Date.now();
    world.built = await mkdtemp(path.join(os.tmpdir(), 'pg-presence-pages-'));
    await bundle('examples/gallery/gallery.tsx', 'gallery');
    await bundle('browser/pages/strict.jsx', 'strict');
    await copyFile(path.join(root, 'examples/gallery/index.html'), path.join(world.built, 'gallery/index.html'));
    await copyFile(path.join(root, 'browser/pages/strict.html'), path.join(world.built, 'strict/index.html'));
    world.server = await serve({
        target: world.dev.url,
        folders: {
            '/gallery/': path.join(world.built, 'gallery'),
            '/strict/': path.join(world.built, 'strict'),
            '/plain/': path.join(root, 'examples/plain-html'),
            '/plain/pg-presence/': path.join(root, 'dist'),
        },
    });
    world.url = `http://localhost:${world.server.address().port}`;
    world.browser = await chromium.launch(LAUNCH);
});

after(async () => {
    await world.browser?.close();
    world.server?.closeAllConnections();
    world.server?.close();
    await world.dev?.stop();
    if (world.built) await rm(world.built, { recursive: true, force: true });
});

/** Development builds: StrictMode does its work in them alone. */
function bundle(entry, name) {
    return build({
        absWorkingDir: root, entryPoints: [entry], outdir: path.join(world.built, name), bundle: true, format: 'esm', jsx: 'automatic',
        define: { 'process.env.NODE_ENV': '"development"' }, logLevel: 'warning',
    });
}

/**
 * `tell({ open, raw, url })`: `open(address, options)` opens a tab in a window of its own, or in `window`; `raw(user,
 * about)` is somebody's own stream. Afterwards no page may have complained, and nobody may be left in the room.
 */
export function story(promise, tell) {
    test(promise, { timeout: STORY_MS_MAX }, async () => {
        const complaints = [];
        const windows = [];
        const streams = [];
        const open = async (address, { window, ...options } = {}) => {
            const context = window ?? await world.browser.newContext({ viewport: { width: 1040, height: 800 }, locale: 'en-GB', ...options });
            if (!window) {
                windows.push(context);
                context.setDefaultTimeout(10_000 * SLACK);
            }
            const page = await context.newPage();
            page.on('pageerror', (error) => complaints.push(`${address}: ${error.stack}`));
            page.on('console', (message) => {
                if (['error', 'warning'].includes(message.type())) complaints.push(`${address}: ${message.text()}`);
            });
            await page.goto(address.startsWith('/') ? world.url + address : address);
            return page;
        };
        const raw = async (user, about) => {
            streams.push(await RawStream.open(world.dev.url, user, 'general', about));
            return streams.at(-1);
        };
        try {
            await tell({ open, raw, url: world.url });
        } finally {
            for (const stream of streams) stream.close();
            // A context that closes ends its pages unheard; pages that close say that they go.
            for (const window of windows) for (const page of window.pages()) await page.close({ runBeforeUnload: false });
            for (const window of windows) await window.close();
        }
        assert.deepEqual(complaints, []);
        await everybodyIsGone();
    });
}

/** Who is in the room, by the service itself. */
export async function present() {
    const token = await tokenOf(world.dev.url, 'alice');
    const answer = await fetch(`${world.dev.url}/v1/rooms/general`, { headers: { authorization: `Bearer ${token}` } });
    return (await answer.json()).members.map(({ user_id }) => user_id);
}

/** Resolves once the service ends sessions of those who are gone: promises of seconds count from then on. */
export function reaping() {
    return pause(Math.max(0, world.startedAt + REAPING_AFTER_MS - Date.now()));
}

async function everybodyIsGone() {
    await reaping();
    const end = Date.now() + 7000 * SLACK;
    while ((await present()).length) {
        if (Date.now() > end) assert.deepEqual(await present(), [], 'closed tabs are still in the room');
        await pause(100);
    }
}

export function pause(ms) {
    return new Promise((resolve) => setTimeout(resolve, ms));
}

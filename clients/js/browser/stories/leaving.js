// A tab goes: closed, killed, or into the back/forward cache.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { LAUNCH, SLACK, page, pause, reaping, sees, story, withinGrace, world } from '../support/world.js';

/** Longer than the grace of a closed stream and the reaper's round: what was to leave has left by then. */
export const GRACE_OVER_MS = 7500;
/** The grace of 5 s, the reaper's round, and what a network takes. */
const LEAVE_MS_MAX = 7000;

story('a closed tab has left within seven seconds', async ({ open, raw, who, room }) => {
    const tab = await open(page(who.alice, room));
    await sees(tab, /Alice.*\(you\)/);
    const bob = await raw(who.bob, who.alice);

    await reaping();
    const closed = Date.now();
    await tab.close();

    const left = await bob.hears('leave', LEAVE_MS_MAX * SLACK);
    console.log(`a closed tab left after ${left - closed} ms`);
});

story('somebody whose browser is killed has left within seven seconds', async ({ raw, who, room }) => {
    const server = await chromium.launchServer(LAUNCH);
    const browser = await chromium.connect(server.wsEndpoint());
    const tab = await browser.newPage();
    await tab.goto(world.url + page(who.alice, room));
    await sees(tab, /Alice.*\(you\)/);
    const bob = await raw(who.bob, who.alice);

    await reaping();
    const killed = Date.now();
    await server.kill();

    const left = await bob.hears('leave', LEAVE_MS_MAX * SLACK);
    console.log(`a killed browser left after ${left - killed} ms`);
});

story('a page in the back/forward cache is away, and comes back out of it as it was', async ({ open, raw, who, room, url }) => {
    const browser = await chromium.launch({ ...LAUNCH, ignoreDefaultArgs: ['--disable-back-forward-cache'] });
    try {
        const tab = await open(page(who.alice, room), { browser });
        await sees(tab, /Alice.*\(you\)/);
        await tab.evaluate(() => {
            window.token = 'the very same page';
            addEventListener('pageshow', ({ persisted }) => (window.cameBack = persisted));
        });
        const bob = await raw(who.bob, who.alice);
        await reaping();

        await tab.goto(`${url}/gallery/?only=PresenceDot`);
        await bob.hears('leave', LEAVE_MS_MAX * SLACK);
        await tab.goBack({ waitUntil: 'commit' });
        await bob.hears('join', 5000 * SLACK);

        assert.deepEqual(await tab.evaluate(() => [window.token, window.cameBack]), ['the very same page', true]);
        await sees(tab, /Alice.*\(you\)/);
        bob.heard.length = 0;
        await withinGrace(bob, async () => {
            await tab.goto(`${url}/gallery/?only=PresenceDot`);
            await tab.goBack({ waitUntil: 'commit' });
            await tab.waitForFunction(() => document.querySelector('main')?.dataset.state === 'open');
        });
        await pause(GRACE_OVER_MS);
        assert.deepEqual(bob.words, [], 'who is back within the grace was never away');
    } finally {
        await browser.close();
    }
});

// React in a real browser, against the real service, as others see it on a stream of their own.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { LAUNCH, SLACK, pause, reaping, story, world } from '../support/world.js';

/** Longer than the grace of a closed stream and the reaper's round: what was to leave has left by then. */
const GRACE_OVER_MS = 7500;

const sees = (page, name) => page.getByRole('button', { name }).first().waitFor();

/** A tab's requests for a stream that have not ended. */
function streamsOf(...pages) {
    const open = new Set();
    for (const page of pages) {
        page.on('request', (request) => request.url().includes('/v1/stream') && open.add(request));
        for (const end of ['requestfinished', 'requestfailed']) page.on(end, (request) => open.delete(request));
    }
    return open;
}

story('StrictMode, and React mounting and unmounting twice, is one join and no leave', async ({ open, raw }) => {
    const carol = await raw('carol', 'alice');
    const page = await open('/strict/?user=alice');
    await sees(page, /Alice.*\(you\)/);
    await carol.hears('join', 5000 * SLACK);

    await reaping();
    for (let turn = 0; turn < 2; turn += 1) {
        await page.evaluate(() => {
            window.show(false);
            window.show(true);
        });
        await sees(page, /Alice.*\(you\)/);
    }
    await pause(GRACE_OVER_MS);

    assert.deepEqual(carol.words, ['join']);
});

story('what unmounts for good leaves', async ({ open, raw }) => {
    const carol = await raw('carol', 'alice');
    const page = await open('/strict/?user=alice');
    await carol.hears('join', 5000 * SLACK);

    await page.evaluate(() => window.show(false));

    await carol.hears('leave: left', 2000 * SLACK);
});

story('two components of one room are one session, and typing and status reach the others', async ({ open }) => {
    const alice = await open('/strict/?user=alice');
    await sees(alice, /Alice.*\(you\)/);
    const bob = await open('/strict/?user=bob');
    await sees(bob, /Alice/);

    await alice.getByLabel('Draft').pressSequentially('Shall we', { delay: 40 });
    await bob.getByRole('status').filter({ hasText: /^Alice Adams is typing$/ }).waitFor();
    await alice.getByRole('button', { name: 'Busy' }).click();
    await alice.getByRole('heading').click();

    await sees(bob, 'Alice Adams Busy');
    await bob.getByRole('button', { name: 'Alice Adams Busy' }).click();
    await bob.getByRole('listitem').filter({ hasText: 'Seating plan' }).waitFor();
});

story('ten reloads of a tab show nobody anything', async ({ open, raw }) => {
    const page = await open('/strict/?user=alice');
    await sees(page, /Alice.*\(you\)/);
    const carol = await raw('carol', 'alice');

    await reaping();
    for (let turn = 0; turn < 10; turn += 1) {
        await page.reload();
        await sees(page, /Alice.*\(you\)/);
    }
    await pause(GRACE_OVER_MS);

    assert.deepEqual(carol.words, []);
});

story('a closed tab has left within seven seconds', async ({ open, raw }) => {
    const page = await open('/strict/?user=alice');
    await sees(page, /Alice.*\(you\)/);
    const carol = await raw('carol', 'alice');

    await reaping();
    const closed = Date.now();
    await page.close();

    const left = await carol.hears('leave', 7000 * SLACK);
    console.log(`left after ${left - closed} ms`);
});

story('somebody whose browser is killed has left within seven seconds', async ({ raw }) => {
    const server = await chromium.launchServer(LAUNCH);
    const browser = await chromium.connect(server.wsEndpoint());
    const page = await browser.newPage();
    await page.goto(`${world.url}/strict/?user=alice`);
    await sees(page, /Alice.*\(you\)/);
    const carol = await raw('carol', 'alice');

    await reaping();
    const killed = Date.now();
    await server.kill();

    const left = await carol.hears('leave', 7000 * SLACK);
    console.log(`left after ${left - killed} ms`);
});

story('two tabs hold one stream, and the leader hands it over without a leave', async ({ open, raw }) => {
    const first = await open('about:blank');
    const window = first.context();
    const second = await open('about:blank', { window });
    const streams = streamsOf(first, second);
    await first.goto(`${world.url}/strict/?user=alice`);
    await sees(first, /Alice.*\(you\)/);
    await second.goto(`${world.url}/strict/?user=alice`);
    await sees(second, /Alice.*\(you\)/);
    const carol = await raw('carol', 'alice');
    const bob = await open('/strict/?user=bob');
    await sees(second, /Bob/);
    assert.equal(streams.size, 1, 'two tabs hold one stream');

    await reaping();
    const [leader, rest] = [...streams][0].frame().page() === first ? [first, second] : [second, first];
    await leader.close();
    await bob.close();
    await pause(GRACE_OVER_MS);

    assert.deepEqual(carol.words, []);
    await rest.waitForFunction(() => !document.querySelector('[aria-labelledby]')?.parentElement.textContent.includes('Bob'));
    assert.equal([...streams].filter((request) => request.frame().page() === rest).length, 1, 'the other tab holds the stream now');
});

// The tabs of one browser: one stream for all of them, handed over when its holder goes.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { LAUNCH, SLACK, page, pause, reaping, sees, story, until } from '../support/world.js';
import { GRACE_OVER_MS } from './leaving.js';

/** From the leader's end to an open stream of the next tab. */
const HAND_OVER_MS_MAX = 1000;

/** Tabs' requests for a stream that have not ended, and when each was answered. */
class Streams {
    open = new Set();
    answered = [];

    watch(tab) {
        tab.on('request', (request) => request.url().includes('/v1/stream') && this.open.add(request));
        for (const end of ['requestfinished', 'requestfailed']) tab.on(end, (request) => this.open.delete(request));
        tab.on('response', (answer) => {
            if (this.open.has(answer.request()) && answer.ok()) this.answered.push({ tab, at: Date.now() });
        });
        for (const end of ['close', 'crash']) tab.on(end, () => this.open.forEach((request) => this.of(request) === tab && this.open.delete(request)));
    }

    of(request) {
        return request.frame().page();
    }

    get holders() {
        return [...this.open].map((request) => this.of(request));
    }
}

/** Tabs of alice in one window, on one stream. */
async function tabsOf({ open, who, room, url }, count, options) {
    const streams = new Streams();
    const tabs = [];
    for (let at = 0; at < count; at += 1) {
        const tab = await open('about:blank', at ? { window: tabs[0].context() } : options);
        streams.watch(tab);
        await tab.goto(url + page(who.alice, room));
        await sees(tab, /Alice.*\(you\)/);
        tabs.push(tab);
    }
    // The change of the stream that takes the last tab in.
    await until(() => streams.open.size === 1, 5000 * SLACK, `one stream for ${count} tabs`);
    return { streams, tabs };
}

for (const [way, end] of [
    ['is closed', (leader) => leader.close()],
    ['crashes', async (leader) => {
        const devtools = await leader.context().newCDPSession(leader);
        // It never answers.
        devtools.send('Page.crash').catch(() => {});
        await leader.waitForEvent('crash');
    }],
]) {
    story(`when the tab that holds the stream ${way} another one has it within a second, and nobody sees a leave`, async (told) => {
        // A crash is a browser's business: one of its own.
        const browser = await chromium.launch(LAUNCH);
        try {
            const { streams, tabs } = await tabsOf(told, 2, { browser });
            const carol = await told.raw(told.who.carol, told.who.alice);
            const bob = await told.open(page(told.who.bob, told.room));
            await sees(tabs[1], /Bob/);
            await reaping();
            const [leader] = streams.holders;
            const [next] = tabs.filter((tab) => tab !== leader);

            const began = Date.now();
            await end(leader);
            await until(() => streams.answered.some(({ tab, at }) => tab === next && at >= began), 10_000 * SLACK, 'a stream of the next tab');
            const took = streams.answered.find(({ tab, at }) => tab === next && at >= began).at - began;
            console.log(`the stream was handed over in ${took} ms when its holder ${way}`);
            await bob.close();
            await pause(GRACE_OVER_MS);

            assert.ok(took <= HAND_OVER_MS_MAX * SLACK, `it took ${took} ms`);
            assert.deepEqual(carol.words, []);
            // What happens is told by the new stream.
            await next.getByRole('button', { name: /Bob/ }).waitFor({ state: 'detached' });
            assert.deepEqual(streams.holders, [next]);
        } finally {
            await browser.close();
        }
    });
}

story('seven tabs on HTTP/1.1 work, over one stream', async (told) => {
    const { streams, tabs } = await tabsOf(told, 7);
    const bob = await told.open(page(told.who.bob, told.room));

    for (const tab of tabs) await sees(tab, /Bob/);
    // A browser opens six connections to a host: were each held by a stream, nothing else would get through.
    await tabs[6].getByRole('button', { name: 'Busy' }).click();
    await sees(bob, 'Alice Adams Busy');
    for (const tab of tabs) assert.equal(await tab.evaluate(async () => (await fetch('/strict/', { cache: 'no-store' })).status), 200);
    assert.equal(streams.open.size, 1);
});

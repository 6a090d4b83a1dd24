// The network, the service and the token end and come back.

import assert from 'node:assert/strict';
import { Cable } from '../../../../tests/browser/support/cable.js';
import { Dev } from '../../../../tests/browser/support/dev.js';
import { SLACK, page, pause, reaping, sees, serveBefore, sign, story, withinGrace, world } from '../support/world.js';
import { GRACE_OVER_MS } from './leaving.js';

const state = (tab, wanted, ms = 10_000) =>
    tab.waitForFunction((is) => document.querySelector('main').dataset.state === is, wanted, { timeout: ms * SLACK });

story('a network that is cut for a moment shows nobody anything', async ({ open, raw, who, room, outage }) => {
    const cable = await Cable.to(world.server.address().port);
    try {
        const tab = await open(cable.url + page(who.alice, room));
        await sees(tab, /Alice.*\(you\)/);
        const bob = await raw(who.bob, who.alice);
        await reaping();

        outage();
        await withinGrace(bob, async () => {
            cable.cut();
            await state(tab, 'reconnecting');
            cable.mend();
            await state(tab, 'open');
        });
        await pause(GRACE_OVER_MS);

        assert.deepEqual(bob.words, []);
        assert.equal(await tab.getByRole('button', { name: 'Try now' }).count(), 0, 'a moment is not worth a word');
        await tab.close();
    } finally {
        await cable.close();
    }
});

story('a network that stays away is told, "Try now" tries at once, and what happened meanwhile is there', async ({ open, who, room, outage }) => {
    const cable = await Cable.to(world.server.address().port);
    try {
        const tab = await open(cable.url + page(who.alice, room));
        await sees(tab, /Alice.*\(you\)/);
        // Chance at its worst: each wait is as long as it may be.
        await tab.evaluate(() => (Math.random = () => 0.999));
        outage();
        cable.cut();
        const button = tab.getByRole('button', { name: 'Try now' });
        await button.waitFor();
        // Past the waits of half a second, of one, two and four.
        await pause(4000);
        const bob = await open(page(who.bob, room));
        await sees(bob, /Bob.*\(you\)/);

        cable.mend();
        const began = Date.now();
        await button.click();
        await state(tab, 'open');
        console.log(`"Try now" took ${Date.now() - began} ms`);

        await sees(tab, /Bob/);
        await button.waitFor({ state: 'detached' });
        await sees(bob, /Alice/);
        await tab.close();
    } finally {
        await cable.close();
    }
});

story('tokens end while the stream goes on, and nobody sees anything of it', async ({ open, raw, who, room, url }) => {
    const tab = await open('about:blank');
    const minted = [];
    await tab.exposeFunction('mint', (user) => {
        minted.push(Date.now());
        return sign(user, 13);
    });
    await tab.goto(url + page(who.alice, room));
    await sees(tab, /Alice.*\(you\)/);
    const bob = await raw(who.bob, who.alice);
    await reaping();

    const before = minted.length;
    await pause(28_000);

    assert.ok(minted.length >= before + 2, `${minted.length - before} tokens in 28 s`);
    assert.deepEqual(bob.words, []);
    const other = await open(page(who.bob, room));
    await sees(tab, /Bob/);
    await sees(other, /Alice/);
});

story('a deploy that answers 503 for a while ends nobody, and pages come back by themselves', async ({ open, who, room, outage }) => {
    // A service of its own: this one goes.
    const dev = await Dev.start();
    const server = await serveBefore(dev.url);
    const url = `http://localhost:${server.address().port}`;
    try {
        const [alice, bob] = [await open(`${url}/strict/?user=alice&room=general`), await open(`${url}/strict/?user=bob&room=general`)];
        await sees(alice, /Bob/);
        await sees(bob, /Alice/);
        await bob.evaluate(() => {
            const alice = () => [...document.querySelectorAll('.pgp-room button')].some((face) => face.textContent.includes('Alice'));
            window.flickers = 0;
            new MutationObserver(() => alice() || (window.flickers += 1)).observe(document.body, { childList: true, subtree: true });
        });
        const answers = [];
        alice.on('response', (answer) => answer.url().includes('/v1/') && answers.push(answer.status()));

        outage();
        await dev.halt();
        await alice.getByRole('button', { name: 'Try now' }).waitFor();
        await dev.start();
        await state(alice, 'open', 40_000);
        await state(bob, 'open', 40_000);

        assert.ok(answers.includes(503), `answers meanwhile: ${answers}`);
        await alice.getByRole('button', { name: 'Busy' }).click();
        await sees(bob, 'Alice Adams Busy');
        assert.equal(await bob.evaluate(() => window.flickers), 0);
    } finally {
        server.closeAllConnections();
        server.close();
        await dev.stop();
    }
});

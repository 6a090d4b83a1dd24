// Coming, typing, going.

import assert from 'node:assert/strict';
import { pause } from '../support/people.js';
import { story } from '../support/story.js';

story('alice and bob see each other come, type, stop by itself, and go', async ({ open }) => {
    const [hers, his] = [await open(), await open()];
    const alice = await hers.tab('alice', 'general');
    await alice.sees('alice', 'active');
    await alice.isIn('general', 1);

    const bob = await his.tab('bob', 'general');
    await alice.sees('bob', 'active');
    await bob.sees('alice', 'active');
    await alice.isIn('general', 2);
    await alice.reads('#news', 'came in');

    await bob.type('hello there');
    await alice.sees('bob', 'typing');
    await alice.reads('#typing', 'is typing');
    await alice.sees('bob', 'active');
    await alice.page.waitForFunction(() => document.querySelector('#typing-text').textContent === '');

    await bob.close();
    await alice.seesNo('bob');
    await alice.isIn('general', 1);
    await alice.reads('#news', 'left');
    await alice.page.waitForSelector('#absent .absent[data-user="bob"]');
});

story('sending ends typing at once, and stores nothing; the other windows of the browser show it', async ({ open }) => {
    const window = await open();
    const [alice, bob] = [await window.tab('alice', 'planning'), await window.tab('bob', 'planning')];
    const calls = [];
    bob.page.on('request', (request) => calls.push(request.postData() ?? ''));

    await bob.type('a secret');
    await alice.sees('bob', 'typing');
    await bob.page.press('#draft', 'Enter');

    await alice.sees('bob', 'active');
    await bob.reads('#hint', 'nothing was stored');
    assert.equal(await bob.page.inputValue('#draft'), '');
    await alice.reads('.line-text', 'a secret');
    assert.ok(calls.length > 0 && calls.every((body) => !body.includes('secret')));
});

story('a reload keeps the session, and nobody sees a flicker', async ({ open }) => {
    const [hers, his] = [await open(), await open()];
    const alice = await hers.tab('alice', 'general');
    const bob = await his.tab('bob', 'general');
    await alice.sees('bob');
    const flickers = await alice.watch('bob');
    const before = bob.sessionIds();
    assert.equal(before.length, 1);

    for (let round = 0; round < 3; round += 1) {
        await bob.page.reload();
        await bob.sees('bob');
        await bob.isLive();
    }
    await pause(2500);

    assert.deepEqual(bob.sessionIds(), before);
    assert.deepEqual(await flickers(), []);
    await alice.sees('bob', 'active');
});

story('a second tab of the same user shows nothing to others', async ({ open }) => {
    const [hers, his] = [await open(), await open()];
    const bob = await his.tab('bob', 'general');
    const alice = await hers.tab('alice', 'general');
    await bob.sees('alice');
    const flickers = await bob.watch('alice');
    const before = await bob.frames('diff', 'general');

    const second = await hers.tab('alice', 'general');
    await second.sees('alice');
    await pause(1500);
    await alice.close();
    await pause(2500);

    assert.equal(await bob.frames('diff', 'general'), before);
    assert.deepEqual(await flickers(), []);
    await bob.isIn('general', 2);
});

story('a duplicated tab gets a session of its own', async ({ open }) => {
    const window = await open();
    const alice = await window.tab('alice', 'general');
    await alice.sees('alice');
    const [first] = alice.sessionIds();

    const copy = await window.popup(() => alice.page.evaluate(() => void window.open(location.href)));
    await copy.waitForSelector('#people .card[data-user="alice"]');
    // Her stream holds the sessions of both tabs.
    for (let wait = 0; wait < 100 && alice.sessionIds().length < 2; wait += 1) await pause(100);
    assert.equal(new Set(alice.sessionIds()).size, 2);
    assert.ok(alice.sessionIds().includes(first));

    await copy.close();
    await pause(2500);
    await alice.sees('alice');
    await alice.isIn('general', 1);
});

for (const [way, browser] of [
    ['', {}],
    [' out of the back/forward cache', { ignoreDefaultArgs: ['--disable-back-forward-cache'] }],
]) {
    story(`the back button brings one back${way}`, async ({ open }) => {
        const [hers, his] = [await open(), await open({ browser })];
        const alice = await hers.tab('alice', 'general');
        const bob = await his.tab('bob', 'general');
        await alice.sees('bob');

        await bob.page.click('.brand');
        await bob.page.waitForSelector('#welcome');
        await alice.seesNo('bob');
        await bob.page.goBack({ waitUntil: 'commit' });

        await alice.sees('bob', 'active');
        await bob.sees('alice');
        await bob.isLive();
        await bob.type('back');
        await alice.sees('bob', 'typing');
    });
}

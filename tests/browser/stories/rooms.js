// Who may see what, and moving between rooms.

import assert from 'node:assert/strict';
import { pause } from '../support/people.js';
import { story } from '../support/story.js';

story('victor sees nothing of vera-catering while alice sees vera there', async ({ open }) => {
    const [ours, theirs] = [await open(), await open()];
    const heard = [];
    const victor = await theirs.tab('victor', 'vera-catering', (page) =>
        page.on('response', async (answer) => heard.push(await answer.text().catch(() => ''))));
    await victor.reads('#blank-title', 'This room is not open to you');

    const vera = await ours.tab('vera');
    const alice = await ours.tab('alice', 'vera-catering');
    await alice.sees('vera', 'active');
    await vera.sees('alice', 'active');
    await vera.type('menu');
    await alice.sees('vera', 'typing');
    await pause(1000);

    assert.deepEqual(await roomIds(vera), ['vera-catering']);
    assert.deepEqual(await roomIds(victor), ['expo-floor']);
    assert.doesNotMatch(await victor.page.textContent('#frames'), /vera/i);
    assert.ok(heard.some((body) => body.includes('expo-floor')));
    for (const body of heard.filter((text) => text.startsWith('{'))) assert.doesNotMatch(body, /vera/i);
    await victor.page.click('#blank-link');
    await victor.sees('victor', 'active');
});

story('dave is shown that there is nothing for him', async ({ open }) => {
    const dave = await (await open()).tab('dave');

    await dave.reads('#blank-title', 'Nothing to see for Dave');

    assert.deepEqual(await roomIds(dave), []);
    assert.equal(await dave.page.isVisible('#room-view'), false);
    assert.equal(await dave.page.isVisible('#aside'), false);
});

story('switching rooms leaves one and enters the other', async ({ open }) => {
    const [hers, his] = [await open(), await open()];
    const alice = await hers.tab('alice', 'general');
    const bob = await his.tab('bob', 'general');
    await alice.sees('bob');

    await bob.enter('planning');
    await alice.seesNo('bob');
    await alice.isIn('general', 1);
    await alice.isIn('planning', 1);
    await bob.sees('bob');
    await bob.seesNo('alice');

    await alice.enter('planning');
    await bob.sees('alice', 'active');
    await alice.sees('bob', 'active');
    await alice.isIn('general', 0);
    await alice.page.goBack();
    await bob.seesNo('alice');
    await alice.reads('#room-title', 'general');
});

story('the first screen asks who one is, and opens the next person beside', async ({ open }) => {
    const window = await open();
    const page = await window.page('/');
    assert.equal(await page.locator('#welcome-choices .cast-link').count(), 6);

    await page.click('#welcome-choices [href="/?as=alice"]');
    await page.waitForSelector('#people .card[data-user="alice"]');
    const second = await window.popup(() => page.click('#second'));

    await second.waitForSelector('#people .card[data-user="alice"]');
    await page.waitForSelector('#people .card[data-user="bob"]');
    await page.waitForSelector('#second[href^="/?as=carol"]');
});

async function roomIds(person) {
    return person.page.$$eval('#rooms .room', (links) => links.map((link) => link.dataset.room));
}

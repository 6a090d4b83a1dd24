// React in a real browser, against the real service, as others see it on a stream of their own.

import assert from 'node:assert/strict';
import { SLACK, page, pause, reaping, sees, story } from '../support/world.js';
import { GRACE_OVER_MS } from './leaving.js';

story('StrictMode, and React mounting and unmounting twice, is one join and no leave', async ({ open, raw, who, room }) => {
    const carol = await raw(who.carol, who.alice);
    const tab = await open(page(who.alice, room));
    await sees(tab, /Alice.*\(you\)/);
    await carol.hears('join', 5000 * SLACK);

    await reaping();
    for (let turn = 0; turn < 2; turn += 1) {
        await tab.evaluate(() => {
            window.show(false);
            window.show(true);
        });
        await sees(tab, /Alice.*\(you\)/);
    }
    await pause(GRACE_OVER_MS);

    assert.deepEqual(carol.words, ['join']);
});

story('what unmounts for good leaves', async ({ open, raw, who, room }) => {
    const carol = await raw(who.carol, who.alice);
    const tab = await open(page(who.alice, room));
    await carol.hears('join', 5000 * SLACK);

    await tab.evaluate(() => window.show(false));

    await carol.hears('leave: left', 2000 * SLACK);
});

story('two components of one room are one session, and typing and status reach the others', async ({ open, who, room }) => {
    const alice = await open(page(who.alice, room));
    await sees(alice, /Alice.*\(you\)/);
    const bob = await open(page(who.bob, room));
    await sees(bob, /Alice/);

    await alice.getByLabel('Draft').pressSequentially('Shall we', { delay: 40 });
    await bob.getByRole('status').filter({ hasText: /^Alice Adams is typing$/ }).waitFor();
    await alice.getByRole('button', { name: 'Busy' }).click();
    await alice.getByRole('heading').click();

    await sees(bob, 'Alice Adams Busy');
    await bob.getByRole('button', { name: 'Alice Adams Busy' }).click();
    await bob.getByRole('listitem').filter({ hasText: 'Seating plan' }).waitFor();
});

story('all of it by keyboard alone: typing, a status, the list and back', async ({ open, who, room }) => {
    const alice = await open(page(who.alice, room));
    await sees(alice, /Alice.*\(you\)/);
    const bob = await open(page(who.bob, room));
    await sees(bob, /Alice/);
    const focus = () => alice.evaluate(() => {
        const at = document.activeElement;
        return at === document.body ? '' : at.getAttribute('aria-label') ?? at.textContent;
    });
    const tabTo = async (name) => {
        for (let step = 0; step < 10 && !name.test(await focus()); step += 1) await alice.keyboard.press('Tab');
        assert.match(await focus(), name);
    };

    await tabTo(/Alice/);
    await alice.keyboard.press('Enter');
    assert.match(await focus(), /2 people here/);
    await alice.keyboard.press('Tab');
    assert.equal(await focus(), 'Close');
    await alice.keyboard.press('Enter');
    assert.match(await focus(), /Alice/);
    await tabTo(/^Draft$/);
    await alice.keyboard.type('Shall we', { delay: 40 });
    await bob.getByRole('status').filter({ hasText: /^Alice Adams is typing$/ }).waitFor();
    await tabTo(/^Busy$/);
    await alice.keyboard.press('Space');

    await sees(bob, 'Alice Adams Busy');
});

story('ten reloads of a tab show nobody anything', async ({ open, raw, who, room }) => {
    const tab = await open(page(who.alice, room));
    await sees(tab, /Alice.*\(you\)/);
    const bob = await raw(who.bob, who.alice);

    await reaping();
    for (let turn = 0; turn < 10; turn += 1) {
        await tab.reload();
        await sees(tab, /Alice.*\(you\)/);
    }
    await pause(GRACE_OVER_MS);

    assert.deepEqual(bob.words, []);
});

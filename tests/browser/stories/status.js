// What one says about oneself, and what the tab says by itself.

import assert from 'node:assert/strict';
import { STATUS_BUTTON, pause } from '../support/people.js';
import { story } from '../support/story.js';

story('a status and a message are seen, survive typing and a reload, and can be cleared', async ({ open }) => {
    const [hers, his] = [await open(), await open()];
    const alice = await hers.tab('alice', 'general');
    const bob = await his.tab('bob', 'general');
    const message = 'Back at three ☕ <b>soon</b>';

    await bob.choose('busy');
    await bob.says(message);
    await alice.sees('bob', 'busy');
    await alice.reads('#people .card[data-user="bob"] .card-message', message);

    await bob.type('just this');
    await alice.sees('bob', 'typing');
    await bob.page.locator('#draft').blur();
    await alice.sees('bob', 'busy');

    await bob.page.reload();
    await bob.sees('bob', 'busy');
    await bob.says('');
    await alice.page.waitForSelector('#people .card[data-user="bob"] .card-message', { state: 'hidden' });
    await alice.sees('bob', 'busy');
});

story('who is invisible is seen by nobody, types unseen, and sees everybody', async ({ open }) => {
    const [hers, his] = [await open(), await open()];
    const alice = await hers.tab('alice', 'general');
    const bob = await his.tab('bob', 'general');
    await alice.sees('bob');

    await bob.choose('invisible');
    await alice.seesNo('bob');
    await bob.reads('#notice', 'You are invisible');
    await bob.sees('alice');
    await bob.type('nobody sees this');
    await pause(1000);
    assert.equal(await alice.card('bob').count(), 0);

    await bob.choose('active');
    await alice.sees('bob', 'active');
    await bob.page.waitForSelector('#notice', { state: 'hidden' });
});

story('a tab hidden for 15 s is away and hears of everything; looked at again it is active', async ({ open }) => {
    const [hers, his] = [await open(), await open()];
    const alice = await hers.tab('alice', 'general');
    const bob = await his.tab('bob', 'general', (page) => page.clock.install());
    await alice.sees('bob', 'active');

    await look(bob, false);
    await bob.page.clock.fastForward(16_000);
    await alice.sees('bob', 'away');

    await alice.choose('in_meeting');
    await bob.sees('alice', 'in_meeting');
    await look(bob, true);
    await alice.sees('bob', 'active');
    await bob.isLive();
});

story('the status menu works by keyboard alone', async ({ open }) => {
    const window = await open();
    const [alice, bob] = [await window.tab('alice', 'general'), await window.tab('bob', 'general')];

    await bob.page.focus(STATUS_BUTTON);
    await bob.page.keyboard.press('Enter');
    for (let step = 0; step < 2; step += 1) await bob.page.keyboard.press('ArrowDown');
    await bob.page.keyboard.press('Enter');
    await bob.page.keyboard.press('Escape');

    await alice.sees('bob', 'busy');
    assert.ok(await bob.page.evaluate((button) => document.activeElement.matches(button), STATUS_BUTTON));
});

/** Playwright hides no tab, so the page is told that it is hidden. */
function look(person, isSeen) {
    return person.page.evaluate((visible) => {
        Object.defineProperty(document, 'hidden', { configurable: true, get: () => !visible });
        Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (visible ? 'visible' : 'hidden') });
        document.dispatchEvent(new Event('visibilitychange'));
    }, isSeen);
}

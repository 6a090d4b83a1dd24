// Beyond rooms: bells and what they tell, a status for all rooms, what people look at, what was, signing out.

import assert from 'node:assert/strict';
import { SLACK, STATUS_BUTTON, pause } from '../support/people.js';
import { api, story } from '../support/story.js';

const BELL = '[data-reach="vera"] .bell';
const badge = (person) => person.page.locator('.inbox .pgp-count');

story('a bell tells one when somebody comes online, in every tab once, and a click goes there', async ({ open }) => {
    const [hers, theirs] = [await open(), await open()];
    const alice = await hers.tab('alice', 'vera-catering');
    const other = await hers.tab('alice', 'general');
    await alice.page.click(BELL);
    await alice.page.waitForSelector(`${BELL}[aria-pressed="true"]`);
    await other.reads('#watched', 'Vera');

    const vera = await theirs.tab('vera');
    for (const tab of [alice, other]) {
        await tab.reads('.toast', 'Vera Vance is online');
        await badge(tab).filter({ hasText: /^1$/ }).waitFor();
        assert.equal(await tab.page.locator('.toast').count(), 1);
    }

    await other.page.click('.toast a');
    await other.sees('vera');
    for (const tab of [alice, other]) await badge(tab).waitFor({ state: 'detached' });
    await other.page.click('.inbox > button');
    await other.reads('.pgp-notes', 'Vera Vance is online');
    await other.page.keyboard.press('Escape');

    // A reload, and going and coming within the quiet time, tell nobody again.
    await vera.page.reload();
    await vera.isLive();
    await vera.close();
    await alice.seesNo('vera');
    await theirs.tab('vera');
    await alice.sees('vera');
    assert.equal(await badge(alice).count(), 0);
});

story('whoever is busy is told of nothing, and finds it when the list is read again', async ({ dev, open }) => {
    const [hers, theirs] = [await open(), await open()];
    const carol = await hers.tab('carol', 'expo-floor');
    await api(dev.url, 'carol', '/v1/me/watches/victor', 'PUT', {});
    await carol.choose('busy');
    await carol.sees('carol', 'busy');

    await theirs.tab('victor', 'expo-floor');
    await carol.sees('victor');
    const end = Date.now() + 10_000 * SLACK;
    while ((await api(dev.url, 'carol', '/v1/me/notifications')).body.unread_count === 0) {
        assert.ok(Date.now() < end, 'nobody wrote it down');
        await pause(50);
    }
    assert.equal(await carol.page.locator('.toast').count(), 0);

    await carol.page.reload();
    await badge(carol).filter({ hasText: /^1$/ }).waitFor();
});

story('a status is for all rooms, tabs and windows, also for one that is opened later, and has its end', async ({ open }) => {
    const [hers, elsewhere, his] = [await open(), await open(), await open()];
    const alice = await hers.tab('alice', 'general');
    const planning = await hers.tab('alice', 'planning');
    const bob = await his.tab('bob', 'general');
    await bob.sees('alice', 'active');

    await alice.page.click(STATUS_BUTTON);
    await alice.page.click('.pgp-picker [data-choice="in_meeting"]');
    await alice.page.getByRole('button', { name: '30 min' }).click();
    await bob.page.locator('#people .card[data-user="alice"]').filter({ hasText: /In a meeting until \d\d:\d\d/ }).waitFor();
    await planning.sees('alice', 'in_meeting');
    await planning.page.locator(STATUS_BUTTON).filter({ hasText: /In a meeting until/ }).waitFor();
    const later = await elsewhere.tab('alice', 'vera-catering');
    await later.sees('alice', 'in_meeting');

    await later.choose('active');
    await bob.sees('alice', 'active');
    await alice.page.locator(STATUS_BUTTON).filter({ hasText: /^Available$/ }).waitFor();
});

story('invisible is invisible in every tab, and comes back in every tab', async ({ open }) => {
    const [hers, his] = [await open(), await open()];
    const [alice, planning] = [await hers.tab('alice', 'general'), await hers.tab('alice', 'planning')];
    const [bob, watching] = [await his.tab('bob', 'general'), await his.tab('bob', 'planning')];
    await bob.sees('alice');
    await watching.sees('alice');

    await alice.choose('invisible');
    await bob.seesNo('alice');
    await watching.seesNo('alice');
    await planning.reads('#notice', 'You are invisible');

    await planning.choose('active');
    await bob.sees('alice');
    await watching.sees('alice');
});

story('what people look at is counted, for everybody', async ({ open }) => {
    const [hers, his] = [await open(), await open()];
    const alice = await hers.tab('alice', 'general');
    const bob = await his.tab('bob', 'general');
    await alice.sees('bob');
    const budget = (person, count) => person.page.getByRole('button', { name: `Budget: ${count}` }).waitFor();

    await alice.page.click('#looking [data-activity="budget"]');
    await budget(bob, '1 person');
    await bob.page.click('#looking [data-activity="budget"]');
    await budget(alice, '2 people');
    await alice.reads('#people .card[data-user="bob"]', 'on budget');

    await bob.page.click('#looking [data-activity="budget"]');
    await budget(alice, '1 person');
});

story('what was is a line in the room and on the dashboard', async ({ open }) => {
    const window = await open();
    const alice = await window.tab('alice', 'general');
    await alice.sees('alice');

    await alice.page.getByRole('img', { name: /^Last 24 hours/ }).first().waitFor();
    await alice.page.click('#rooms [data-event="gala"]');
    await alice.page.locator('#event-active').filter({ hasText: /^[1-9]/ }).waitFor();
    await alice.page.locator('#event-rooms [data-room="general"]').getByRole('img', { name: /^Last 24 hours/ }).waitFor();
});

story('signing out leaves everywhere in every tab, and coming back is one click', async ({ open }) => {
    const [hers, elsewhere, his] = [await open(), await open(), await open()];
    const alice = await hers.tab('alice', 'general');
    const others = [await hers.tab('alice', 'planning'), await elsewhere.tab('alice', 'vera-catering')];
    const bob = await his.tab('bob', 'general');
    await bob.sees('alice');

    await alice.page.click('#persona-button');
    await alice.page.click('#sign-out');
    await bob.seesNo('alice');
    for (const tab of [alice, ...others]) await tab.page.waitForSelector('#link[data-phase="ended"]');

    await alice.page.keyboard.press('Escape');
    await alice.page.getByRole('button', { name: 'Come back' }).click();
    await bob.sees('alice');
});

// The screens beside the room: the event's dashboard, availability, the crowd, under the hood.

import assert from 'node:assert/strict';
import { STATUS_BUTTON } from '../support/people.js';
import { api, story } from '../support/story.js';

story('the dashboard counts people once, room by room, and says whether the coordinator is reachable', async ({ open }) => {
    const [hers, his] = [await open(), await open()];
    const alice = await hers.tab('alice', 'general');
    await hers.tab('alice', 'planning');
    const bob = await his.tab('bob', 'general');
    await bob.sees('alice');

    await bob.page.click('#rooms [data-event="gala"]');
    await bob.reads('#event-title', 'Summer Gala');
    await bob.reads('#event-online', '1');
    await bob.reads('#event-rooms [data-room="general"] .count', '1');
    await bob.reads('#event-rooms [data-room="planning"] .count', '1');
    await bob.reads('.tile .pgp-availability', 'Available');
    assert.equal(await bob.page.locator('#event-rooms [data-room="vera-catering"]').count(), 0);
    await alice.seesNo('bob');

    await alice.choose('busy');
    await bob.page.waitForSelector('#event-people [data-user="alice"][data-status="busy"]');
    await hers.leave();
    await bob.reads('#event-online', '0');
    await bob.reads('.tile .pgp-availability', 'Last seen');
    await bob.page.click('#event-rooms [data-room="general"] a');
    await bob.sees('bob');
});

story('the whole page works by keyboard alone: who one is, a message, a status, another room, the event', async ({ open }) => {
    const [hers, his] = [await open(), await open()];
    const bob = await his.tab('bob', 'general');
    const page = await hers.page('/');
    const { keyboard } = page;
    const focusTo = async (selector, step = 'Tab') => {
        for (let turn = 0; turn < 60; turn += 1) {
            if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
            await keyboard.press(step);
        }
        throw new Error(`the keyboard does not lead to ${selector}`);
    };

    await focusTo('[href="/?as=alice"]');
    await keyboard.press('Enter');
    await page.waitForSelector('#link[data-phase="live"]');
    await bob.sees('alice', 'active');
    await page.waitForSelector('#people .card[data-user="bob"]');

    await focusTo('#draft');
    await keyboard.type('By keyboard', { delay: 40 });
    await bob.sees('alice', 'typing');
    await keyboard.press('Enter');
    await bob.sees('alice', 'active');
    await focusTo(STATUS_BUTTON, 'Shift+Tab');
    await keyboard.press('Enter');
    await keyboard.press('ArrowDown');
    await keyboard.press('ArrowDown');
    await keyboard.press('Space');
    await keyboard.press('Escape');
    await bob.sees('alice', 'busy');
    await focusTo('.pile > button');
    await keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await focusTo('#rooms [data-room="planning"]', 'Shift+Tab');
    await keyboard.press('Enter');
    await bob.isIn('planning', 1);
    await focusTo('#rooms [data-event="gala"]', 'Shift+Tab');
    await keyboard.press('Enter');
    await page.waitForSelector('#event-people');
    await focusTo('#hood > summary');
    await keyboard.press('Enter');
    await page.waitForSelector('#hood[open]');
});

story('a coordinator sees whether the vendor can be reached, and the vendor whether the coordinator can', async ({ open }) => {
    const [hers, theirs] = [await open(), await open()];
    const alice = await hers.tab('alice', 'vera-catering');
    const vera = await theirs.tab('vera');
    await alice.reads('[data-reach="vera"]', 'Available');
    await vera.reads('[data-reach="alice"]', 'Available');

    await vera.choose('busy');
    await alice.reads('[data-reach="vera"]', 'Busy');
    await alice.enter('general');
    await vera.seesNo('alice');
    await vera.reads('[data-reach="alice"]', 'Last seen');
    await alice.enter('vera-catering');
    await vera.close();
    await alice.reads('[data-reach="vera"]', 'Last seen');
});

story('a crowd comes at a touch, is seen by others, and goes', async ({ dev, open }) => {
    const [hers, his] = [await open(), await open()];
    const alice = await hers.tab('alice', 'general');
    const bob = await his.tab('bob', 'general');
    await bob.sees('alice');

    await alice.page.fill('#crowd', '40');
    await alice.isIn('general', 42);
    await bob.isIn('general', 42);
    await bob.page.click('.pile .pgp-more');
    await bob.page.waitForFunction(() => document.querySelectorAll('.pgp-list .pgp-person').length === 42);
    await bob.page.keyboard.press('Escape');
    await alice.page.fill('#crowd', '500');
    await bob.reads('#alone', '502 people');
    await alice.page.fill('#crowd', '0');
    await bob.isIn('general', 2);
    await bob.sees('alice', 'active');

    const { body } = await api(dev.url, 'alice', '/v1/events/gala');
    assert.deepEqual(body.people.filter(({ user_id }) => user_id.startsWith('crowd-')), []);
});

story('under the hood the rows of Postgres say what the stream says, to those who may see the room', async ({ dev, open }) => {
    const [hers, his] = [await open(), await open()];
    const alice = await hers.tab('alice', 'general');
    await alice.page.click('#hood > summary');
    await alice.reads('#live tbody tr', 'Alice Adams');
    const bob = await his.tab('bob', 'general');
    await bob.choose('in_meeting');
    await alice.reads('#live tbody tr', 'in_meeting');
    await alice.reads('.sql', "where m.room_id = 'general'");
    await alice.page.waitForSelector('#frames .frame-event[data-event="diff"]');

    const path = '/dev/rooms/vera-catering/rows';
    assert.equal((await api(dev.url, 'alice', path)).status, 200);
    assert.equal((await api(dev.url, 'victor', path)).status, 404);
});

story('seven tabs of one person share one stream', async ({ open }) => {
    const window = await open();
    const streams = [0, 0, 0, 0, 0, 0, 0];
    for (const at of streams.keys()) {
        const tab = await window.tab('alice', 'general', (page) =>
            page.on('request', (request) => (streams[at] += new URL(request.url()).pathname === '/v1/stream' ? 1 : 0)));
        await tab.sees('alice', 'active');
        await tab.isIn('general', 1);
    }

    const [first, ...others] = streams;
    assert.ok(first > 0);
    assert.deepEqual(others, [0, 0, 0, 0, 0, 0]);
});

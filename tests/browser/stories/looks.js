// What the page is made of: its policy, its accessibility, its narrowest screen.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { STATUS_BUTTON } from '../support/people.js';
import { story } from '../support/story.js';

const POLICY = [
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data:",
    "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
];

story('the page comes with a strict content security policy and nothing from elsewhere', async ({ dev, open }) => {
    const window = await open();
    const hosts = new Set();
    const alice = await window.tab('alice', 'general', (page) => page.on('request', (request) => hosts.add(new URL(request.url()).host)));
    await alice.sees('alice');

    const policy = (await fetch(dev.url)).headers.get('content-security-policy');

    assert.deepEqual(policy.split(';').map((part) => part.trim()).filter(Boolean).sort(), [...POLICY].sort());
    assert.deepEqual([...hosts], [new URL(dev.url).host]);
});

for (const colorScheme of ['light', 'dark']) {
    story(`no screen has an accessibility violation (${colorScheme})`, async ({ open }) => {
        const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
        const window = await open({ colorScheme, reducedMotion: 'reduce' });
        const bob = await window.tab('bob', 'general');
        const alice = await window.tab('alice', 'general');
        await bob.says('Back at three');
        await alice.reads('.card-message', 'Back at three');
        await alice.page.click('#hood > summary');

        await assertSound(alice.page, axe);
        await alice.page.click(STATUS_BUTTON);
        await assertSound(alice.page, axe);
        await alice.page.keyboard.press('Escape');
        await alice.page.click('.inbox > button');
        await assertSound(alice.page, axe);
        await alice.page.keyboard.press('Escape');
        await alice.page.click('#persona-button');
        await assertSound(alice.page, axe);
        await alice.page.keyboard.press('Escape');
        await alice.page.fill('#crowd', '12');
        await alice.page.click('.pile .pgp-more');
        await assertSound(alice.page, axe);
        await alice.page.fill('#crowd', '0');
        await alice.isIn('general', 2);
        await alice.page.click('#rooms [data-event="gala"]');
        await alice.reads('#event-people', 'Bob Brandt');
        await assertSound(alice.page, axe);
        await alice.enter('vera-catering');
        await alice.sees('alice');
        await assertSound(alice.page, axe);
        await assertSound((await window.tab('victor', 'vera-catering')).page, axe);
        await assertSound((await window.tab('dave')).page, axe);
        await assertSound(await window.page('/'), axe);
    });
}

story('nothing sticks out at 360 pixels', async ({ open }) => {
    const window = await open({ viewport: { width: 360, height: 740 } });
    const alice = await window.tab('alice', 'general');
    const bob = await window.tab('bob', 'general');
    await bob.choose('in_meeting');
    await bob.says('A message as long as a message may be, '.repeat(4).slice(0, 140));
    await alice.sees('bob', 'in_meeting');
    await alice.page.click('#hood > summary');

    const board = await window.tab('alice', 'vera-catering');
    await board.page.click('#rooms [data-event="gala"]');
    await board.reads('#event-people', 'Bob Brandt');
    const closed = await window.tab('victor', 'vera-catering');
    for (const { page } of [alice, board, closed, await window.tab('dave'), { page: await window.page('/') }]) {
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
    }
});

story('the screens of a bad moment have no accessibility violation: reconnecting, removed, ended', async ({ dev, open, lay, outage }) => {
    const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    const cable = await lay();
    for (const colorScheme of ['light', 'dark']) {
        const window = await open({ base: cable.url, colorScheme, reducedMotion: 'reduce' });
        const alice = await window.tab('alice', 'general');
        await alice.sees('alice');
        outage();
        cable.cut();
        await alice.page.getByRole('button', { name: 'Try now' }).waitFor();
        await alice.page.waitForSelector('#link[data-phase="reconnecting"]');
        await assertSound(alice.page, axe);
        cable.mend();
        // Perhaps it has come back by itself meanwhile.
        await alice.page.evaluate(() => document.querySelector('.pgp-banner button')?.click());
        await alice.isLive();

        await alice.page.evaluate(async () => {
            const { token } = await (await fetch('/dev/token', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"user_id":"alice"}' })).json();
            await fetch('/v1/me/sessions', { method: 'DELETE', headers: { authorization: `Bearer ${token}` } });
        });
        await alice.page.getByRole('button', { name: 'Come back' }).waitFor();
        await assertSound(alice.page, axe);
        await alice.page.getByRole('button', { name: 'Come back' }).click();
        await alice.sees('alice', 'active');
        await alice.close();
    }
});

async function assertSound(page, axe) {
    await page.evaluate(axe);
    const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
    const brief = found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`);
    assert.deepEqual(brief, []);
}

// The gallery: every component in every state, looked at and checked by axe.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { root, story } from '../support/world.js';

const look = (promise, tell) => story(promise, tell, true);

const SHOTS = path.join(root, 'browser/shots');
/** Where the list and the tips are. */
const PIECE = '[data-piece="RoomPresence"]';
const NARROW = { viewport: { width: 360, height: 740 } };

const LOOKS = {
    'light': ['', {}],
    'dark, by the system': ['', { colorScheme: 'dark' }],
    'dark, by data-theme': ['?theme=dark', {}],
    'narrow': ['', NARROW],
    'narrow and dark': ['', { ...NARROW, colorScheme: 'dark' }],
    'right to left': ['?dir=rtl', {}],
    'with forced colours': ['', { forcedColors: 'active' }],
    'with reduced motion': ['', { reducedMotion: 'reduce' }],
};

for (const [name, [query, options]] of Object.entries(LOOKS)) {
    look(`the gallery has no axe violation: ${name}`, async ({ open }) => {
        const page = await open(`/gallery/${query}`, options);
        const shot = (part) => page.screenshot({ path: path.join(SHOTS, `${name.replace(/\W+/g, '-')}${part}.png`), fullPage: part === '' });
        await mkdir(SHOTS, { recursive: true });
        await page.waitForSelector('.pgp-room');
        await settle(page);
        await shot('');
        assert.deepEqual(await violations(page), []);

        await page.locator('.pgp-more').first().click();
        await settle(page);
        await shot('-list');
        assert.deepEqual(await violations(page, PIECE), []);

        await page.keyboard.press('Escape');
        await page.locator('.pgp-room .pgp-avatar').nth(1).hover();
        await page.locator('.pgp-tip', { hasText: 'Bob Brandt' }).first().waitFor({ state: 'visible' });
        await settle(page);
        await shot('-tip');
        assert.deepEqual(await violations(page, PIECE), []);
        const [scroll, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.ok(scroll <= width, `the page is ${scroll} px wide in a window of ${width}`);
    });
}

look('the list is a whole on the keyboard: in, through and back', async ({ open }) => {
    const page = await open('/gallery/', NARROW);
    const focus = () => page.evaluate(() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.className);
    await page.locator('.pgp-more').first().focus();

    await page.keyboard.press('Enter');
    assert.equal(await focus(), '12 people here');
    const box = await page.locator('.pgp-list').boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= 360, `the list stands at ${JSON.stringify(box)}`);
    await page.keyboard.press('End');
    await page.waitForFunction(() => document.querySelector('.pgp-list').scrollTop > 0);
    await page.keyboard.press('Tab');
    assert.equal(await focus(), 'Close');
    await page.keyboard.press('Escape');

    assert.equal(await focus(), '+7, show all 12');
    assert.equal(await page.locator('.pgp-list').count(), 0);
});

look('a tip comes by pointer and by focus, and goes by Escape', async ({ open }) => {
    const page = await open('/gallery/');
    const face = page.locator('.pgp-room .pgp-avatar').nth(1);
    const tip = face.locator('.pgp-tip');

    await face.hover();
    await tip.waitFor({ state: 'visible' });
    await page.keyboard.press('Escape');
    await tip.waitFor({ state: 'hidden' });
    await page.mouse.move(0, 0);
    await page.locator('.pgp-room .pgp-avatar').first().focus();
    await page.keyboard.press('Tab');

    await tip.waitFor({ state: 'visible' });
});

look('every target is 24 px or more', async ({ open }) => {
    const page = await open('/gallery/', NARROW);
    await page.locator('.pgp-more').first().click();

    const small = await page.evaluate(() =>
        [...document.querySelectorAll('.pgp-room button')].map((each) => each.getBoundingClientRect()).filter(({ width, height }) => width < 24 || height < 24).length);

    assert.equal(small, 0);
});

/** What axe finds in the page, or in a part of it. */
async function violations(page, part = 'html') {
    if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(await readFile(path.join(root, 'node_modules/axe-core/axe.min.js'), 'utf8'));
    const { violations: found } = await page.evaluate((of) => window.axe.run(of, { resultTypes: ['violations'] }), part);
    return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

/** What arrives has arrived; what goes on for ever, as the dots of typing, is shown as it is. */
function settle(page) {
    return page.waitForFunction(() => document.getAnimations().every((each) => each.playState === 'finished' || each.effect.getTiming().iterations === Infinity));
}

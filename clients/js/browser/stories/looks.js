// The gallery: every component in every state, looked at and checked by axe.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { root, story } from '../support/world.js';

const SHOTS = path.join(root, 'browser/shots');
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

for (const [look, [query, options]] of Object.entries(LOOKS)) {
    story(`the gallery has no axe violation: ${look}`, async ({ open }) => {
        const page = await open(`/gallery/${query}`, options);
        const shot = (name) => page.screenshot({ path: path.join(SHOTS, `${look.replace(/\W+/g, '-')}${name}.png`), fullPage: name === '' });
        await mkdir(SHOTS, { recursive: true });
        await page.waitForSelector('.pgp-room');
        await settle(page);
        await shot('');
        assert.deepEqual(await violations(page), []);

        await page.locator('.pgp-more').first().click();
        await settle(page);
        await shot('-list');
        assert.deepEqual(await violations(page), []);

        await page.keyboard.press('Escape');
        await page.locator('.pgp-room .pgp-avatar').nth(1).hover();
        await page.locator('.pgp-tip', { hasText: 'Bob Brandt' }).first().waitFor({ state: 'visible' });
        await settle(page);
        await shot('-tip');
        assert.deepEqual(await violations(page), []);
        const [scroll, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.ok(scroll <= width, `the page is ${scroll} px wide in a window of ${width}`);
    });
}

story('the list is a whole on the keyboard: in, through and back', async ({ open }) => {
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

story('a tip comes by pointer and by focus, and goes by Escape', async ({ open }) => {
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

story('every target is 24 px or more', async ({ open }) => {
    const page = await open('/gallery/', NARROW);
    await page.locator('.pgp-more').first().click();

    const small = await page.evaluate(() =>
        [...document.querySelectorAll('.pgp-room button')].map((each) => each.getBoundingClientRect()).filter(({ width, height }) => width < 24 || height < 24).length);

    assert.equal(small, 0);
});

async function violations(page) {
    await page.evaluate(await readFile(path.join(root, 'node_modules/axe-core/axe.min.js'), 'utf8'));
    const { violations: found } = await page.evaluate(() => window.axe.run(document));
    return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

/** What arrives has arrived; what goes on for ever, as the dots of typing, is shown as it is. */
function settle(page) {
    return page.waitForFunction(() => document.getAnimations().every((each) => each.playState === 'finished' || each.effect.getTiming().iterations === Infinity));
}

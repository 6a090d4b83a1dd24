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
        for (const [piece, opened] of [['StatusPicker', '-picker'], ['NotificationBell', '-inbox']]) {
            await page.locator(`[data-piece="${piece}"] [aria-haspopup="dialog"]`).nth(piece === 'StatusPicker' ? 1 : 0).click();
            await page.locator(`[data-piece="${piece}"] [popover]`).waitFor();
            await settle(page);
            await shot(opened);
            assert.deepEqual(await violations(page, `[data-piece="${piece}"]`), []);
            const box = await page.locator(`[data-piece="${piece}"] [popover]`).boundingBox();
            assert.ok(box.x >= 0 && box.x + box.width <= (await page.evaluate(() => innerWidth)), `what opens stands at ${JSON.stringify(box)}`);
            await page.keyboard.press('Escape');
            await page.locator(`[data-piece="${piece}"] [popover]`).waitFor({ state: 'detached' });
        }
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
    const small = () => page.evaluate(() =>
        [...document.querySelectorAll(':is(.pgp-room, .pgp-popup, .pgp-notes) button, .pgp-icon')]
            .filter((each) => Math.min(each.getBoundingClientRect().width, each.getBoundingClientRect().height) < 24).map(({ outerHTML }) => outerHTML));

    await page.locator('.pgp-more').first().click();
    assert.deepEqual(await small(), []);
    await page.locator('[data-piece="StatusPicker"] [aria-haspopup="dialog"]').nth(1).click();
    assert.deepEqual(await small(), []);
    await page.locator('[data-piece="NotificationBell"] [aria-haspopup="dialog"]').first().click();
    assert.deepEqual(await small(), []);
});

look('the status is chosen by keyboard alone, with its end and its message', async ({ open }) => {
    const page = await open('/gallery/');
    const button = page.getByRole('button', { name: /^Your status: Available/ });
    await button.focus();

    await page.keyboard.press('Enter');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Your status' }).getByText(/^Until \d\d:\d\d|^Until \w+/).waitFor();
    await page.getByLabel('What are you up to?').focus();
    await page.keyboard.type('Seating plan');
    await page.keyboard.press('Enter');

    const name = await page.locator('[data-piece="StatusPicker"] [aria-haspopup="dialog"]').first().getAttribute('aria-label');
    assert.match(name, /^Your status: Busy until /);
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), name);
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

// The operator's page: what anybody sees of it, what an operator does with it, and how it looks.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { story } from '../support/story.js';

const PHONE = { viewport: { width: 360, height: 740 } };

/** The page, read; signed in as dev lets whoever is at the machine. */
async function operators(window, dev, isOperator = true) {
    const page = await window.pageAt(await dev.operators());
    await page.waitForSelector('#link[data-phase="live"]');
    await page.locator('.node[data-tone="good"]').first().waitFor();
    if (isOperator) await signIn(page);
    return page;
}

async function signIn(page) {
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: 'With a token of dev' }).click();
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
}

const roomOf = (page, name) => page.locator('#rooms .room', { has: page.locator('.room-name', { hasText: new RegExp(`^${name}$`) }) });

story('whoever opens the operator\'s page reads numbers, and names once they have signed in', async ({ dev, open }) => {
    const window = await open();
    const alice = await window.tab('alice', 'general');
    await alice.sees('alice');

    const page = await operators(window, dev, false);
    await page.locator('.tile', { hasText: 'People' }).locator('.number', { hasText: /^1$/ }).waitFor();
    const before = await page.locator('body').innerText();
    await signIn(page);
    await roomOf(page, 'General').click();
    await page.locator('.member', { hasText: 'Alice Adams' }).waitFor();
    await page.locator('.member', { hasText: 'Alice Adams' }).getByRole('button', { name: /^Why/ }).click();
    await page.locator('#reasons [data-holds="true"]', { hasText: 'the user is shown' }).waitFor();
    await page.locator('#fine-count', { hasText: 'checks hold' }).waitFor();

    assert.match(before, /Sign in to see them: 1 room has somebody in it/);
    for (const name of ['Alice', 'General', 'gala']) assert.ok(!before.includes(name), name);
    assert.equal(await page.getByRole('button', { name: /Kick|Clear/ }).count(), 0, 'it changes nothing until that is allowed');
    await page.reload();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('Sign in to see them').waitFor();
    assert.equal(await page.locator('.room').count(), 0);
});

story('an operator kicks a member and clears a room, after a question that no key press answers by chance', async ({ dev, open }) => {
    const window = await open();
    const [alice, bob] = [await window.tab('alice', 'general'), await window.tab('bob', 'general')];
    await alice.sees('bob');
    const page = await operators(window, dev);
    await page.getByRole('switch', { name: 'Allow changes' }).click();
    await roomOf(page, 'General').getByRole('button').first().click();
    const kick = page.getByRole('button', { name: 'Kick Bob Brandt' });

    await kick.click();
    assert.equal(await page.locator('#sure').getAttribute('open'), '');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#sure', { state: 'hidden' });
    assert.ok(await kick.isVisible(), 'Enter is no yes');
    await kick.click();
    await page.keyboard.press('Escape');
    await alice.sees('bob');
    await kick.click();
    await page.getByRole('button', { name: 'Kick', exact: true }).click();
    await page.locator('#told', { hasText: 'Bob Brandt was removed from General: 1 session ended.' }).waitFor();
    await bob.page.getByRole('button', { name: 'Come back' }).waitFor();

    await page.getByRole('button', { name: 'Clear the room' }).click();
    await page.locator('#sure').getByRole('button', { name: 'Clear the room' }).click();
    await page.locator('#told', { hasText: 'General was cleared' }).waitFor();
    await page.getByText('Nobody is in any room.').waitFor();
});

story('it refreshes in place: open rooms stay open, focus stays, nothing is drawn anew', async ({ dev, open }) => {
    const window = await open();
    const alice = await window.tab('alice', 'general');
    await alice.sees('alice');
    const page = await operators(window, dev);
    const room = roomOf(page, 'General').getByRole('button').first();
    await room.click();
    await page.locator('.member', { hasText: 'Alice Adams' }).waitFor();
    await room.focus();
    await page.evaluate(() => {
        window.kept = document.querySelector('.member');
        window.tile = document.querySelector('.tile');
    });

    await window.tab('bob', 'general');
    await page.locator('.member', { hasText: 'Bob Brandt' }).waitFor();

    assert.ok(await page.evaluate(() => window.kept.isConnected && window.tile.isConnected));
    assert.equal(await page.evaluate(() => document.activeElement.className), 'room-head');
    assert.equal(await room.getAttribute('aria-expanded'), 'true');
});

story('a node that is away is said to be, with how it was before', async ({ dev, open, outage }) => {
    const window = await open();
    const page = await operators(window, dev);
    outage();
    await page.route('**/operator/overview', (route) => route.abort());
    await page.locator('.notice', { hasText: 'This node cannot be reached. What is shown is how it was.' }).waitFor();
    await page.unroute('**/operator/overview');
    await page.waitForSelector('#link[data-phase="live"]');
    assert.equal(await page.locator('.notice', { hasText: 'cannot be reached' }).count(), 0);
});

for (const [look, options] of Object.entries({ light: { colorScheme: 'light' }, dark: { colorScheme: 'dark' }, phone: PHONE })) {
    story(`the operator's page has no accessibility violation, and nothing sticks out (${look})`, async ({ dev, open }) => {
        const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
        const window = await open({ reducedMotion: 'reduce', ...options });
        const alice = await window.tab('alice', 'general');
        await alice.says('A message as long as a message may be, '.repeat(4).slice(0, 140));
        const anybody = await operators(window, dev, false);
        await assertSound(anybody, axe);
        const page = await operators(window, dev);
        await page.getByRole('switch', { name: 'Allow changes' }).click();
        await roomOf(page, 'General').getByRole('button').first().click();
        await page.locator('.member', { hasText: 'A message as long' }).waitFor();
        await page.locator('.member').getByRole('button', { name: /^Why/ }).click();
        await page.locator('#reasons li').first().waitFor();
        await page.locator('#fine-count', { hasText: 'checks hold' }).click();
        await assertSound(page, axe);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
        await page.getByRole('button', { name: 'Clear the room' }).click();
        await assertSound(page, axe);
        await page.keyboard.press('Escape');
        await page.getByRole('button', { name: 'Sign out' }).click();
        await page.getByRole('button', { name: 'Sign in' }).click();
        await assertSound(page, axe);
    });
}

async function assertSound(page, axe) {
    await page.evaluate(axe);
    const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
    const brief = found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`);
    assert.deepEqual(brief, []);
}

// Takes pictures of the page: `pictures.js shots` every screen into shots/, `pictures.js docs DIR` those of README and docs.

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { Cable } from './support/cable.js';
import { Dev } from './support/dev.js';
import { STATUS_BUTTON, Window, launch, pause } from './support/people.js';

const LOOKS = {
    light: { colorScheme: 'light' },
    dark: { colorScheme: 'dark' },
    phone: { colorScheme: 'light', viewport: { width: 360, height: 740 }, deviceScaleFactor: 2 },
    'phone-dark': { colorScheme: 'dark', viewport: { width: 360, height: 740 }, deviceScaleFactor: 2 },
    wide: { colorScheme: 'light', viewport: { width: 1920, height: 1080 } },
};

const [what, folder = 'shots'] = process.argv.slice(2);
const dev = await Dev.start();
await past(dev);
const browser = await launch();
try {
    await mkdir(folder, { recursive: true });
    if (what === 'docs') await docs(folder);
    else await shots(folder);
} finally {
    await browser.close();
    await dev.stop();
}

async function docs(into) {
    const company = await Window.open(browser, dev.url);
    const [bob, vera, carol] = await arrive(company);
    const WIDE = { viewport: { width: 1200, height: 720 }, deviceScaleFactor: 2 };
    const NARROW = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2 };
    for (const [name, look] of [['page', WIDE], ['page-dark', { ...WIDE, colorScheme: 'dark' }], ['page-narrow', NARROW]]) {
        const window = await Window.open(browser, dev.url, look);
        await carol.page.reload();
        await carol.isLive();
        const alice = await window.tab('alice', 'general');
        await alice.sees('carol');
        await carol.enter('expo-floor');
        await alice.seesNo('carol');
        await vera.choose('busy');
        await bob.type('Shall we move the flowers?');
        await alice.sees('bob', 'typing');
        await pause(400);
        await alice.page.screenshot({ path: path.join(into, `${name}.png`) });
        await carol.enter('general');
        await window.close();
    }
}

async function shots(into) {
    const cable = await Cable.to(dev.port);
    for (const [look, options] of Object.entries(LOOKS)) {
        const company = await Window.open(browser, dev.url);
        const [bob, , carol] = await arrive(company);
        const window = await Window.open(browser, cable.url, options);
        const shot = (page, name, more = {}) => page.screenshot({ path: path.join(into, `${name}-${look}.png`), ...more });
        const first = await window.page('/');
        await shot(first, 'welcome');
        const alice = await window.tab('alice', 'general');
        await alice.page.click('#looking [data-activity="budget"]');
        await carol.close();
        await alice.seesNo('carol');
        await bob.type('Shall we move the flowers?');
        await alice.sees('bob', 'typing');
        await pause(400);
        await shot(alice.page, 'room');
        await alice.page.click('#hood > summary');
        await alice.page.evaluate(() => scrollTo(0, 0));
        await pause(300);
        await shot(alice.page, 'hood', { fullPage: true });
        await alice.page.click('#hood > summary');
        await alice.page.fill('#crowd', '60');
        await alice.isIn('general', 62);
        await alice.page.click('.pile .pgp-more');
        await pause(400);
        await shot(alice.page, 'crowd');
        await alice.page.keyboard.press('Escape');
        await alice.page.fill('#crowd', '0');
        await alice.isIn('general', 2);
        for (const [menu, button] of [['status', STATUS_BUTTON], ['inbox', '.inbox > button'], ['persona', '#persona-button']]) {
            await alice.page.click(button);
            await pause(300);
            await shot(alice.page, menu);
            await alice.page.keyboard.press('Escape');
        }
        await alice.page.click('#rooms [data-event="gala"]');
        await alice.reads('#event-people', 'Bob Brandt');
        await pause(400);
        await shot(alice.page, 'event');
        await alice.enter('vera-catering');
        await alice.sees('vera');
        await pause(400);
        await shot(alice.page, 'vendor');
        cable.cut();
        await alice.page.getByRole('button', { name: 'Try now' }).waitFor();
        await alice.page.waitForSelector('#link[data-phase="reconnecting"]');
        await pause(400);
        await shot(alice.page, 'lost');
        cable.mend();
        await shot((await window.tab('dave')).page, 'outsider');
        await shot((await window.tab('victor', 'vera-catering')).page, 'closed');
        await window.close();
        await company.close();
    }
    await cable.close();
}

/** The day before: who was in which room, from so many minutes ago to so many. */
async function past(server) {
    const visits = [
        ['general', 'alice', 1320, 1270], ['general', 'bob', 1300, 1180], ['general', 'carol', 1010, 700], ['general', 'alice', 980, 420],
        ['general', 'bob', 920, 500], ['general', 'carol', 640, 330], ['general', 'bob', 410, 260], ['general', 'alice', 380, 30],
        ['general', 'carol', 240, 95], ['general', 'bob', 150, 20], ['planning', 'alice', 900, 760], ['planning', 'bob', 870, 610],
        ['planning', 'bob', 300, 210], ['vera-catering', 'vera', 1100, 820], ['vera-catering', 'alice', 860, 830], ['vera-catering', 'vera', 470, 140],
    ];
    const ago = (minutes) => `now() - interval '${minutes} min'`;
    const rows = visits.map(([room, user, from, to]) => `(${ago(from)}, ${ago(to)}, '${room}', '${user}', 'left')`);
    await server.sql(`insert into presence_private.visit (began_at, ended_at, room_id, user_id, reason) values ${rows.join(', ')}`);
}

/** Bob, vera and carol, with something to say. */
async function arrive(window) {
    const bob = await window.tab('bob', 'general');
    const vera = await window.tab('vera');
    const carol = await window.tab('carol', 'general');
    await bob.says('At the venue until six');
    await bob.page.click('#looking [data-activity="budget"]');
    await carol.choose('busy');
    return [bob, vera, carol];
}

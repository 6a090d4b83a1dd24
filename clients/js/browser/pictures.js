// Takes the pictures of docs/clients.md from the gallery: `pictures.js DIR`, one of each component, and the list open.
// No service is needed for them.

import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { serve } from '../examples/plain-html/serve.js';
import { LAUNCH, root } from './support/launch.js';

const NAMES = [
    'RoomPresence', 'EventPresence', 'AvailabilityBadge', 'TypingIndicator', 'RoomBadge', 'PresenceDot', 'LastSeen', 'ConnectionBanner',
    'StatusPicker', 'NotificationBell', 'NotificationList', 'ActivityList', 'Sparkline',
];
const SIZE = { width: 460, height: 620 };

const into = path.resolve(process.argv[2] ?? 'shots');
const built = await mkdtemp(path.join(os.tmpdir(), 'pg-presence-pictures-'));
await build({
    absWorkingDir: root, entryPoints: ['examples/gallery/gallery.tsx'], outdir: built, bundle: true, format: 'esm', jsx: 'automatic', minify: true,
    define: { 'process.env.NODE_ENV': '"production"' }, logLevel: 'warning',
});
await cp(path.join(root, 'examples/gallery/index.html'), path.join(built, 'index.html'));
const server = await serve({ target: 'http://localhost', folders: { '/': built } });
const browser = await chromium.launch(LAUNCH);
try {
    await mkdir(into, { recursive: true });
    const page = await browser.newPage({ viewport: SIZE, deviceScaleFactor: 1.5, locale: 'en-GB', reducedMotion: 'reduce' });
    const open = async (name) => {
        await page.goto(`http://localhost:${server.address().port}/?only=${name}`);
        return page.locator('.stand');
    };
    for (const name of NAMES) {
        const stand = await open(name);
        await stand.screenshot({ path: path.join(into, `${kebab(name)}.png`) });
    }
    await open('RoomPresence');
    await page.locator('.pgp-more').first().click();
    await page.screenshot({ path: path.join(into, 'room-presence-list.png'), clip: { x: 0, y: 0, width: SIZE.width, height: 520 } });
    for (const [name, at] of [['StatusPicker', 1], ['NotificationBell', 0]]) {
        await open(name);
        await page.locator('[aria-haspopup="dialog"]').nth(at).click();
        await page.screenshot({ path: path.join(into, `${kebab(name)}-open.png`), clip: { x: 0, y: 0, width: SIZE.width, height: SIZE.height } });
    }
    await page.emulateMedia({ colorScheme: 'dark' });
    const stand = await open('RoomPresence');
    await stand.screenshot({ path: path.join(into, 'room-presence-dark.png') });
} finally {
    await browser.close();
    server.close();
    await rm(built, { recursive: true });
}

function kebab(name) {
    return name.replace(/\B[A-Z]/g, '-$&').toLowerCase();
}

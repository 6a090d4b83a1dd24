// The examples as they stand, and the twelve lines of the README in an application that was made a moment ago, all
// against `pg-presence dev`.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { freePort } from '../../../../tests/browser/support/dev.js';
import { SLACK, pause, present, root, story, world } from '../support/world.js';

const EXAMPLE = path.join(root, 'examples/react-vite');
const LINES_MAX = 12;

/** Examples are about one room with one cast: one at a time. */
let turn = Promise.resolve();
const inTurn = (run) => (turn = turn.catch(() => {}).then(run));

story('twelve lines of React, copied from the README into a fresh Vite application, show a live face pile', ({ open }) => inTurn(async () => {
    const readme = await readFile(path.join(root, 'README.md'), 'utf8');
    const [app] = blockOf(readme, 'jsx');
    const [config] = blockOf(readme, 'js');
    const lines = app.split('\n').filter((line) => line.trim() && !line.startsWith('import'));
    assert.ok(lines.length <= LINES_MAX, `${lines.length} lines`);
    assert.ok(config.includes('http://localhost:8080'), 'the README names the address of pg-presence dev');

    const folder = await mkdtemp(path.join(os.tmpdir(), 'pg-presence-fresh-'));
    try {
        execFileSync(process.execPath, [path.join(root, 'node_modules/create-vite/index.js'), 'app', '--template', 'react', '--no-interactive'], { cwd: folder });
        const fresh = path.join(folder, 'app');
        await writeFile(path.join(fresh, 'src/App.jsx'), app);
        // The service of these stories is on a port of its own.
        await writeFile(path.join(fresh, 'vite.config.js'), config.replace('http://localhost:8080', world.dev.url));
        // What `npm install` would bring, and `npm install pg-presence`.
        await symlink(path.join(EXAMPLE, 'node_modules'), path.join(fresh, 'node_modules'));
        await meet(open, fresh);
    } finally {
        await rm(folder, { recursive: true, force: true });
    }
}));

story('the React example shows a live face pile, and is what the README has', ({ open }) => inTurn(async () => {
    const app = await readFile(path.join(EXAMPLE, 'src/App.jsx'), 'utf8');
    const readme = await readFile(path.join(root, 'README.md'), 'utf8');
    assert.ok(readme.includes(app.trim()), 'README.md does not hold examples/react-vite/src/App.jsx as it is');

    await meet(open, EXAMPLE);
}));

story('a plain page shows who is here and who types', ({ open }) => inTurn(async () => {
    const alice = await open('/plain/?user=alice');
    await alice.locator('#state', { hasText: '1 here' }).waitFor();
    const bob = await open('/plain/?user=bob');
    await alice.locator('li', { hasText: 'Bob' }).waitFor();

    await bob.getByLabel('Say something').pressSequentially('Hello', { delay: 40 });

    await alice.locator('#typing', { hasText: 'Typing: Bob' }).waitFor();
    await alone(alice, bob);
}));

/** Alice and Bob in the application of a folder: they see each other come and go. */
async function meet(open, folder) {
    const { url, stop } = await vite(folder);
    try {
        const alice = await open(`${url}/?user=alice`);
        await alice.getByRole('group', { name: '1 person here' }).waitFor();

        const bob = await open(`${url}/?user=bob`);
        await alice.getByRole('button', { name: /Bob/ }).waitFor();
        await bob.getByRole('button', { name: /Alice/ }).waitFor();
        await bob.close();

        await alice.getByRole('group', { name: '1 person here' }).waitFor({ timeout: 40_000 * SLACK });
        // Before Vite goes, or the page would complain of its end.
        await alone(alice);
    } finally {
        await stop();
    }
}

/** Closes what is open, and waits until the next story finds the room empty. */
async function alone(...tabs) {
    for (const tab of tabs) await tab.close();
    while ((await present('general', 'carol')).length) await pause(100);
}

/** The code blocks of a language. */
function blockOf(markdown, language) {
    return [...markdown.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(([, code]) => code);
}

/** Vite's development server for an application, before the service of these stories. */
async function vite(folder) {
    const port = await freePort();
    const child = spawn('node_modules/.bin/vite', ['--port', String(port), '--strictPort', '--force'], {
        cwd: folder, env: { ...process.env, PRESENCE_URL: world.dev.url }, stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (output += bytes));
    const url = `http://localhost:${port}`;
    const end = Date.now() + 20_000 * SLACK;
    while (!(await fetch(url).catch(() => null))?.ok) {
        if (Date.now() > end || child.exitCode !== null) throw new Error(`vite did not start:\n${output}`);
        await pause(100);
    }
    const stop = () => new Promise((resolve) => {
        child.once('exit', resolve);
        child.kill();
    });
    return { url, stop };
}

// The examples as they stand, against `pg-presence dev`.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { freePort } from '../../../../tests/browser/support/dev.js';
import { SLACK, pause, root, story, world } from '../support/world.js';

const EXAMPLE = path.join(root, 'examples/react-vite');
const LINES_MAX = 12;

story('twelve lines of React show a live face pile', async ({ open }) => {
    const source = await readFile(path.join(EXAMPLE, 'src/App.jsx'), 'utf8');
    const lines = source.split('\n').filter((line) => line.trim() && !line.startsWith('import'));
    assert.ok(lines.length <= LINES_MAX, `${lines.length} lines`);

    const { url, stop } = await vite();
    try {
        const alice = await open(`${url}/?user=alice`);
        await alice.getByRole('group', { name: '1 person here' }).waitFor();

        const bob = await open(`${url}/?user=bob`);
        await alice.getByRole('button', { name: /Bob/ }).waitFor();
        await bob.getByRole('button', { name: /Alice/ }).waitFor();
        await bob.close();

        await alice.getByRole('group', { name: '1 person here' }).waitFor();
        // Before Vite goes, or the page would complain of its end.
        await alice.close();
    } finally {
        await stop();
    }
});

story('the README has these lines', async () => {
    const app = await readFile(path.join(EXAMPLE, 'src/App.jsx'), 'utf8');
    const readme = await readFile(path.join(root, 'README.md'), 'utf8');

    assert.ok(readme.includes(app.trim()), 'README.md does not hold examples/react-vite/src/App.jsx as it is');
});

story('a plain page shows who is here and who types', async ({ open }) => {
    const alice = await open('/plain/?user=alice');
    await alice.locator('#state', { hasText: '1 here' }).waitFor();
    const bob = await open('/plain/?user=bob');
    await alice.locator('li', { hasText: 'Bob' }).waitFor();

    await bob.getByLabel('Say something').pressSequentially('Hello', { delay: 40 });

    await alice.locator('#typing', { hasText: 'Typing: Bob' }).waitFor();
});

/** Vite's development server for the example, before the service of these stories. */
async function vite() {
    const port = await freePort();
    const child = spawn('node_modules/.bin/vite', ['--port', String(port), '--strictPort', '--force'], {
        cwd: EXAMPLE, env: { ...process.env, PRESENCE_URL: world.dev.url }, stdio: ['ignore', 'pipe', 'pipe'],
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

// The network and the server go away and come back.

import { existsSync } from 'node:fs';
import { story } from '../support/story.js';

story('a cut stream is taken up again, and what happened meanwhile is there', async ({ open, lay, outage }) => {
    const cable = await lay();
    const [hers, theirs] = [await open({ base: cable.url }), await open()];
    const alice = await hers.tab('alice', 'general');
    const bob = await theirs.tab('bob', 'general');
    await alice.sees('bob', 'active');

    outage();
    cable.cut();
    await alice.page.waitForSelector('#link[data-phase="reconnecting"]');
    await alice.reads('#notice', 'The connection is lost');
    await bob.enter('planning');
    const carol = await theirs.tab('carol', 'general');
    await carol.choose('busy');
    cable.mend();

    await alice.isLive();
    await alice.sees('carol', 'busy');
    await alice.seesNo('bob');
    await alice.isIn('general', 2);
    await alice.isIn('planning', 1);
    await alice.page.waitForSelector('#notice', { state: 'hidden' });
    await alice.choose('away');
    await carol.sees('alice', 'away');
});

story('after a restart of the server everybody is there again', async ({ dev, open, outage }) => {
    const [hers, his] = [await open(), await open()];
    const alice = await hers.tab('alice', 'general');
    const bob = await his.tab('bob', 'general');
    await alice.sees('bob');
    await bob.choose('in_meeting');
    await alice.sees('bob', 'in_meeting');

    outage();
    await dev.halt();
    await alice.page.waitForSelector('#link[data-phase="reconnecting"]');
    await dev.start();

    await alice.isLive();
    await bob.isLive();
    await alice.sees('bob', 'in_meeting');
    await alice.isIn('general', 2);
    await bob.choose('active');
    await alice.sees('bob', 'active');
});

if (existsSync('/proc/self/task')) {
    story('while the database is away the page says so, and nobody is lost', async ({ dev, open, outage }) => {
        const [hers, his] = [await open(), await open()];
        const alice = await hers.tab('alice', 'general');
        const bob = await his.tab('bob', 'general');
        await alice.sees('bob');

        outage();
        await dev.freeze(true);
        try {
            await alice.page.waitForSelector('#link[data-phase="degraded"]');
            await alice.reads('#notice', 'The database is away');
        } finally {
            await dev.freeze(false);
        }

        await alice.isLive();
        await alice.page.waitForSelector('#notice', { state: 'hidden' });
        await bob.choose('busy');
        await alice.sees('bob', 'busy');
    });
}

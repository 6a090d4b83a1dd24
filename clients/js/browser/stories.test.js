// All stories, some at a time: most of their time is waiting for what must not happen. Those of looks keep processors
// busy instead, and come last.

import { after, before, describe, test } from 'node:test';
import { STORY_MS_MAX, begin, end, stories } from './support/world.js';
// The longest first.
import './stories/load.js';
import './stories/examples.js';
import './stories/network.js';
import './stories/tabs.js';
import './stories/leaving.js';
import './stories/rooms.js';
import './stories/looks.js';

const AT_ONCE = Number(process.env.STORIES_AT_ONCE ?? 6);

describe('in the browser', () => {
    before(begin);
    after(end);
    for (const [kind, concurrency] of [['what happens', AT_ONCE], ['looks', 2]]) {
        describe(kind, { concurrency }, () => {
            for (const { promise, run } of stories.filter(({ isLook }) => isLook === (kind === 'looks'))) test(promise, { timeout: STORY_MS_MAX }, run);
        });
    }
});

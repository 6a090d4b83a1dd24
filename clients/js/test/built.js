// What is built and published, used as an application uses it: names that the build makes short fit together, and what
// is loaded later is found. Run by `clients/js/run`, after the build.

import assert from 'node:assert/strict';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { createPresence } from '../dist/index.js';
import { PresenceProvider, useRoomPresence } from '../dist/react/index.js';
import { createFakeServer, createManualClock } from '../dist/testing/index.js';

const clock = createManualClock();
const server = createFakeServer({ clock });
const presence = createPresence({ url: '', getToken: () => server.token('alice'), clock, fetch: server.fetch });
presence.room('general').join();
for (const part of [presence.notifications, presence.watches, presence.myStatus]) part.subscribe(() => {});
await clock.advance(50);

const done = Promise.all([presence.setStatus({ status: 'away', message: 'Back at three' }), presence.watch('vera')]);
await clock.advance(50);
await done;
server.join('general', 'vera', { activity: 'budget' });
await clock.advance(50);

const { members } = presence.room('general').getSnapshot();
assert.deepEqual(members.map(({ user_id, status }) => [user_id, status]), [['alice', 'away'], ['vera', 'active']]);
assert.deepEqual(presence.notifications.getSnapshot().notifications.map(({ user_id }) => user_id), ['vera']);
assert.equal(presence.watches.getSnapshot().watches[0].user_id, 'vera');
assert.equal(presence.myStatus.getSnapshot().message, 'Back at three');

let reading;
const Reader = () => {
    reading = useRoomPresence('general');
    return null;
};
renderToString(createElement(PresenceProvider, { client: presence }, createElement(Reader)));
for (const name of ['presentUsers', 'others', 'self', 'typingUsers', 'setTyping', 'setStatus', 'status', 'error']) {
    assert.ok(name in reading, `useRoomPresence gives ${name}`);
}

const signedOut = presence.signOut();
await clock.advance(50);
await signedOut;
assert.equal(presence.connection.getSnapshot().error.type, 'logged-out');
assert.equal(clock.pending(), 0);
console.log('what is built works');

// The page's pure parts, without a browser: the parser of the stream, and the folding of its events into rooms.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frames } from '../../src/page/frames.js';
import { Rooms, shown, shownCount } from '../../src/page/rooms.js';

const EPOCH = '6f1b1a52-7a0e-4a0e-9d57-111111111111';
const INFO = { room_id: 'general', name: 'general', kind: 'chat', event_id: 'gala', online_count: 0 };

function member(user_id, more = {}) {
    return { user_id, name: user_id, status: 'active', ...more };
}

function snapshot(revision, members, more = {}) {
    return { room_id: 'general', epoch: EPOCH, revision, online_count: members.length, members, ...more };
}

function diff(from, revision, online_count, { joined = [], updated = [], left = [] }) {
    return { room_id: 'general', epoch: EPOCH, from, revision, online_count, joined, updated, left };
}

async function parse(chunks) {
    const encoder = new TextEncoder();
    const bytes = chunks.map((chunk) => (typeof chunk === 'string' ? encoder.encode(chunk) : chunk));
    const found = [];
    for await (const frame of frames(ReadableStream.from(bytes))) found.push(frame);
    return found;
}

test('frames are found however the bytes are cut', async () => {
    const text = ': hello\n\nevent: ready\ndata: {"a":1}\n\nid: e.7\r\nevent: diff\r\ndata: {"b":"é ☕\u2028"}\r\n\r\ndata:x\ndata: y\n\n';
    const bytes = new TextEncoder().encode(text);
    const expected = [
        { event: 'ready', data: '{"a":1}', id: null },
        { event: 'diff', data: '{"b":"é ☕\u2028"}', id: 'e.7' },
        { event: 'message', data: 'x\ny', id: null },
    ];

    assert.deepEqual(await parse([text]), expected);
    assert.deepEqual(await parse([...bytes].map((byte) => Uint8Array.of(byte))), expected);
});

test('a frame without its end is not a frame', async () => {
    assert.deepEqual(await parse(['event: diff\ndata: {}\n']), []);
});

test('diffs are folded in order, and tell who came and went', () => {
    const news = [];
    const rooms = new Rooms((room, item) => news.push(item.joined ? `+${item.joined.user_id}` : `-${item.left.user_id} ${item.reason}`));
    rooms.list([INFO]);

    assert.ok(rooms.take('snapshot', snapshot(4, [member('alice')])));
    assert.ok(rooms.take('diff', diff(4, 5, 2, { joined: [member('bob')] })));
    assert.ok(rooms.take('diff', diff(5, 7, 2, { updated: [member('bob', { status: 'busy' })] })));
    assert.ok(rooms.take('diff', diff(7, 8, 1, { left: [{ user_id: 'alice', reason: 'expired', last_seen_at: null }] })));

    assert.deepEqual(shown(rooms.get('general')), [member('bob', { status: 'busy' })]);
    assert.deepEqual(news, ['+bob', '-alice expired']);
    assert.equal(rooms.topics(), `room=general%40${EPOCH}.8`);
});

test('a gap, a step back and another epoch are refused, and the room is read anew', () => {
    for (const wrong of [diff(5, 6, 1, {}), diff(3, 4, 1, {}), { ...diff(4, 5, 1, {}), epoch: EPOCH.replace('6', '7') }]) {
        const rooms = new Rooms();
        rooms.list([INFO]);
        rooms.take('snapshot', snapshot(4, [member('alice')]));

        assert.equal(rooms.take('diff', wrong), false);
        assert.equal(rooms.topics(), 'room=general');
        assert.ok(rooms.take('snapshot', snapshot(9, [])));
        assert.equal(shownCount(rooms.get('general')), 0);
    }
});

test('who leaves and is back at once never went', (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const news = [];
    const rooms = new Rooms((room, item) => news.push(item));
    rooms.list([INFO]);
    const room = rooms.get('general');
    rooms.take('snapshot', snapshot(1, [member('alice'), member('bob')]));

    rooms.take('diff', diff(1, 2, 1, { left: [{ user_id: 'bob', reason: 'left', last_seen_at: null }] }));
    assert.equal(shownCount(room), 2);
    rooms.take('diff', diff(2, 3, 2, { joined: [member('bob')] }));
    context.mock.timers.tick(5000);
    assert.deepEqual(news, []);
    assert.equal(shownCount(room), 2);

    rooms.take('diff', diff(3, 4, 1, { left: [{ user_id: 'bob', reason: 'left', last_seen_at: null }] }));
    context.mock.timers.tick(5000);
    assert.equal(news.length, 1);
    assert.equal(shownCount(room), 1);
});

test('a room that turns to counts shows how many, and members again later', () => {
    const rooms = new Rooms();
    rooms.list([INFO]);
    const room = rooms.get('general');

    rooms.take('snapshot', { room_id: 'general', epoch: EPOCH, revision: 1, online_count: 600, mode: 'count' });
    assert.ok(room.isCounted);
    rooms.take('count', { room_id: 'general', epoch: EPOCH, revision: 2, online_count: 601 });
    assert.equal(shownCount(room), 601);
    rooms.take('snapshot', snapshot(3, [member('alice')]));
    assert.ok(!room.isCounted);
    assert.equal(shownCount(room), 1);
});

test('a revoked room is gone, the others stay', () => {
    const rooms = new Rooms();
    rooms.list([INFO, { ...INFO, room_id: 'planning' }]);

    rooms.take('revoked', { room_id: 'general' });

    assert.deepEqual(rooms.all().map((room) => room.room_id), ['planning']);
});

test('a list of rooms says whether it differs, and keeps what was read', () => {
    const rooms = new Rooms();
    assert.equal(rooms.list([INFO]), true);
    rooms.take('snapshot', snapshot(4, [member('alice')]));

    assert.equal(rooms.list([INFO]), false);
    assert.equal(shownCount(rooms.get('general')), 1);
    assert.equal(rooms.list([INFO, { ...INFO, room_id: 'planning' }]), true);
    assert.equal(rooms.list([{ ...INFO, room_id: 'planning' }]), true);
    assert.equal(rooms.get('general'), undefined);
});

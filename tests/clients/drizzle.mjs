// Drizzle: a presence view declared beside the application's own tables, joined with them and typed by them.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test, { after } from 'node:test';
import { and, count, eq, inArray, isNull, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, jsonb, pgSchema, text, timestamp } from 'drizzle-orm/pg-core';
import pg from 'pg';

const eventApp = pgSchema('event_app');
const users = eventApp.table('users', { id: text('id').primaryKey(), name: text('name').notNull() });
const participants = eventApp.table('room_participants', {
    roomId: text('room_id').notNull(),
    userId: text('user_id').notNull(),
    role: text('role').notNull(),
});
const messages = eventApp.table('messages', {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    roomId: text('room_id').notNull(),
    authorId: text('author_id').notNull(),
    body: text('body').notNull(),
});

// `existing`: Drizzle reads the view and leaves it to pg-presence to make it.
const presence = pgSchema('presence');
const members = presence.view('members', {
    id: text('id').notNull(),
    roomId: text('room_id').notNull(),
    userId: text('user_id').notNull(),
    status: text('status').notNull(),
    statusUntil: timestamp('status_until', { withTimezone: true }),
    message: text('message'),
    activity: text('activity'),
    data: jsonb('data'),
    joinedAt: timestamp('joined_at', { withTimezone: true }).notNull(),
    sessions: integer('sessions').notNull(),
}).existing();
const rooms = presence.view('rooms', {
    id: text('id').notNull(),
    roomId: text('room_id').notNull(),
    onlineCount: integer('online_count').notNull(),
}).existing();

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const db = drizzle(pool);
after(() => pool.end());

const heartbeat = (tx, room, user, session, status) =>
    tx.execute(sql`select * from presence.heartbeat(${room}, ${user}, ${session}, status => ${status})`);

test('a message and its author\'s heartbeat are stored in one transaction', async () => {
    const session = randomUUID();

    const lease = await db.transaction(async (tx) => {
        await tx.insert(messages).values({ roomId: 'general', authorId: 'alice', body: 'hello' });
        return heartbeat(tx, 'general', 'alice', session, 'busy');
    });

    assert.equal(lease.rows[0].session_id, session);
    assert.ok(lease.rows[0].expires_at);
    assert.equal(await db.$count(messages), 1);
});

test('a view joins with the application\'s own tables', async () => {
    await heartbeat(db, 'general', 'bob', randomUUID(), 'active');
    await heartbeat(db, 'planning', 'bob', randomUUID(), 'active');

    const here = await db
        .select({ name: users.name, status: members.status, role: participants.role, joinedAt: members.joinedAt })
        .from(members)
        .innerJoin(users, eq(users.id, members.userId))
        .innerJoin(participants, and(eq(participants.roomId, members.roomId), eq(participants.userId, members.userId)))
        .where(eq(members.roomId, 'general'))
        .orderBy(users.name);

    assert.deepEqual(here.map(({ joinedAt, ...row }) => row), [
        { name: 'Alice Adams', status: 'busy', role: 'coordinator' },
        { name: 'Bob Brandt', status: 'active', role: 'collaborator' },
    ]);
    assert.ok(here[0].joinedAt instanceof Date);
});

test('who is not here is found by a left join', async () => {
    const absent = await db
        .select({ userId: participants.userId })
        .from(participants)
        .leftJoin(members, and(eq(members.roomId, participants.roomId), eq(members.userId, participants.userId)))
        .where(and(eq(participants.roomId, 'general'), isNull(members.id)));

    assert.deepEqual(absent, [{ userId: 'carol' }]);
});

test('counts of rooms are numbers', async () => {
    const counts = await db.select().from(rooms).where(inArray(rooms.roomId, ['general', 'planning'])).orderBy(rooms.roomId);
    const busy = await db.select({ n: count() }).from(members).where(eq(members.status, 'busy'));

    assert.deepEqual(counts.map((room) => [room.roomId, room.onlineCount]), [['general', 2], ['planning', 1]]);
    assert.deepEqual(busy, [{ n: 1 }]);
});

test('json comes back as it was sent', async () => {
    const data = { table: 7, tags: ['a', 'ü'] };
    await db.execute(sql`select presence.heartbeat('general', 'carol', ${randomUUID()}, data => ${JSON.stringify(data)}::jsonb)`);

    const [carol] = await db.select().from(members).where(eq(members.id, 'general.carol'));

    assert.deepEqual(carol.data, data);
    assert.equal(carol.message, null);
});

test('a refusal undoes the transaction and tells its SQLSTATE', async () => {
    const refused = await db
        .transaction(async (tx) => {
            await tx.insert(messages).values({ roomId: 'general', authorId: 'dave', body: 'let me in' });
            await heartbeat(tx, 'general', 'dave', randomUUID(), 'active');
        })
        .catch((error) => error);

    assert.equal(refused.cause.code, 'PR404');
    assert.equal(refused.cause.message, 'no such room');
    assert.ok(refused.cause.hint);
    assert.equal(await db.$count(messages), 1);
});

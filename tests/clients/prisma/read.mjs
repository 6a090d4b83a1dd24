// Prisma: presence as a view model, with a relation from the application's own users.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import test, { after } from 'node:test';
import { PrismaPg } from '@prisma/adapter-pg';

// `prisma generate` would fetch an engine for migrations, which nothing here makes: any program in its place will do.
const require = createRequire(import.meta.url);
const cli = require.resolve('prisma/build/index.js');
execFileSync(process.execPath, [cli, 'generate'], {
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1' },
    stdio: ['ignore', 'ignore', 'inherit'],
});
const { PrismaClient } = require('@prisma/client');

const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL }) });
after(() => prisma.$disconnect());

const heartbeat = (tx, room, user, session, status) =>
    tx.$queryRaw`select * from presence.heartbeat(${room}, ${user}, ${session}::uuid, status => ${status})`;

test('a heartbeat in a transaction of Prisma\'s', async () => {
    const session = randomUUID();

    const [lease] = await prisma.$transaction((tx) => heartbeat(tx, 'general', 'alice', session, 'busy'));

    assert.equal(lease.session_id, session);
    assert.ok(lease.expires_at instanceof Date);
});

test('users carry their presence', async () => {
    await heartbeat(prisma, 'planning', 'alice', randomUUID(), 'active');
    await heartbeat(prisma, 'general', 'bob', randomUUID(), 'away');

    const users = await prisma.user.findMany({
        where: { id: { in: ['alice', 'bob', 'dave'] } },
        include: { presence: { orderBy: { roomId: 'asc' } } },
        orderBy: { id: 'asc' },
    });

    assert.deepEqual(users.map((user) => [user.name, user.presence.map((member) => `${member.roomId}: ${member.status}`)]), [
        ['Alice Adams', ['general: busy', 'planning: active']],
        ['Bob Brandt', ['general: away']],
        ['Dave Dunn', []],
    ]);
});

test('filters go through the relation, in both directions', async () => {
    const absent = await prisma.user.findMany({
        where: { presence: { none: {} } }, orderBy: { id: 'asc' }, select: { id: true },
    });
    const busy = await prisma.member.findMany({
        where: { status: 'busy', user: { name: { startsWith: 'Alice' } } }, include: { user: true },
    });
    const counts = await prisma.member.groupBy({ by: ['roomId'], _count: true, orderBy: { roomId: 'asc' } });

    assert.deepEqual(absent.map((user) => user.id), ['carol', 'dave', 'vera', 'victor']);
    assert.deepEqual(busy.map((member) => [member.roomId, member.user.name]), [['general', 'Alice Adams']]);
    assert.deepEqual(counts, [{ roomId: 'general', _count: 2 }, { roomId: 'planning', _count: 1 }]);
});

test('a row is found by its unique id, with the types of the schema', async () => {
    const data = { table: 7 };
    await prisma.$queryRaw`select from presence.heartbeat('general', 'carol', ${randomUUID()}::uuid, data => ${data}::jsonb)`;

    const carol = await prisma.member.findUnique({ where: { id: 'general.carol' } });
    const nobody = await prisma.member.findUnique({ where: { id: 'general.dave' } });

    assert.deepEqual(carol.data, { table: 7 });
    assert.ok(carol.joinedAt instanceof Date);
    assert.equal(carol.sessions, 1);
    assert.equal(nobody, null);
});

test('a refusal undoes the transaction and tells its SQLSTATE', async () => {
    const refused = await prisma
        .$transaction(async (tx) => {
            await heartbeat(tx, 'planning', 'bob', randomUUID(), 'active');
            await heartbeat(tx, 'general', 'dave', randomUUID(), 'active');
        })
        .catch((error) => error);

    const bob = await prisma.member.findUnique({ where: { id: 'planning.bob' } });
    assert.match(JSON.stringify(refused.meta), /PR404/);
    assert.equal(bob, null);
});

// better-auth: its own tables get presence, signing out ends it, and its later migrations still work.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test, { after } from 'node:test';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { admin, organization } from 'better-auth/plugins';
import pg from 'pg';

const owner = new pg.Pool({ connectionString: process.env.MIGRATOR_URL });
const backend = new pg.Pool({ connectionString: process.env.DATABASE_URL });
after(() => Promise.all([owner.end(), backend.end()]));

const auth = (...plugins) => betterAuth({
    database: owner,
    secret: 'of the application, at least 32 characters',
    baseURL: 'http://localhost:3000',
    emailAndPassword: { enabled: true },
    plugins: [organization(), ...plugins],
    telemetry: { enabled: false },
    logger: { level: 'error' },
});

async function migrate(options) {
    const { toBeCreated, toBeAdded, runMigrations } = await getMigrations(options);
    await runMigrations();
    return {
        created: toBeCreated.map(({ table }) => table),
        added: toBeAdded.map(({ table, fields }) => `${table}: ${Object.keys(fields)}`),
    };
}

const { api, options } = auth();
const people = {};

async function signUp(name) {
    const { headers, response } = await api.signUpEmail({
        body: { name, email: `${name.toLowerCase()}@example.com`, password: 'correct horse battery' }, returnHeaders: true,
    });
    const cookie = headers.getSetCookie().map((one) => one.split(';')[0]).join('; ');
    people[name] = { id: response.user.id, headers: new Headers({ cookie }) };
}

const one = async (pool, query, ...values) => (await pool.query(query, values)).rows[0];
const heartbeat = (room, name, session = randomUUID()) =>
    one(backend, 'select * from presence.heartbeat($1, $2, $3)', room, people[name].id, session);

let room;

test('under ten lines map a schema that nobody here wrote', async () => {
    const { created } = await migrate(options);
    execFileSync(process.env.PRESENCE_BIN, ['migrate', '--database-url', process.env.MIGRATOR_URL]);
    const file = new URL('better_auth.sql', import.meta.url);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n').filter((line) => !line.startsWith('--'));

    assert.ok(lines.length < 10, `${lines.length} lines`);
    const psql = ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', process.env.MIGRATOR_URL, '-f', file.pathname];
    execFileSync('psql', psql);

    assert.deepEqual(created.sort(), ['account', 'invitation', 'member', 'organization', 'session', 'user', 'verification']);
    await owner.query('grant select on "user" to backend');
});

test('who signs up and is a member of the organization is here after a heartbeat', async () => {
    await signUp('Ann');
    await signUp('Ben');
    ({ id: room } = await api.createOrganization({ body: { name: 'Editors', slug: 'editors' }, headers: people.Ann.headers }));
    await api.addMember({ body: { userId: people.Ben.id, role: 'member', organizationId: room } });

    await heartbeat(room, 'Ann');
    await heartbeat(room, 'Ben');

    const seen = await backend.query(
        `select u.name, m.status
           from presence.members m
           join "user" u on u.id = m.user_id
          where m.room_id = $1
          order by u.name`, [room],
    );
    const snapshot = await backend.query('select name, role from presence.snapshot($1, $2) order by name', [people.Ben.id, room]);
    assert.deepEqual(seen.rows, [{ name: 'Ann', status: 'active' }, { name: 'Ben', status: 'active' }]);
    assert.deepEqual(snapshot.rows, [{ name: 'Ann', role: 'owner' }, { name: 'Ben', role: 'member' }]);
});

test('who is no member is refused', async () => {
    await signUp('Dan');

    await assert.rejects(heartbeat(room, 'Dan'), { code: 'PR404' });
    assert.equal((await backend.query('select from presence.snapshot($1, $2)', [people.Dan.id, room])).rowCount, 0);
});

test('signing out ends presence, for good', async () => {
    const session = randomUUID();
    await heartbeat(room, 'Ben', session);

    await api.signOut({ headers: people.Ben.headers });

    assert.equal(await api.getSession({ headers: people.Ben.headers }), null);
    assert.equal((await one(backend, 'select presence.evict() as ended')).ended, 2); // the two sessions of this file
    const ben = await one(backend, 'select reason from presence.last_seen where user_id = $1', people.Ben.id);
    assert.equal(ben.reason, 'logged_out');
    await assert.rejects(heartbeat(room, 'Ben', session), { code: 'PR410' });
    assert.equal((await one(backend, 'select online_count from presence.rooms where room_id = $1', room)).online_count, 1);
});

test('who is taken out of the organization is gone', async () => {
    await heartbeat(room, 'Ben');

    await api.removeMember({ body: { memberIdOrEmail: 'ben@example.com', organizationId: room }, headers: people.Ann.headers });
    await backend.query('select presence.evict()');

    const ben = await one(backend, 'select reason from presence.last_seen where user_id = $1', people.Ben.id);
    assert.equal(ben.reason, 'revoked');
    await assert.rejects(heartbeat(room, 'Ben'), { code: 'PR404' });
});

test('better-auth\'s own later migration still works', async () => {
    const { added } = await migrate(auth(admin()).options);

    assert.deepEqual(added, ['user: role,banned,banReason,banExpires', 'session: impersonatedBy']);
    assert.equal((await heartbeat(room, 'Ann')).status, 'active');
});

test('so does altering and dropping columns of the mapped tables', async () => {
    await owner.query('alter table "user" alter column name type varchar(200), alter column image type varchar(500)');
    await owner.query('alter table "user" drop column "banReason"');
    await owner.query('alter table organization alter column name type varchar(200), drop column metadata');
    await owner.query('alter table member drop column "createdAt"');
    await owner.query('alter table session alter column "ipAddress" type varchar(100), drop column "userAgent"');

    assert.equal((await heartbeat(room, 'Ann')).status, 'active');
    assert.equal((await one(backend, 'select name from presence.snapshot($1, $2)', people.Ann.id, room)).name, 'Ann');
});

test('watched columns may be altered too, and are still watched', async () => {
    await owner.query('alter table member alter column role type varchar(50), alter column "userId" type varchar(60)');
    await heartbeat(room, 'Ann');
    await owner.query('delete from member where "userId" = $1', [people.Ann.id]);

    await backend.query('select presence.evict()');
    assert.equal((await backend.query('select from presence.members')).rowCount, 0);
});

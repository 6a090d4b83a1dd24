// better-auth over HTTP: its own tokens open presence, its keys rotate unnoticed, signing out ends it everywhere.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import test, { after, before } from 'node:test';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import { jwt, organization } from 'better-auth/plugins';
import pg from 'pg';

// What a user is promised is a second; machines of tests are slow and shared.
const LEFT_MAX_MS = 1000 * 3;

const owner = new pg.Pool({ connectionString: process.env.MIGRATOR_URL });
const site = createServer((...exchange) => toNodeHandler(auth)(...exchange));
let auth, base, node, presence, room;
const people = {};

after(async () => {
    node?.kill('SIGTERM');
    if (node && node.exitCode === null) await once(node, 'exit');
    site.closeAllConnections();
    site.close();
    await owner.end();
});

before(async () => {
    site.listen(0, '127.0.0.1');
    await once(site, 'listening');
    base = `http://127.0.0.1:${site.address().port}`;
    auth = betterAuth({
        database: owner,
        secret: 'of the application, at least 32 characters',
        baseURL: base,
        emailAndPassword: { enabled: true },
        plugins: [organization(), jwt()],
        telemetry: { enabled: false },
        logger: { level: 'error' },
    });
    await (await getMigrations(auth.options)).runMigrations();
    execFileSync(process.env.PRESENCE_BIN, ['migrate', '--database-url', process.env.MIGRATOR_URL]);
    const mapping = new URL('better_auth.sql', import.meta.url).pathname;
    execFileSync('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', process.env.MIGRATOR_URL, '-f', mapping]);
    await owner.query(`create role better_auth_node login password '${process.env.PGPASSWORD}'`);
    await owner.query('grant presence_service to better_auth_node');
    presence = await serve();
});

// The real binary, with one setting for the provider and one for whose it is.
async function serve() {
    const database = new URL(process.env.DATABASE_URL);
    database.username = 'better_auth_node';
    node = spawn(process.env.PRESENCE_BIN, ['serve'], {
        env: {
            PATH: process.env.PATH,
            DATABASE_URL: database.href,
            PRESENCE_BIND: '127.0.0.1:0',
            PRESENCE_AUTH_PRESET: 'better-auth',
            PRESENCE_JWT_ISSUER: base,
            PRESENCE_JWKS_REFRESH_MS: '1000',
            PRESENCE_RATE_PER_S: '0', // keys are what is tried here
            PRESENCE_LOG_FORMAT: 'json',
        },
        stdio: ['ignore', 'ignore', 'pipe'],
    });
    const said = [];
    for await (const line of createInterface({ input: node.stderr })) {
        said.push(line);
        const address = line.match(/"address":"([^"]+)"/)?.[1];
        if (address) {
            node.stderr.resume();
            return `http://${address}`;
        }
    }
    throw new Error(`the node does not serve:\n${said.join('\n')}`);
}

const cookies = (answer) => answer.headers.getSetCookie().map((one) => one.split(';')[0]).join('; ');

async function ask(who, method, path, body) {
    const answer = await fetch(`${base}/api/auth${path}`, {
        method,
        headers: { 'content-type': 'application/json', origin: base, cookie: people[who]?.cookie ?? '' },
        body: body && JSON.stringify(body),
    });
    assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
    return { answer, body: await answer.json() };
}

async function signUp(name) {
    const email = `${name.toLowerCase()}@example.com`;
    const { answer, body } = await ask(name, 'POST', '/sign-up/email', { name, email, password: 'correct horse battery' });
    people[name] = { id: body.user.id, cookie: cookies(answer) };
}

const token = async (who) => (await ask(who, 'GET', '/token')).body.token;

const call = (bearer, method, path, body) => fetch(`${presence}${path}`, {
    method,
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
});

// One tab for all of a user's calls: ten are as many as a member may have.
const tab = randomUUID();
const heartbeat = (bearer, session = tab) => call(bearer, 'PUT', `/v1/rooms/${room}/sessions/${session}`, {});

// A stream's events, one after the other.
async function* events(answer) {
    let text = '';
    for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
        text += piece;
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
            const fields = Object.fromEntries(text.slice(0, end).split('\n').map((line) => line.split(/: (.*)/)));
            text = text.slice(end + 2);
            if (fields.data) yield { event: fields.event, data: JSON.parse(fields.data) };
        }
    }
}

async function until(stream, is) {
    for (;;) {
        const { value, done } = await stream.next();
        assert.ok(!done, 'the stream has ended');
        if (is(value)) return value;
    }
}

test('a token that better-auth made lets its user in, and nobody else', async () => {
    for (const name of ['Ann', 'Ben', 'Dan']) await signUp(name);
    ({ body: { id: room } } = await ask('Ann', 'POST', '/organization/create', { name: 'Editors', slug: 'editors' }));
    await auth.api.addMember({ body: { userId: people.Ben.id, role: 'member', organizationId: room } });

    const bearer = await token('Ann');
    assert.equal((await heartbeat(bearer)).status, 200);
    const seen = await (await call(bearer, 'GET', `/v1/rooms/${room}`)).json();
    assert.deepEqual(seen.members.map(({ user_id, name }) => ({ user_id, name })), [{ user_id: people.Ann.id, name: 'Ann' }]);

    assert.equal((await heartbeat(await token('Dan'))).status, 404);
    assert.equal((await heartbeat(`${bearer.slice(0, -4)}AAAA`)).status, 401);
});

test('its keys rotate and no request fails', async () => {
    const old = await token('Ann');
    const statuses = [];
    let stop = false;
    const calling = (async () => {
        while (!stop) statuses.push((await heartbeat(old)).status);
    })();
    const kid = (bearer) => JSON.parse(Buffer.from(bearer.split('.')[0], 'base64url')).kid;

    const found = await owner.query('update jwks set "expiresAt" = now() returning id');
    const fresh = await token('Ann');
    for (let nth = 0; nth < 5; nth += 1) statuses.push((await heartbeat(fresh)).status, (await heartbeat(old)).status);
    stop = true;
    await calling;

    assert.equal(found.rows[0].id, kid(old));
    assert.notEqual(kid(fresh), kid(old));
    assert.deepEqual([...new Set(statuses)], [200]);
});

test('a key that is taken back is good for nothing', async () => {
    const bearer = await token('Ann');
    const kid = JSON.parse(Buffer.from(bearer.split('.')[0], 'base64url')).kid;
    await owner.query('update jwks set "expiresAt" = now() where id = $1', [kid]);
    const fresh = await token('Ann');
    await owner.query('delete from jwks where id = $1', [kid]);

    const deadline = Date.now() + 20_000;
    while ((await heartbeat(bearer)).status !== 401) assert.ok(Date.now() < deadline, 'the old key still opens');
    assert.equal((await heartbeat(fresh)).status, 200);
});

test('signing out makes a user leave everywhere, in the eyes of everybody', async () => {
    const [ann, ben] = [await token('Ann'), await token('Ben')];
    const session = randomUUID();
    const bens = events(await call(ben, 'GET', `/v1/stream?room=${room}&session=${session}`));
    const anns = events(await call(ann, 'GET', `/v1/stream?room=${room}`));
    const isBen = ({ user_id }) => user_id === people.Ben.id;
    await until(anns, ({ event, data }) =>
        (event === 'snapshot' && data.members.some(isBen)) || (event === 'diff' && data.joined.some(isBen)));

    const began = Date.now();
    await ask('Ben', 'POST', '/sign-out', {});
    const left = await until(anns, ({ event, data }) => event === 'diff' && data.left.some(isBen));
    const took = Date.now() - began;
    const bye = await until(bens, ({ event }) => event === 'bye');

    assert.equal(left.data.left.find(isBen).reason, 'logged_out');
    assert.ok(took < LEFT_MAX_MS, `it took ${took} ms`);
    assert.equal(bye.data.reason, 'logged-out');
    const late = await heartbeat(ben, session);
    assert.equal(late.status, 409);
    assert.match((await late.json()).type, /session-ended$/);
    await anns.return();
});

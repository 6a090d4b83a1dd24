// standardwebhooks: the specification's own library takes what a node sends, and nothing that was changed on the way.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import test, { after, before } from 'node:test';
import pg from 'pg';
import { Webhook } from 'standardwebhooks';

const owner = new pg.Pool({ connectionString: process.env.MIGRATOR_URL });
const backend = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const told = [];
const waiting = [];
const site = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    told.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    response.writeHead(204).end();
    waiting.splice(0).forEach((wake) => wake());
});
let node, database, secret, number;

const webhooks = (...words) => execFileSync(process.env.PRESENCE_BIN, ['webhooks', ...words, '--json'], {
    env: { PATH: process.env.PATH, DATABASE_URL: database.href }, encoding: 'utf8',
});

async function nth(count) {
    while (told.length < count) await new Promise((wake) => waiting.push(wake));
    return told[count - 1];
}

before(async () => {
    await owner.query(`create role webhooks_node login password '${process.env.PGPASSWORD}'`);
    await owner.query('grant presence_service to webhooks_node');
    database = new URL(process.env.DATABASE_URL);
    database.username = 'webhooks_node';
    site.listen(0, '127.0.0.1');
    await once(site, 'listening');
    ({ webhook_id: number, secret } = JSON.parse(webhooks('add', `http://127.0.0.1:${site.address().port}/`)));
    node = spawn(process.env.PRESENCE_BIN, ['serve'], {
        env: {
            PATH: process.env.PATH,
            DATABASE_URL: database.href,
            PRESENCE_BIND: '127.0.0.1:0',
            PRESENCE_JWT_SECRET: 'of the application, at least 32 characters',
            PRESENCE_WEBHOOK_NETWORKS: '127.0.0.0/8',
        },
        stdio: ['ignore', 'ignore', 'pipe'],
    });
    for await (const line of createInterface({ input: node.stderr })) {
        if (line.includes('serving')) break;
    }
    node.stderr.resume();
});

after(async () => {
    node?.kill('SIGTERM');
    if (node && node.exitCode === null) await once(node, 'exit');
    site.closeAllConnections();
    site.close();
    await Promise.all([owner.end(), backend.end()]);
});

test('a join is verified by the library, and reads as documented', async () => {
    await backend.query("select presence.heartbeat('general', 'alice', gen_random_uuid())");

    const { headers, body } = await nth(1);

    const event = new Webhook(secret).verify(body, headers);
    assert.match(event.type, /^(member\.joined|room\.occupied|user\.online)$/);
    assert.equal(event.data.event_id, 'gala');
    assert.equal(headers['content-type'], 'application/json');
});

test('what was changed, or signed by another, or is old, is refused', async () => {
    const { headers, body } = await nth(1);
    const mine = new Webhook(secret);
    const other = new Webhook(`whsec_${Buffer.alloc(32, 7).toString('base64')}`);

    assert.throws(() => mine.verify(body.replace('gala', 'expo'), headers));
    assert.throws(() => mine.verify(body, { ...headers, 'webhook-id': 'msg_other' }));
    assert.throws(() => mine.verify(body, { ...headers, 'webhook-timestamp': String(headers['webhook-timestamp'] - 3600) }));
    assert.throws(() => other.verify(body, headers));
});

test('while secrets are rotated both verify', async () => {
    const { secret: next } = JSON.parse(webhooks('rotate', String(number)));
    const before = (await nth(3)).headers['webhook-id']; // the join's own three
    const tested = JSON.parse(await new Promise((done) => {
        const command = spawn(process.env.PRESENCE_BIN, ['webhooks', 'test', String(number), '--json'], {
            env: { PATH: process.env.PATH, DATABASE_URL: database.href }, stdio: ['ignore', 'pipe', 'inherit'],
        });
        let text = '';
        command.stdout.on('data', (data) => { text += data; });
        command.on('close', () => done(text));
    }));
    const { headers, body } = told.at(-1);

    assert.equal(tested.state, 'delivered');
    assert.notEqual(headers['webhook-id'], before);
    for (const one of [secret, next]) assert.equal(new Webhook(one).verify(body, headers).type, 'webhook.test');
});

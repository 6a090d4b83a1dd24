// PostGraphile: visible_members over GraphQL, showing a signed-in user what that user may see and nothing else.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import test, { after } from 'node:test';
import { jwtVerify, SignJWT } from 'jose';

// PostGraphile 5 is written for Node 22; this is all that Node 20 lacks for it.
Promise.withResolvers ??= function withResolvers() {
    let resolve, reject;
    const promise = new this((yes, no) => { [resolve, reject] = [yes, no]; });
    return { promise, resolve, reject };
};
process.env.GRAPHILE_ENV ??= 'production';
const { postgraphile } = await import('postgraphile');
const { grafserv } = await import('postgraphile/grafserv/node');
const { makePgService } = await import('postgraphile/adaptors/pg');
const { PostGraphileAmberPreset } = await import('postgraphile/presets/amber');
const { makeJSONPgSmartTagsPlugin } = await import('postgraphile/utils');

const key = new TextEncoder().encode('a secret of the application, of 32 bytes or more');

// The claims of a token that this application signed; of any other nothing.
async function claimsOf(authorization) {
    const token = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1];
    if (!token) return {};
    try {
        return (await jwtVerify(token, key, { algorithms: ['HS256'] })).payload;
    } catch {
        return {};
    }
}

// A view and a function of one name are two things in Postgres; PostGraphile wants another name for one of them, and to be
// told what the key of a view is.
const views = ['visible_members', 'visible_rooms', 'visible_events', 'visible_last_seen', 'visible_notifications'];
const names = makeJSONPgSmartTagsPlugin({
    version: 1,
    config: {
        class: Object.fromEntries(views.map((view) => [`presence.${view}`, { tags: { primaryKey: 'id' } }])),
        procedure: Object.fromEntries(views.map((view) => [`presence.${view}`, { tags: { name: `${view}_of` } }])),
    },
});

// The gateway's login is a member of presence_viewer and nothing else, so that the schema shows the visible_ views.
const service = makePgService({ connectionString: process.env.GATEWAY_URL, schemas: ['presence'] });
const preset = {
    extends: [PostGraphileAmberPreset],
    plugins: [names],
    pgServices: [service],
    grafserv: { port: 0, watch: false, graphiql: false },
    grafast: {
        explain: false,
        async context(request) {
            const claims = await claimsOf(request.node?.req.headers.authorization);
            // For every request, also without claims: the setting is what presence.whoami() believes of this login.
            return {
                pgSettings: {
                    role: 'presence_viewer',
                    'request.jwt.claims': JSON.stringify(claims),
                    'jwt.claims.user_id': claims.sub ?? '', // an older custom, see the last test
                },
            };
        },
    },
};

const api = postgraphile(preset);
const server = createServer();
await api.createServ(grafserv).addTo(server);
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${server.address().port}/graphql`;
after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await api.release();
    await service.release?.();
});

const { default: pg } = await import('pg');
const backend = new pg.Pool({ connectionString: process.env.DATABASE_URL });
after(() => backend.end());
const here = { alice: ['general'], bob: ['general', 'planning'], vera: ['vera-catering'], carol: ['expo-floor'] };
for (const [user, room] of Object.entries(here).flatMap(([user, rooms]) => rooms.map((room) => [user, room]))) {
    await backend.query('select presence.heartbeat($1, $2, gen_random_uuid())', [room, user]);
}

const token = (sub, signedWith = key) => new SignJWT({ sub, role: 'authenticated' }).setProtectedHeader({ alg: 'HS256' })
    .setIssuedAt().setExpirationTime('5 min').sign(signedWith);

async function ask(query, { headers = {}, variables } = {}) {
    const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query, variables }),
    });
    const answer = await response.json();
    assert.equal(answer.errors, undefined, JSON.stringify(answer.errors));
    return answer.data;
}
const as = async (user) => ({ headers: { authorization: `Bearer ${await token(user)}` } });

// `id` is PostGraphile's own, of all types together; the view's is rowId.
const everybody = '{ allVisibleMembers { nodes { rowId roomId userId name role status } totalCount } }';
const ids = async (options) => (await ask(everybody, options)).allVisibleMembers.nodes.map((node) => node.rowId).sort();

test('a participant sees who is in their rooms, with names', async () => {
    const { allVisibleMembers } = await ask(everybody, await as('alice'));

    assert.deepEqual(allVisibleMembers.nodes.map((node) => node.rowId).sort(), ['general.alice', 'general.bob', 'planning.bob', 'vera-catering.vera'].sort());
    assert.deepEqual(allVisibleMembers.nodes.find((node) => node.rowId === 'general.alice'), {
        rowId: 'general.alice', roomId: 'general', userId: 'alice', name: 'Alice Adams', role: 'coordinator', status: 'active',
    });
    assert.equal(allVisibleMembers.totalCount, 4);
});

test('a vendor does not see another vendor\'s room', async () => {
    assert.deepEqual(await ids(await as('victor')), ['expo-floor.carol']);
    assert.deepEqual(await ids(await as('vera')), ['vera-catering.vera']);
});

test('an outsider, and who is not signed in, see nothing and count nothing', async () => {
    for (const options of [await as('dave'), await as('no-such-user'), {}]) {
        const { allVisibleMembers } = await ask(everybody, options);

        assert.deepEqual(allVisibleMembers, { nodes: [], totalCount: 0 });
    }
});

test('nobody becomes somebody else by a header, a cookie or a variable', async () => {
    const forged = {
        'x-user-id': 'alice', 'x-hasura-user-id': 'alice', 'request.jwt.claims': '{"sub":"alice"}', 'x-role': 'presence_app',
        cookie: 'user=alice; request.jwt.claims={"sub":"alice"}',
    };
    const { headers } = await as('dave');
    const variables = { pgSettings: { 'request.jwt.claims': '{"sub":"alice"}' } };

    assert.deepEqual(await ids({ headers: { ...forged, ...headers }, variables }), []);
    assert.deepEqual(await ids({ headers: forged }), []);
});

test('a token that somebody else signed, or that was changed, is no token', async () => {
    const foreign = await token('alice', new TextEncoder().encode('a key that this application never had, ever'));
    const [head, , signature] = (await token('dave')).split('.');
    const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const changed = [head, encoded({ sub: 'alice', exp: 4102444800 }), signature].join('.');
    const unsigned = `${encoded({ alg: 'none' })}.${encoded({ sub: 'alice' })}.`;

    for (const bad of [foreign, changed, unsigned]) {
        assert.deepEqual(await ids({ headers: { authorization: `Bearer ${bad}` } }), []);
    }
});

test('requests at one moment do not see with each other\'s eyes', async () => {
    const askers = ['alice', 'dave', 'bob', 'dave', 'victor', 'dave', 'alice', 'dave'];

    const answers = await Promise.all(Array.from({ length: 40 }, async (_, n) => {
        const user = askers[n % askers.length];
        return { user, seen: await ids(await as(user)) };
    }));

    for (const { user, seen } of answers) {
        assert.equal(seen.length, { alice: 4, bob: 3, victor: 1, dave: 0 }[user], user);
    }
});

test('neither a filter nor an argument nor an id finds more than the list', async () => {
    const query = `query ($room: RoomId!, $row: String!) {
        allVisibleMembers(condition: { roomId: $room }) { nodes { userId } }
        visibleMembersOf(room: $room) { nodes { userId name } }
        visibleMemberByRowId(rowId: $row) { userId }
    }`;
    const variables = { room: 'vera-catering', row: 'vera-catering.vera' };

    const alice = await ask(query, { ...(await as('alice')), variables });
    const bob = await ask(query, { ...(await as('bob')), variables });

    assert.deepEqual(alice, {
        allVisibleMembers: { nodes: [{ userId: 'vera' }] },
        visibleMembersOf: { nodes: [{ userId: 'vera', name: 'Vera Vance' }] },
        visibleMemberByRowId: { userId: 'vera' },
    });
    assert.deepEqual(bob, { allVisibleMembers: { nodes: [] }, visibleMembersOf: { nodes: [] }, visibleMemberByRowId: null });
});

test('rooms, counts and last seen keep to the same rule', async () => {
    const query = '{ allVisibleRooms { nodes { roomId name onlineCount } } allVisibleLastSeens { nodes { userId roomId } } }';

    const bob = await ask(query, await as('bob'));
    const dave = await ask(query, await as('dave'));

    assert.deepEqual(bob.allVisibleRooms.nodes.sort((a, b) => a.roomId.localeCompare(b.roomId)), [
        { roomId: 'general', name: 'General', onlineCount: 2 }, { roomId: 'planning', name: 'Planning', onlineCount: 1 },
    ]);
    assert.ok(bob.allVisibleLastSeens.nodes.every((node) => ['general', 'planning'].includes(node.roomId)));
    assert.deepEqual(dave, { allVisibleRooms: { nodes: [] }, allVisibleLastSeens: { nodes: [] } });
});

test('the schema offers nothing of what a backend may do', async () => {
    const { __schema } = await ask('{ __schema { queryType { fields { name } } mutationType { name } } }', await as('alice'));
    const fields = __schema.queryType.fields.map((field) => field.name);

    assert.ok(fields.includes('allVisibleMembers'), fields.join());
    assert.equal(__schema.mutationType, null);
    for (const field of fields) {
        assert.match(field, /^(query|id|node|whoami|allVisible\w+|visible\w+)$/);
    }
});

test('a setting that is the id itself serves as well, once the operator says so', async () => {
    const operator = new pg.Client({ connectionString: process.env.MIGRATOR_URL });
    await operator.connect();
    await operator.query('set role presence_owner');
    await operator.query("select presence.map_gateway('gateway', 'jwt.claims.user_id', null)");
    await operator.end();

    assert.deepEqual(await ids(await as('vera')), ['vera-catering.vera']);
    assert.deepEqual(await ids(await as('dave')), []);
    assert.deepEqual(await ids({}), []);
});

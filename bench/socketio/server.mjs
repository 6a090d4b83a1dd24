// Presence as a team would write it with Socket.IO in a day: who is connected to a room is who is there.
//
//   PORT=8080 DATABASE_URL=postgres://... JWT_SECRET=... node server.mjs
//
// Tokens in the handshake, one query for access, Socket.IO's own rooms, and its Postgres adapter between servers.
// A second tab is no second person: nobody has left while one of their sockets is in the room, as Socket.IO's guide does
// it. Nothing is stored: who is there is lost with the process, and when somebody was last here is not known.

import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/postgres-adapter';
import { jwtVerify } from 'jose';
import pg from 'pg';
import { Server } from 'socket.io';

const { PORT, DATABASE_URL, JWT_SECRET } = process.env;

// Whoever takes part may enter, and a vendor a vendor's room only where it is theirs.
const MEMBER = {
    name: 'member',
    text: `select u.id, u.name, u.avatar_url
             from event_app.room_participants p
             join event_app.rooms r on r.id = p.room_id
             join event_app.users u on u.id = p.user_id
            where p.room_id = $1 and p.user_id = $2
              and (r.kind <> 'vendor' or p.role <> 'vendor' or r.vendor_id = p.user_id)`,
};

// Where the adapter puts what is longer than a NOTIFY may be. Two servers that start at once may both try.
const ATTACHMENTS = `
    select pg_advisory_xact_lock(hashtext('socket_io_attachments'));
    create table if not exists socket_io_attachments (
        id         bigserial unique,
        created_at timestamptz default now(),
        payload    bytea
    )`;

const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 16 });
pool.on('error', (error) => console.error('the pool:', error.message));
await pool.query(ATTACHMENTS);

const http = createServer((request, response) => response.writeHead(request.url === '/livez' ? 200 : 404).end());
const io = new Server(http, {
    adapter: createAdapter(pool, { errorHandler: (error) => console.error('the adapter:', error.message) }),
    transports: ['websocket'],
    perMessageDeflate: false,
    serveClient: false,
});
// As its manual advises, for memory: the request of the handshake is needed no more.
io.engine.on('connection', (socket) => { socket.request = null; });

const key = new TextEncoder().encode(JWT_SECRET);
io.use(async (socket, next) => {
    try {
        const { payload } = await jwtVerify(socket.handshake.auth.token, key, { algorithms: ['HS256'] });
        socket.data.user = { id: payload.sub };
        next();
    } catch {
        next(new Error('unauthenticated'));
    }
});

// The sockets of one person in one room.
const tabsOf = (room, user) => `${room} ${user}`;

// Whoever is still there by another socket has not left.
async function left(room, { id }) {
    const tabs = await io.in(tabsOf(room, id)).fetchSockets();
    if (tabs.length === 0) io.to(room).emit('left', { id });
}

// Has an event with a room answered by what comes of it.
function answers(socket, event, act) {
    socket.on(event, async (room, answer) => {
        if (typeof room !== 'string' || typeof answer !== 'function') return;
        try {
            answer(await act(room));
        } catch (error) {
            answer({ error: error.message });
        }
    });
}

io.on('connection', (socket) => {
    const rooms = new Set();

    answers(socket, 'join', async (room) => {
        const found = await pool.query(MEMBER, [room, socket.data.user.id]);
        if (found.rowCount === 0) throw new Error('room not found');
        socket.data.user = found.rows[0];
        rooms.add(room);
        socket.join([room, tabsOf(room, socket.data.user.id)]);
        socket.to(room).emit('joined', socket.data.user);
        return {};
    });

    answers(socket, 'leave', async (room) => {
        if (!rooms.delete(room)) return {};
        socket.leave(room);
        socket.leave(tabsOf(room, socket.data.user.id));
        await left(room, socket.data.user);
        return {};
    });

    answers(socket, 'who', async (room) => {
        if (!rooms.has(room)) throw new Error('room not found');
        const there = await io.in(room).fetchSockets();
        const people = new Map(there.map(({ data }) => [data.user.id, data.user]));
        return { people: [...people.values()] };
    });

    socket.on('disconnect', () => {
        for (const room of rooms) left(room, socket.data.user).catch((error) => console.error('left:', error.message));
    });
});

http.listen(Number(PORT), '127.0.0.1');

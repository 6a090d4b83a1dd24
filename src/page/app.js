// The page that `pg-presence dev` serves: the reference event application, seen by one of its people.
// Here the parts are put together: Stream and Rooms say what is, Session says that one is here, the rest shows it.

import { Api } from './api.js';
import { Attention } from './attention.js';
import { person } from './cast.js';
import { byId } from './dom.js';
import { copyOnClick } from './hood.js';
import { Own, showCast, showPersona } from './menus.js';
import { Rooms } from './rooms.js';
import { Session } from './session.js';
import { Stream } from './stream.js';
import { newSessionId, releaseSessionId, sessionId } from './tab.js';
import { View } from './view.js';

const ABSENT_MAX = 20;
const TICK_MS = 10_000;

class Page {
    #me;
    #api;
    #rooms;
    #stream;
    #own;
    #attention;
    #view;
    #session = null;
    #sessionId = null;
    #roomId = null;
    /** Null until they were read. */
    #absent = null;
    #eventNames = new Map();
    #clockAheadMs = 0;
    #isShowing = false;

    constructor(me) {
        this.#me = me;
        this.#api = new Api(me);
        this.#view = new View(me);
        this.#rooms = new Rooms((room, news) => this.#news(room, news));
        this.#own = new Own(me, () => this.#said());
        this.#attention = new Attention((status) => this.#attentive(status));
        this.#stream = new Stream({
            api: this.#api,
            rooms: this.#rooms,
            list: () => this.#list(),
            onState: (state) => this.#connection(state),
            onFrame: (frame) => this.#frame(frame),
        });
    }

    start() {
        this.#wire();
        this.#show();
        this.#stream.run();
        setInterval(() => this.#show(), TICK_MS);
    }

    #wire() {
        addEventListener('hashchange', () => this.#enter(wantedRoom()));
        addEventListener('online', () => this.#backAgain());
        addEventListener('offline', () => this.#show());
        document.addEventListener('resume', () => this.#backAgain());
        document.addEventListener('visibilitychange', () => !document.hidden && this.#backAgain());
        addEventListener('pagehide', () => this.#go());
        addEventListener('pageshow', (event) => event.persisted && this.#comeBack());
        this.#view.onNotice = (action) => this.#act(action);
        this.#view.wireComposer({
            keystroke: () => this.#session?.keystroke(),
            stop: () => this.#session?.stopTyping(),
        });
    }

    /** Fetches the rooms that may be entered; enters the one that the address names, else the first. */
    async #list() {
        const { rooms } = await this.#api.call('GET', '/v1/rooms');
        const differs = this.#rooms.list(rooms);
        this.#view.areRoomsKnown = true;
        this.#nameEvents(rooms);
        if (this.#roomId === null || !this.#session) await this.#enter(wantedRoom() ?? rooms[0]?.room_id ?? null);
        this.#show();
        return differs;
    }

    async #nameEvents(rooms) {
        const unnamed = new Set(rooms.map((room) => room.event_id).filter((id) => id !== null && !this.#eventNames.has(id)));
        for (const id of unnamed) {
            const event = await this.#api.call('GET', `/v1/events/${encodeURIComponent(id)}`).catch(() => null);
            if (event?.name) this.#eventNames.set(id, event.name);
        }
        if (unnamed.size > 0) this.#show();
    }

    async #enter(id) {
        const roomId = id ?? this.#rooms.all()[0]?.room_id ?? null;
        if (roomId === this.#roomId && this.#session) return;
        this.#session?.leave();
        this.#session = null;
        this.#roomId = roomId;
        this.#absent = null;
        this.#show();
        if (!this.#rooms.get(roomId)) return;
        this.#sessionId ??= await sessionId();
        if (this.#roomId !== roomId || this.#session) return;
        this.#session = new Session({
            api: this.#api,
            roomId,
            sessionId: this.#sessionId,
            wish: () => ({ status: this.#status(), message: this.#own.message }),
            rename: async () => (this.#sessionId = await newSessionId()),
            onChange: () => this.#show(),
        });
        this.#session.beat();
        this.#readAbsent(roomId);
    }

    async #readAbsent(roomId) {
        const path = `/v1/rooms/${encodeURIComponent(roomId)}?offline=${ABSENT_MAX}&limit=1`;
        const room = await this.#api.call('GET', path).catch(() => null);
        if (!room || this.#roomId !== roomId) return;
        this.#absent = (room.offline ?? []).filter((member) => member.user_id !== this.#me);
        this.#show();
    }

    #status() {
        return this.#own.status === 'active' ? this.#attention.status : this.#own.status;
    }

    #said() {
        this.#session?.stopTyping();
        this.#session?.beat();
        this.#show();
    }

    #attentive(status) {
        if (status === 'away') this.#stream.rest();
        this.#session?.beat();
        this.#show();
    }

    #backAgain() {
        this.#stream.wake();
        this.#session?.beat();
    }

    #go() {
        this.#session?.leaveUnloading();
        this.#stream.rest();
        releaseSessionId();
    }

    /** Out of the back/forward cache: as after a reload, but with everything still here. */
    async #comeBack() {
        this.#session = null;
        this.#sessionId = null;
        this.#stream.wake();
        await this.#enter(this.#roomId);
    }

    #act(action) {
        if (action === 'again') this.#session?.again();
        else if (action === 'reload') location.reload();
        else this.#stream.wake();
    }

    /** A heartbeat after each connection: what was lost meanwhile is put right, a logout is noticed. */
    #connection(state) {
        if (state.phase === 'ended' || state.phase === 'live') this.#session?.beat();
        this.#view.connection(state);
        this.#show();
    }

    #frame(frame) {
        if (frame.event === 'ready') this.#clockAheadMs = Date.parse(frame.data.server_time) - Date.now();
        if (frame.event === 'revoked' && frame.data.room_id === this.#roomId) this.#putOut();
        this.#view.hood.frame(frame);
        queueMicrotask(() => this.#show());
    }

    /** No longer allowed in this room: there is nothing to leave. */
    #putOut() {
        this.#session?.drop();
        this.#session = null;
    }

    #news(room, news) {
        const isCurrent = room.room_id === this.#roomId;
        this.#view.news(room.room_id, news, isCurrent);
        if (isCurrent) {
            this.#keepAbsent(news);
            if (news.left?.user_id === this.#me) this.#gone(news.reason);
        }
        this.#show();
    }

    /** This member is gone though this tab is open: asleep for too long, or put out. */
    #gone(reason) {
        if (reason === 'removed') this.#session?.removed();
        else this.#session?.beat();
    }

    #keepAbsent({ joined, left, last_seen_at }) {
        if (!this.#absent) return;
        const id = (joined ?? left).user_id;
        this.#absent = this.#absent.filter((member) => member.user_id !== id);
        if (left && id !== this.#me && last_seen_at) this.#absent.unshift({ ...left, last_seen_at });
    }

    /** Shows everything as it is now; many changes in a row are one. */
    #show() {
        if (this.#isShowing) return;
        this.#isShowing = true;
        requestAnimationFrame(() => {
            this.#isShowing = false;
            this.#own.show(this.#session?.isTyping ? 'typing' : this.#status());
            this.#view.show({
                rooms: this.#rooms,
                roomId: this.#roomId,
                session: this.#session,
                absent: this.#absent,
                eventNames: this.#eventNames,
                now: Date.now() + this.#clockAheadMs,
            });
        });
    }
}

/** The room that the address names, null where it names none. */
function wantedRoom() {
    const hash = location.hash.slice(1);
    if (hash === '' || hash === 'main') return null;
    try {
        return decodeURIComponent(hash);
    } catch {
        return hash;
    }
}

function welcome() {
    showCast(byId('welcome-choices'), null);
    byId('welcome').hidden = false;
}

const me = new URLSearchParams(location.search).get('as');
if (me) {
    document.title = `${person(me).name} · pg-presence`;
    showPersona(me);
    copyOnClick(byId('hood'));
    new Page(me).start();
} else {
    welcome();
}

// What is known of each room: snapshots and diffs folded into members, and where the reading stands.
// Pure but for one timer: somebody who left by himself is shown as leaving for a moment, so that a reload, which is
// a leave and a join, does not flicker.

const LEAVING_MS = 1200;

export class Rooms {
    #rooms = new Map();
    #onNews;

    /** `onNews(room, news)` hears of people who came (`{joined}`) and went (`{left, reason, last_seen_at}`). */
    constructor(onNews = () => {}) {
        this.#onNews = onNews;
    }

    all() {
        return [...this.#rooms.values()];
    }

    get(id) {
        return this.#rooms.get(id);
    }

    /** Takes the rooms that the user may enter now. True where that differs from before. */
    list(infos) {
        const ids = new Set(infos.map((info) => info.room_id));
        let differs = false;
        for (const id of [...this.#rooms.keys()]) {
            if (!ids.has(id)) differs = this.#rooms.delete(id);
        }
        for (const info of infos) {
            const known = this.#rooms.get(info.room_id);
            if (!known) differs = true;
            const isRead = known !== undefined && known.epoch !== null;
            const online_count = isRead ? known.online_count : info.online_count;
            this.#rooms.set(info.room_id, Object.assign(known ?? blank(), info, { online_count }));
        }
        return differs;
    }

    /** The query of a stream over all rooms, each from where its reading stands. */
    topics() {
        const query = new URLSearchParams();
        for (const room of this.#rooms.values()) {
            const cursor = room.epoch === null ? '' : `@${room.epoch}.${room.revision}`;
            query.append('room', room.room_id + cursor);
        }
        return query.toString();
    }

    /** Folds an event in. False: something was missed, and this room must be read anew. */
    take(event, data) {
        const room = this.#rooms.get(data.room_id);
        if (!room) return true;
        if (event === 'snapshot') this.#snapshot(room, data);
        else if (event === 'diff') return this.#diff(room, data);
        else if (event === 'count') count(room, data);
        else if (event === 'revoked') this.#rooms.delete(data.room_id);
        return true;
    }

    #snapshot(room, data) {
        const before = room.members;
        const wasRead = room.epoch !== null && !room.isCounted;
        room.isCounted = data.mode === 'count';
        room.members = new Map((data.members ?? []).map((member) => [member.user_id, member]));
        standAt(room, data);
        for (const id of room.members.keys()) clearLeaving(room, id);
        if (!wasRead || room.isCounted) return;
        for (const [id, member] of before) if (!room.members.has(id)) this.#onNews(room, { left: member, reason: null, last_seen_at: null });
        for (const [id, member] of room.members) if (!before.has(id)) this.#onNews(room, { joined: member });
    }

    #diff(room, data) {
        if (room.epoch !== data.epoch || room.revision !== data.from) {
            room.epoch = null;
            return false;
        }
        for (const gone of data.left) this.#left(room, gone);
        for (const member of data.joined) {
            const wasLeaving = clearLeaving(room, member.user_id);
            room.members.set(member.user_id, member);
            if (!wasLeaving) this.#onNews(room, { joined: member });
        }
        for (const member of data.updated) room.members.set(member.user_id, member);
        standAt(room, data);
        return true;
    }

    #left(room, { user_id, reason, last_seen_at }) {
        const member = room.members.get(user_id) ?? { user_id };
        room.members.delete(user_id);
        const news = { left: member, reason, last_seen_at };
        if (reason !== 'left' && reason !== 'disconnected') return this.#onNews(room, news);
        clearLeaving(room, user_id);
        const timer = setTimeout(() => {
            room.leaving.delete(user_id);
            this.#onNews(room, news);
        }, LEAVING_MS);
        room.leaving.set(user_id, { member, timer });
        return undefined;
    }
}

/** Whom to show in a room: the members, and those who are just leaving. */
export function shown(room) {
    const leaving = [...room.leaving.values()].map(({ member }) => ({ ...member, isLeaving: true }));
    return [...room.members.values(), ...leaving];
}

/** How many to show; agrees with `shown` at every moment. */
export function shownCount(room) {
    return room.online_count + room.leaving.size;
}

function blank() {
    return { epoch: null, revision: 0, online_count: 0, isCounted: false, members: new Map(), leaving: new Map() };
}

function standAt(room, { epoch, revision, online_count }) {
    Object.assign(room, { epoch, revision, online_count });
}

/** A room with too many members for details says how many they are. */
function count(room, { epoch = room.epoch, revision = room.revision, online_count }) {
    standAt(room, { epoch, revision, online_count });
}

function clearLeaving(room, id) {
    clearTimeout(room.leaving.get(id)?.timer);
    return room.leaving.delete(id);
}

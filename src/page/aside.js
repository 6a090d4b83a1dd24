// Beside the room: who was here earlier, and what happened just now.

import { face, h } from './dom.js';
import { ago, capital, clock, nameOf, reasonPhrase } from './words.js';

const NEWS_MAX = 8;

/** The absent, latest first. */
export function showAbsent(list, absent, now) {
    list.replaceChildren(...absent.map((member) =>
        h('li', { class: 'absent', 'data-user': member.user_id },
            face(member, 'm'),
            h('span', { class: 'absent-text' },
                h('span', { class: 'absent-name' }, nameOf(member)),
                h('span', { class: 'absent-role' }, capital(member.role ?? ''))),
            h('time', { datetime: member.last_seen_at, title: new Date(member.last_seen_at).toLocaleString() },
                ago(now - Date.parse(member.last_seen_at))))));
}

/** What happened in each room since the page was opened; kept in memory only. */
export class News {
    #byRoom = new Map();

    add(roomId, { joined, left, reason }, me) {
        const who = (joined ?? left).user_id === me ? 'You' : nameOf(joined ?? left);
        const text = `${who} ${joined ? 'came in' : reasonPhrase(reason)}`;
        const item = { text, at: new Date(), kind: joined ? 'joined' : 'left' };
        this.#byRoom.set(roomId, [item, ...this.#of(roomId)].slice(0, NEWS_MAX));
        return text;
    }

    show(list, roomId) {
        list.replaceChildren(...this.#of(roomId).map(({ text, at, kind }) =>
            h('li', { class: 'news', 'data-kind': kind }, h('span', {}, text), h('time', { datetime: at.toISOString() }, clock(at, true)))));
    }

    #of(roomId) {
        return this.#byRoom.get(roomId) ?? [];
    }
}

/** Says arrivals and departures to screen readers, a few at a time. */
export class Announcer {
    #element;
    #waiting = [];
    #timer = null;
    static PAUSE_MS = 4000;

    constructor(element) {
        this.#element = element;
    }

    say(text) {
        this.#waiting.push(text);
        this.#timer ??= setTimeout(() => this.#flush(), Announcer.PAUSE_MS);
    }

    #flush() {
        this.#timer = null;
        const said = this.#waiting.splice(0);
        this.#element.textContent = said.length > 4 ? `${said.length} people came or left` : `${said.join('. ')}.`;
    }
}

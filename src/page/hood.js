// Under the hood: the last events of the stream as they came, and lines to paste into a terminal.

import { h, say } from './dom.js';
import { nextPerson } from './cast.js';
import { clock } from './words.js';

const FRAMES_MAX = 40;
const OPEN_KEY = 'pg-presence.hood';

export class Hood {
    #element;
    #list;
    #last = null;
    #count = 0;

    constructor(element) {
        this.#element = element;
        this.#list = element.querySelector('#frames');
        element.open = localStorage.getItem(OPEN_KEY) === 'open';
        element.addEventListener('toggle', () => localStorage.setItem(OPEN_KEY, element.open ? 'open' : 'closed'));
    }

    /** A frame of the stream; pings in a row are one line. */
    frame({ event, data, id }) {
        this.#count += 1;
        say(this.#element.querySelector('#frame-count'), this.#count === 1 ? '1 event' : `${this.#count} events`);
        if (event === 'ping' && this.#last?.event === 'ping') {
            this.#last.times += 1;
            say(this.#last.badge, `ping ×${this.#last.times}`);
            say(this.#last.time, clock(new Date(), true));
            return;
        }
        const badge = h('span', { class: 'frame-event', 'data-event': event }, event);
        const time = h('time', {}, clock(new Date(), true));
        const brief = [data.room_id, id && `rev ${id.split('.').pop()}`].filter(Boolean).join(' · ');
        const line = h('li', {},
            h('details', { class: 'frame' },
                h('summary', {}, badge, h('span', { class: 'frame-brief' }, brief || gist(data)), time),
                h('pre', { tabindex: '0' }, `${id ? `id: ${id}\n` : ''}event: ${event}\ndata: ${JSON.stringify(data, null, 2)}`)));
        this.#last = { event, badge, time, times: 1 };
        this.#list.prepend(line);
        while (this.#list.children.length > FRAMES_MAX) this.#list.lastElementChild.remove();
    }

    /** Lines about this user and this room. */
    commands(me, roomId) {
        const other = nextPerson(me, roomId, () => false);
        const lines = { 'cmd-curl': curl(me, roomId), 'cmd-select': select(roomId), 'cmd-beat': beat(other.id, roomId) };
        for (const [id, text] of Object.entries(lines)) say(this.#element.querySelector(`#${id}`), text);
        say(this.#element.querySelector('#cmd-beat-title'), `Let ${other.name} in from SQL`);
    }
}

/** Copies the text of the block that a button names. */
export function copyOnClick(root) {
    root.addEventListener('click', async (event) => {
        const button = event.target.closest('button[data-copy]');
        if (!button) return;
        const text = root.querySelector(`#${button.dataset.copy}`).textContent;
        const isCopied = await navigator.clipboard.writeText(text).then(() => true, () => false);
        say(button, isCopied ? 'Copied' : 'Select and copy');
        setTimeout(() => say(button, 'Copy'), 1600);
    });
}

function gist(data) {
    const text = JSON.stringify(data);
    return text === '{}' ? '' : text;
}

function curl(me, roomId) {
    const body = shell(JSON.stringify({ user_id: me }));
    return [
        `TOKEN=$(curl -s ${location.origin}/dev/token \\`,
        `  -H 'content-type: application/json' \\`,
        `  -d ${body} | cut -d'"' -f4)`,
        `curl -N -H "Authorization: Bearer $TOKEN" \\`,
        `  ${shell(`${location.origin}/v1/stream?room=${encodeURIComponent(roomId)}`)}`,
    ].join('\n');
}

function select(roomId) {
    return `select user_id, status, message, sessions\n  from presence.members\n where room_id = ${literal(roomId)};`;
}

function beat(userId, roomId) {
    return [
        'select * from presence.heartbeat(',
        `    room_id => ${literal(roomId)}, user_id => ${literal(userId)},`,
        "    session_id => gen_random_uuid(),",
        "    message => 'hello from psql');",
    ].join('\n');
}

function literal(text) {
    return `'${text.replaceAll("'", "''")}'`;
}

function shell(text) {
    return `'${text.replaceAll("'", `'\\''`)}'`;
}

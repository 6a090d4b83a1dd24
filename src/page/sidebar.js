// The rooms that one may enter, by event, each with a few faces and how many are there.

import { shown, shownCount } from './rooms.js';
import { face, h, say } from './dom.js';
import { capital, nameOf, peopleCount } from './words.js';

const FACES_MAX = 3;

export class Sidebar {
    #element;
    #rows = new Map();
    #layout = '';

    constructor(element) {
        this.#element = element;
    }

    show(rooms, currentId, eventNames) {
        const layout = JSON.stringify([rooms.map((room) => [room.room_id, room.name, room.event_id]), [...eventNames]]);
        if (layout !== this.#layout) this.#build(rooms, eventNames);
        this.#layout = layout;
        for (const room of rooms) fill(this.#rows.get(room.room_id), room, room.room_id === currentId);
    }

    #build(rooms, eventNames) {
        this.#rows.clear();
        const groups = Map.groupBy ? Map.groupBy(rooms, (room) => room.event_id) : grouped(rooms);
        const sections = [...groups].map(([event, members]) => {
            const title = eventNames.get(event) ?? capital(event ?? 'Rooms');
            return h('section', { class: 'event' },
                h('h2', {}, title),
                h('ul', {}, ...members.map((room) => h('li', {}, this.#row(room)))));
        });
        this.#element.replaceChildren(...sections);
    }

    #row(room) {
        const parts = {
            faces: h('span', { class: 'faces', 'aria-hidden': 'true' }),
            typing: h('span', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i')),
            count: h('span', { class: 'count', 'aria-hidden': 'true' }),
            said: h('span', { class: 'unseen' }),
        };
        const link = h('a', { class: 'room', href: roomHref(room.room_id), 'data-room': room.room_id },
            h('span', { class: 'room-name', 'data-kind': room.kind }, room.name || room.room_id),
            room.kind === 'vendor' ? h('span', { class: 'unseen' }, ' vendor room') : null,
            parts.typing, parts.faces, parts.count, parts.said);
        this.#rows.set(room.room_id, { link, parts });
        return link;
    }
}

export function roomHref(id) {
    return `#${encodeURIComponent(id)}`;
}

function fill({ link, parts }, room, isCurrent) {
    const count = shownCount(room);
    if (isCurrent) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
    link.classList.toggle('is-empty', count === 0);
    link.classList.toggle('is-typing', [...room.members.values()].some((member) => member.status === 'typing'));
    say(parts.count, String(count));
    say(parts.said, `, ${peopleCount(count)}`);
    const people = shown(room).sort((a, b) => nameOf(a).localeCompare(nameOf(b))).slice(0, FACES_MAX);
    const ids = people.map((member) => member.user_id).join(' ');
    if (parts.faces.dataset.ids === ids) return;
    parts.faces.dataset.ids = ids;
    parts.faces.replaceChildren(...people.map((member) => face(member, 's')));
}

function grouped(rooms) {
    const groups = new Map();
    for (const room of rooms) groups.set(room.event_id, [...(groups.get(room.event_id) ?? []), room]);
    return groups;
}

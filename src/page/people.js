// The people of a room as cards, kept by user so that they glide, arrive and fade rather than jump.

import { calm, face, glide, h, say } from './dom.js';
import { capital, clock, duration, nameOf, statusLabel } from './words.js';

const FADE_MS = 200;

export class People {
    #list;
    #cards = new Map();
    #room = null;

    constructor(list) {
        this.#list = list;
    }

    /** Shows these members, oneself first. A change of room is a cut, not a movement. */
    show(room, members, me, now) {
        const isSame = this.#room === room;
        if (!isSame) {
            this.#list.replaceChildren();
            this.#cards.clear();
            this.#room = room;
        }
        const order = [...members].sort((a, b) => (b.user_id === me) - (a.user_id === me) || nameOf(a).localeCompare(nameOf(b)));
        const ids = new Set(order.map((member) => member.user_id));
        for (const [id, card] of this.#cards) if (!ids.has(id)) this.#remove(id, card, isSame);
        const fresh = order.filter((member) => !this.#cards.has(member.user_id));
        for (const member of fresh) this.#cards.set(member.user_id, make(member, isSame));
        if (fresh.length > 0) glide(this.#list, () => this.#place(order));
        for (const member of order) fill(this.#cards.get(member.user_id), member, me, now);
    }

    #place(order) {
        order.forEach((member, at) => {
            const { element } = this.#cards.get(member.user_id);
            if (this.#list.children[at] !== element) this.#list.insertBefore(element, this.#list.children[at] ?? null);
        });
    }

    async #remove(id, { element }, isSame) {
        this.#cards.delete(id);
        if (isSame && !calm.matches) {
            await element.animate([{}, { opacity: 0, transform: 'scale(.96)' }], { duration: FADE_MS, fill: 'forwards' }).finished;
        }
        glide(this.#list, () => element.remove());
    }
}

function make(member, isArrival) {
    const parts = {
        name: h('span', { class: 'card-name' }),
        you: h('span', { class: 'tag', hidden: true }, 'you'),
        status: h('span', { class: 'card-status' }),
        facts: h('p', { class: 'card-facts' }),
        message: h('p', { class: 'card-message', hidden: true }),
    };
    const picture = h('span', { class: 'card-face' }, face(member, 'l'), h('span', { class: 'dot', 'aria-hidden': 'true' }));
    const dots = h('span', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i'));
    const element = h(
        'li',
        { class: isArrival ? 'card is-new' : 'card', 'data-user': member.user_id },
        picture,
        h('div', { class: 'card-text' },
            h('p', { class: 'card-line' }, parts.name, parts.you),
            h('p', { class: 'card-line' }, parts.status, dots),
            parts.facts,
            parts.message),
    );
    return { element, parts };
}

function fill({ element, parts }, member, me, now) {
    element.dataset.status = member.status ?? 'active';
    element.classList.toggle('is-leaving', Boolean(member.isLeaving));
    say(parts.name, nameOf(member));
    parts.you.hidden = member.user_id !== me;
    say(parts.status, statusText(member));
    say(parts.facts, [capital(member.role ?? ''), sinceText(member, now)].filter(Boolean).join(' · '));
    const said = [member.activity && capital(member.activity), member.message].filter(Boolean).join(' · ');
    parts.message.hidden = said === '';
    say(parts.message, said);
}

function statusText({ status, status_until }) {
    const until = status_until ? ` until ${clock(new Date(status_until))}` : '';
    return statusLabel(status) + until;
}

function sinceText({ joined_at }, now) {
    if (!joined_at) return '';
    const text = duration(now - Date.parse(joined_at));
    return text === 'just now' ? 'came just now' : `here for ${text}`;
}

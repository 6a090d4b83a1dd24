// Choosing: who one is, what one's status is, and the message beside it.

import { CAST, person } from './cast.js';
import { byId, face, h, say } from './dom.js';
import { CHOICES, STATUSES, statusLabel } from './words.js';

/** The cast as links: who one is is part of the address, so that every tab can be somebody else. */
export function showCast(list, me) {
    list.replaceChildren(...CAST.map((one) =>
        h('li', {},
            h('a', { class: 'cast-link', href: `/?as=${one.id}`, 'aria-current': one.id === me && 'true' },
                face({ user_id: one.id, name: one.name }, 'm'),
                h('span', { class: 'cast-text' },
                    h('span', { class: 'cast-name' }, one.name, h('span', { class: 'tag' }, one.part)),
                    h('span', { class: 'cast-about' }, one.about))))));
}

export function showPersona(me) {
    const { name } = person(me);
    byId('persona-button').append(face({ user_id: me, name }, 's'), h('span', { class: 'who-name' }, name));
    showCast(byId('persona-choices'), me);
}

/** What one said about oneself, kept for this tab and user over a reload. */
export class Own {
    #key;
    #onChange;
    status = 'active';
    /** Undefined: nothing was ever said in this tab, and nothing is sent. Null: cleared. */
    message = undefined;

    constructor(me, onChange) {
        this.#key = `pg-presence.own.${me}`;
        this.#onChange = onChange;
        Object.assign(this, JSON.parse(sessionStorage.getItem(this.#key) ?? '{}'));
        this.#wire();
    }

    /** What is shown on the button; `status` is as others see it from this tab. */
    show(status) {
        byId('status-button').dataset.status = status;
        say(byId('status-text'), statusLabel(status));
        for (const choice of byId('status-choices').children) choice.setAttribute('aria-pressed', choice.value === this.status);
    }

    #wire() {
        byId('status-choices').append(...CHOICES.map((status) =>
            h('button', { class: 'choice', type: 'button', value: status, 'data-status': status, onclick: () => this.#set({ status }) },
                h('span', { class: 'dot', 'aria-hidden': 'true' }),
                h('span', { class: 'choice-text' }, statusLabel(status), h('span', { class: 'choice-about' }, STATUSES[status].about)))));
        const input = byId('message');
        input.value = this.message ?? '';
        byId('message-form').addEventListener('submit', (event) => {
            event.preventDefault();
            this.#set({ message: input.value.trim() || null });
            byId('status-menu').hidePopover();
        });
    }

    #set(change) {
        Object.assign(this, change);
        sessionStorage.setItem(this.#key, JSON.stringify({ status: this.status, message: this.message }));
        this.#onChange();
    }
}

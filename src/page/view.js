// Shows the page: connection, rooms, the room itself, what stands beside it. Reads everything, decides nothing.

import { Announcer, News, showAbsent } from './aside.js';
import { nextPerson, person } from './cast.js';
import { byId, h, say } from './dom.js';
import { Hood } from './hood.js';
import { People } from './people.js';
import { roomHref, Sidebar } from './sidebar.js';
import { shown, shownCount } from './rooms.js';
import { capital, nameOf, peopleCount, typingPhrase } from './words.js';

/** A connection that is back sooner than this was never shown to be away. */
const PATIENCE_MS = 1200;
const LINK_TEXT = {
    connecting: 'Connecting',
    live: 'Live',
    reconnecting: 'Reconnecting',
    degraded: 'Database away',
    resting: 'Resting',
    ended: 'Signed out',
    offline: 'Offline',
};

/** By the phase of the connection, which comes first, or of one's own session. */
const NOTICES = {
    ended: { text: 'You were signed out everywhere.', label: 'Come back', action: 'reload' },
    reconnecting: {
        text: 'The connection is lost; trying again. What you see may be out of date.',
        label: 'Try now',
        action: 'wake',
    },
    degraded: { text: 'The database is away. This page stays connected and catches up by itself.' },
    full: { text: 'You have this room open in too many tabs. Close one of them.', label: 'Try again', action: 'again' },
    removed: { text: 'Somebody removed you from this room.', label: 'Come back', action: 'again' },
    denied: { text: 'You may not be in this room any more.' },
    retrying: { text: 'The others may not see you at the moment; trying again.' },
    invisible: { text: 'You are invisible: nobody sees you here, and you see everybody.', isCalm: true },
};

export class View {
    #me;
    #people = new People(byId('people'));
    #sidebar = new Sidebar(byId('rooms'));
    #news = new News();
    #announcer = new Announcer(byId('announcer'));
    #phase = 'connecting';
    #lastLook = null;
    #phaseTimer = null;
    #notice = null;
    hood = new Hood(byId('hood'));
    areRoomsKnown = false;
    onNotice = () => {};

    constructor(me) {
        this.#me = me;
        for (const id of ['shell', 'link', 'bar-end']) byId(id).hidden = false;
        byId('notice-button').addEventListener('click', () => this.onNotice(this.#notice?.action));
    }

    /** Good news at once, bad news when it lasts. */
    connection({ phase }) {
        if (phase === this.#phase && this.#phaseTimer === null) return;
        clearTimeout(this.#phaseTimer);
        this.#phaseTimer = null;
        const isBad = phase === 'reconnecting' || phase === 'degraded';
        const settle = () => {
            this.#phaseTimer = null;
            this.#phase = phase;
            if (this.#lastLook) this.show(this.#lastLook);
        };
        if (isBad && this.#phase !== phase) this.#phaseTimer = setTimeout(settle, PATIENCE_MS);
        else settle();
    }

    news(roomId, news, isCurrent) {
        const text = this.#news.add(roomId, news, this.#me);
        if (isCurrent && (news.joined ?? news.left).user_id !== this.#me) this.#announcer.say(text);
    }

    /** `look` is `{rooms, roomId, session, absent, eventNames, now}`. */
    show(look) {
        this.#lastLook = look;
        const room = look.rooms.get(look.roomId);
        this.#showLink();
        this.#showNotice(look);
        if (this.areRoomsKnown) this.#sidebar.show(look.rooms.all(), look.roomId, look.eventNames);
        const isBlank = this.areRoomsKnown && !room;
        byId('room-view').hidden = isBlank;
        byId('blank').hidden = !isBlank;
        byId('aside').hidden = isBlank;
        const isOutside = this.areRoomsKnown && look.rooms.all().length === 0;
        byId('rooms').hidden = isOutside;
        byId('status-button').hidden = isOutside;
        if (isBlank) this.#showBlank(look);
        if (room) this.#showRoom(room, look);
        this.#showSecond(room, look.roomId);
        const title = room ? `${person(this.#me).name} in ${room.name || room.room_id}` : person(this.#me).name;
        if (document.title !== `${title} · pg-presence`) document.title = `${title} · pg-presence`;
    }

    wireComposer({ keystroke, stop }) {
        const [form, draft, hint] = [byId('composer'), byId('draft'), byId('hint')];
        const honest = hint.textContent;
        let timer = null;
        draft.addEventListener('input', () => (draft.value === '' ? stop() : keystroke()));
        draft.addEventListener('blur', stop);
        form.addEventListener('submit', (event) => {
            event.preventDefault();
            if (draft.value.trim() === '') return;
            draft.value = '';
            stop();
            say(hint, 'And it is gone: nothing was stored. But everybody saw you type.');
            clearTimeout(timer);
            timer = setTimeout(() => say(hint, honest), 5000);
        });
    }

    #showLink() {
        const phase = navigator.onLine || this.#phase === 'live' ? this.#phase : 'offline';
        byId('link').dataset.phase = phase;
        say(byId('link-text'), LINK_TEXT[phase]);
        document.body.dataset.phase = phase;
    }

    #showNotice(look) {
        this.#notice = noticeOf(this.#phase, look.session?.phase);
        byId('notice').hidden = this.#notice === null;
        byId('notice').classList.toggle('is-calm', Boolean(this.#notice?.isCalm));
        say(byId('notice-text'), this.#notice?.text ?? '');
        const button = byId('notice-button');
        button.hidden = !this.#notice?.label;
        say(button, this.#notice?.label ?? '');
    }

    #showRoom(room, look) {
        const members = shown(room);
        const isRead = room.epoch !== null || members.length > 0;
        const event = look.eventNames.get(room.event_id) ?? capital(room.event_id ?? '');
        say(byId('room-title'), room.name || room.room_id);
        const kind = room.kind === 'vendor' ? 'vendor room' : null;
        say(byId('room-meta'), [event, kind, isRead && peopleCount(shownCount(room))].filter(Boolean).join(' · '));
        byId('people-bones').hidden = isRead;
        this.#people.show(room.room_id, members, this.#me, look.now);
        this.#showAlone(room, members, isRead);
        const typists = members.filter((member) => member.status === 'typing' && member.user_id !== this.#me);
        byId('typing').classList.toggle('is-on', typists.length > 0);
        const typing = typingPhrase(typists.map(nameOf));
        say(byId('typing-text'), typing);
        showAbsent(byId('absent'), look.absent ?? [], look.now);
        byId('absent-nothing').hidden = look.absent?.length !== 0;
        this.#news.show(byId('news'), room.room_id);
        byId('news-nothing').hidden = byId('news').children.length > 0;
        this.hood.commands(this.#me, room.room_id);
    }

    #showAlone(room, members, isRead) {
        const others = members.filter((member) => member.user_id !== this.#me);
        byId('alone').hidden = !isRead || (others.length > 0 && !room.isCounted);
        const next = nextPerson(this.#me, room.room_id, () => false).name;
        const isIn = members.length > 0;
        let text = isIn ? `Nobody else is here. Open ${next} in a second window and watch.` : 'Nobody is to be seen here.';
        if (room.isCounted) text = `${peopleCount(room.online_count)}: too many to show one by one.`;
        say(byId('alone'), text);
    }

    #showBlank({ rooms, roomId }) {
        const { name } = person(this.#me);
        const first = rooms.all()[0];
        const link = byId('blank-link');
        if (first) {
            say(byId('blank-title'), 'This room is not open to you');
            const rest = 'pg-presence answers both in the same words, so that nobody can find out which rooms there are.';
            say(byId('blank-text'), `Or there is no room “${roomId}”: ${rest}`);
            say(link, `Go to ${first.name || first.room_id}`);
            link.href = roomHref(first.room_id);
            return;
        }
        say(byId('blank-title'), `Nothing to see for ${name}`);
        const rest = 'no rooms, no names and no counts, and would not even say whether there are any.';
        say(byId('blank-text'), `${name} takes part in no room. So pg-presence shows ${rest}`);
        say(link, 'Be Alice instead');
        link.href = '/?as=alice';
    }

    #showSecond(room, roomId) {
        const next = nextPerson(this.#me, roomId, (id) => room?.members.has(id) ?? false);
        const link = byId('second');
        const href = `/?as=${encodeURIComponent(next.id)}${room ? roomHref(roomId) : ''}`;
        if (link.getAttribute('href') !== href) link.setAttribute('href', href);
        say(byId('second-text'), `Open ${next.name}`);
        link.title = `Opens a second tab as ${next.name}; put the two side by side`;
    }
}

/** The one thing that most needs saying. */
function noticeOf(phase, session) {
    if (phase !== 'ended' && session === 'ended') return { ...NOTICES.ended, action: 'again' };
    return NOTICES[phase] ?? NOTICES[session] ?? null;
}

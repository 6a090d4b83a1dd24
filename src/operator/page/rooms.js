// Rooms and who is in them: for operators alone. Kick and clear, where changes are allowed and confirmed; and why.

import { by, count, counted, list, make, mark, show, span, write } from './dom.js';
import { call, roomPath } from './link.js';

/** `now`: the database's clock at the last look, in ms. */
const state = { open: null, members: new Map(), now: Date.now(), changed: () => {} };

const named = (item, id) => item.name ?? id;

/** `onChange()`: something was changed, so look again. */
export function startRooms(onChange) {
    state.changed = onChange;
    by('why-form').addEventListener('submit', (event) => {
        event.preventDefault();
        ask(by('why-user').value.trim(), by('why-room').value.trim());
    });
}

export function allowChanges(is) {
    document.documentElement.toggleAttribute('data-may-change', is);
}

export function drawRooms(picture) {
    const { rooms, operator, presence } = picture;
    if (presence) state.now = Date.parse(presence.at);
    show(by('why-form'), Boolean(operator));
    show(by('why-nothing'), !operator);
    show(by('rooms-nothing'), !rooms?.length);
    write(by('rooms-nothing'), rooms ? 'Nobody is in any room.'
        : operator ? 'Rooms cannot be read now.'
        : `Sign in to see them${presence?.rooms ? `: ${counted(presence.rooms, 'room has somebody in it', 'rooms have somebody in them')}` : ''}.`);
    const shown = rooms ?? [];
    const most = Math.max(1, ...shown.map((room) => room.members));
    list(by('rooms'), shown, (room) => room.room_id, createRoom, (element, room) => updateRoom(element, room, most));
    list(by('room-ids'), shown, (room) => room.room_id, (room) => make('option', { value: room.room_id }), () => {});
    if (!operator) {
        state.open = null;
        by('reasons').replaceChildren();
    }
    if (state.open && shown.some((room) => room.room_id === state.open)) return readMembers(state.open);
    state.open = null;
    return null;
}

function createRoom(room) {
    const button = make('button', { of: 'room-head', type: 'button', 'aria-expanded': 'false' },
        make('span', { of: 'room-name' }), make('span', { of: 'room-id' }), make('span', { of: 'meter' }, make('span')), make('span', { of: 'room-count' }));
    const clear = make('button', { of: 'button small danger changing', type: 'button', text: 'Clear the room …' });
    const body = make('div', { of: 'room-body' }, make('p', { of: 'soft room-words' }), make('ul', { of: 'members' }), clear);
    body.hidden = true;
    const element = make('li', { of: 'room' }, button, body);
    button.addEventListener('click', () => toggle(room.room_id));
    clear.addEventListener('click', () => clearRoom(element.room));
    return element;
}

function updateRoom(element, room, most) {
    element.room = room;
    const [button, body] = element.children;
    const [name, id, meter, number] = button.children;
    const isOpen = state.open === room.room_id;
    write(name, named(room, room.room_id));
    write(id, [room.name ? room.room_id : '', room.kind ?? ''].filter(Boolean).join(' · '));
    meter.firstElementChild.style.inlineSize = `${Math.round((room.members / most) * 100)}%`;
    write(number, counted(room.members, 'member', 'members'));
    mark(button, 'aria-expanded', String(isOpen));
    show(body, isOpen);
    if (!isOpen) return;
    const known = state.members.get(room.room_id);
    const [words, members] = body.children;
    write(words, [room.event_id ? `Event ${room.event_id}` : '', counted(room.sessions, 'session', 'sessions'),
        known && room.members > known.length ? `the latest ${count(known.length)} are shown` : ''].filter(Boolean).join(' · '));
    list(members, known ?? [], (member) => member.user_id, createMember, (item, member) => updateMember(item, member, room));
}

function createMember() {
    const kick = make('button', { of: 'button small danger changing', type: 'button', text: 'Kick …' });
    const why = make('button', { of: 'button small', type: 'button', text: 'Why?' });
    const item = make('li', { of: 'member' },
        make('div', { of: 'member-who' }, make('strong'), make('span', { of: 'soft' })), make('span', { of: 'status' }), make('p', { of: 'member-says' }),
        make('div', { of: 'choices' }, why, kick));
    why.addEventListener('click', () => {
        by('why-user').value = item.member.user_id;
        by('why-room').value = item.room.room_id;
        by('why').scrollIntoView({ block: 'nearest' });
        ask(item.member.user_id, item.room.room_id);
    });
    kick.addEventListener('click', () => kickMember(item.room, item.member));
    return item;
}

function updateMember(item, member, room) {
    Object.assign(item, { member, room });
    const [who, status, says, choices] = item.children;
    const name = named(member, member.user_id);
    write(who.firstElementChild, name);
    const here = span(Math.max(0, state.now - Date.parse(member.joined_at)));
    write(who.lastElementChild, [member.name ? member.user_id : '', `here for ${here}`, member.sessions > 1 ? counted(member.sessions, 'session', 'sessions') : ''].filter(Boolean).join(' · '));
    write(status, member.status.replace('_', ' '));
    mark(status, 'data-status', member.status);
    write(says, [member.activity, member.message].filter(Boolean).join(' · '));
    show(says, Boolean(member.activity || member.message));
    mark(choices.firstElementChild, 'aria-label', `Why is ${name} shown?`);
    mark(choices.lastElementChild, 'aria-label', `Kick ${name} …`);
}

function toggle(room) {
    state.open = state.open === room ? null : room;
    for (const element of by('rooms').children) {
        const isIt = element.room.room_id === state.open;
        mark(element.firstElementChild, 'aria-expanded', String(isIt));
        show(element.lastElementChild, isIt);
    }
    if (state.open) readMembers(state.open);
}

async function readMembers(room) {
    try {
        const { members } = await call('GET', `${roomPath(room)}/members`);
        state.members.set(room, members);
    } catch {
        return; // the next look says what is the matter
    }
    const element = [...by('rooms').children].find((item) => item.room.room_id === room);
    if (!element || state.open !== room) return;
    const known = state.members.get(room);
    list(element.querySelector('.members'), known, (member) => member.user_id, createMember, (item, member) => updateMember(item, member, element.room));
}

async function kickMember(room, member) {
    const [who, where] = [named(member, member.user_id), named(room, room.room_id)];
    const text = `All sessions of ${who} in ${where} end, and everybody there sees ${who} leave. Whoever may still enter may come back: to keep them out, remove them in your application.`;
    if (!await isSure(`Kick ${who} out of ${where}?`, text, 'Kick')) return;
    await change(`${roomPath(room.room_id)}/members/${encodeURIComponent(member.user_id)}`, (ended) => `${who} was removed from ${where}: ${counted(ended, 'session', 'sessions')} ended.`);
}

async function clearRoom(room) {
    const where = named(room, room.room_id);
    const text = `${counted(room.members, 'member leaves', 'members leave')} at once, with ${counted(room.sessions, 'session', 'sessions')}. Whoever may still enter may come back.`;
    if (!await isSure(`Clear ${where}?`, text, 'Clear the room')) return;
    await change(`${roomPath(room.room_id)}/presence`, (ended) => `${where} was cleared: ${counted(ended, 'session', 'sessions')} ended.`);
}

async function change(path, words) {
    try {
        const { ended } = await call('DELETE', path);
        tell(words(ended));
    } catch (error) {
        tell(`It was not done: ${error.message}`, 'bad');
    }
    state.changed();
}

/** A question that stands in the way until it is answered. */
function isSure(title, text, action) {
    const box = by('sure');
    write(by('sure-title'), title);
    write(by('sure-text'), text);
    write(by('sure-yes'), action);
    return new Promise((resolve) => {
        const answer = (is) => () => {
            box.returnValue = is ? 'yes' : '';
            box.close();
        };
        by('sure-yes').onclick = answer(true);
        by('sure-no').onclick = answer(false);
        box.returnValue = '';
        box.addEventListener('close', () => resolve(box.returnValue === 'yes'), { once: true });
        box.showModal();
        by('sure-no').focus();
    });
}

let toldUntil;

export function tell(text, tone = 'good') {
    const told = by('told');
    write(told, text);
    mark(told, 'data-tone', tone);
    clearTimeout(toldUntil);
    toldUntil = setTimeout(() => write(told, ''), 8_000);
}

async function ask(user, room) {
    const reasons = by('reasons');
    try {
        const query = new URLSearchParams({ user, room });
        const answer = await call('GET', `/operator/why?${query}`);
        reasons.replaceChildren(...answer.reasons.map(({ reason, holds, detail }) => {
            const item = make('li', {}, make('strong', { text: reason }), make('span', { of: 'verdict', text: holds ? 'yes' : 'no' }), make('p', { of: 'soft', text: detail ?? '' }));
            mark(item, 'data-holds', holds);
            return item;
        }));
    } catch (error) {
        reasons.replaceChildren(make('li', { of: 'bad-words', text: error.message }));
    }
}

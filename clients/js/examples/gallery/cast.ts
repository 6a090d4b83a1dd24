// People and rooms for the gallery: nothing here comes from a server.

import type { EventSnapshot, Member, Status } from 'pg-presence';

const NAMES = [
    'Alice Adams', 'Bob Brandt', 'Carol Cruz', 'Vera Vance', 'Victor Voss', 'Dave Duarte', 'Eva Eriksen', 'Farid Fazel',
    'Grace Goh', 'Hugo Haas', 'Ines Ibarra', 'Jonas Juul',
];

export const now = Date.now();

export const ago = (minutes: number): string => new Date(now - minutes * 60_000).toISOString();

/** Today at this hour, so that "until 15:00" needs no weekday. */
export function today(hour: number): string {
    const date = new Date(now);
    date.setHours(hour, 0, 0, 0);
    return date.toISOString();
}

export function member(at: number, more: Partial<Member> = {}): Member {
    return {
        user_id: NAMES[at].split(' ')[0].toLowerCase(),
        name: NAMES[at],
        avatar_url: null,
        role: at === 0 ? 'coordinator' : 'collaborator',
        status: 'active',
        status_until: null,
        message: null,
        activity: null,
        data: null,
        joined_at: ago(60 - at),
        ...more,
    };
}

const STATES: Partial<Member>[] = [
    {},
    { status: 'busy', status_until: today(15), message: 'Seating plan, please do not disturb' },
    { status: 'away' },
    { status: 'typing', activity: 'viewing budget' },
    { status: 'in_meeting', status_until: today(16) },
    { status: 'idle' },
];

export const everybody: readonly Member[] = NAMES.map((_, at) => member(at, STATES[at] ?? {}));

export const statuses: readonly (Status | 'offline')[] = ['active', 'idle', 'away', 'busy', 'in_meeting', 'typing', 'offline'];

const person = (at: number, online: boolean, status: Status | null, minutes: number): EventSnapshot['people'][number] => {
    const { user_id, name, avatar_url, role } = member(at);
    return { user_id, name, avatar_url, role, online, status, last_seen_at: ago(minutes) };
};

export const gala: EventSnapshot = {
    event_id: 'gala',
    name: 'Summer Gala',
    coordinator_id: 'alice',
    online_count: 3,
    people: [person(0, true, 'active', 0), person(1, true, 'busy', 0), person(2, false, null, 12), person(3, true, 'away', 0), person(4, false, null, 1500)],
    rooms: [
        { room_id: 'general', name: 'General', kind: 'chat', online_count: 3, members: [] },
        { room_id: 'vera-catering', name: 'Vera Catering', kind: 'vendor', online_count: 1, members: [] },
        { room_id: 'planning', name: 'Planning', kind: 'chat', online_count: 0, members: [] },
    ],
};

// People and rooms for the gallery: nothing here comes from a server.

import type { ActivityCount, EventSnapshot, Member, PresenceNotification, Status } from 'pg-presence';
import type { Occupancy } from 'pg-presence/components';

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

export const notifications: readonly PresenceNotification[] = [3, 1, 2].map((at, nth) => {
    const { user_id, name, avatar_url } = member(at);
    return { id: `${9 - nth}`, kind: 'online', user_id, name, avatar_url, room_id: 'general', event_id: 'gala', at: ago(nth * 47), read_at: nth > 1 ? ago(1) : null };
});

export const activities: readonly ActivityCount[] = [['budget', 3], ['seating plan', 2], ['menu', 1]].map(([activity, online_count]) => (
    { activity, online_count }) as ActivityCount);

/** A day: so many at each hour. */
export function day(counts: readonly number[]): Occupancy {
    const most = Math.max(...counts);
    const at = (hour: number): string => new Date(Date.parse(today(0)) + hour * 3_600_000).toISOString();
    return {
        hours: 24, average: counts.reduce((sum, count) => sum + count, 0) / counts.length,
        peak: { online_count: most, at: most ? at(counts.indexOf(most)) : null },
        occupancy: counts.map((online_count, hour) => ({ at: at(hour), online_count })),
    };
}

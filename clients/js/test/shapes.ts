// The types of src/wire.ts as something that a message can be held against: exactly these fields, each of its kind.

import { expect } from 'vitest';
import type {
    ActivityCount, Bye, Count, EventHistory, EventPerson, EventRoom, EventSnapshot, HistoryPerson, Lease, Left, Member, MyStatus,
    NotificationPage, OccupancyPoint, OfflineMember, PresenceNotification, Problem, Ready, RoomDiff, RoomHistory, RoomSnapshot,
    StreamEvents, UserSnapshot, Visit, VisitPage, Watch,
} from '../src/wire.js';

export type Check = (value: unknown, at: string) => void;

const text: Check = (value, at) => expect(typeof value, at).toBe('string');
const number: Check = (value, at) => expect(Number.isInteger(value), at).toBe(true);
const flag: Check = (value, at) => expect(typeof value, at).toBe('boolean');
const orNull = (check: Check): Check => (value, at) => value === null || check(value, at);
const list = (check: Check): Check => (value, at) => {
    expect(Array.isArray(value), at).toBe(true);
    (value as unknown[]).forEach((item, index) => check(item, `${at}[${index}]`));
};
const word = (...words: string[]): Check => (value, at) => expect(words, at).toContain(value);
const json: Check = (value, at) => expect(typeof value === 'object' && !Array.isArray(value), at).toBe(true);

/** The compiler holds the fields against the type, in both directions; the check holds them against the message. */
const shape = <T>(fields: { [K in keyof Required<T>]: Check }, optional: (keyof T)[] = []): Check => (value, at) => {
    const found = Object.keys(value as object);
    const wanted = Object.keys(fields).filter((key) => found.includes(key) || !optional.includes(key as keyof T));
    expect(found.sort(), at).toEqual(wanted.sort());
    for (const key of found) fields[key as keyof T]((value as Record<string, unknown>)[key], `${at}.${key}`);
};

const status = word('active', 'idle', 'away', 'busy', 'in_meeting', 'typing');
const member = shape<Member>({
    user_id: text, name: orNull(text), avatar_url: orNull(text), role: orNull(text), status, status_until: orNull(text),
    message: orNull(text), activity: orNull(text), data: orNull(json), joined_at: text,
});
const offline = shape<OfflineMember>({ user_id: text, name: orNull(text), avatar_url: orNull(text), role: orNull(text), last_seen_at: text });
const left = shape<Left>({ user_id: text, reason: text, last_seen_at: text });
const person = shape<EventPerson>({
    user_id: text, name: orNull(text), avatar_url: orNull(text), role: orNull(text), online: flag, status: orNull(status), last_seen_at: orNull(text),
});
const room = shape<EventRoom>({ room_id: text, name: orNull(text), kind: orNull(text), online_count: number, members: list(member) });
const nothing = shape<object>({});
const told = shape<PresenceNotification>({
    id: text, kind: text, user_id: text, name: orNull(text), avatar_url: orNull(text), room_id: orNull(text), event_id: orNull(text), at: text,
    read_at: orNull(text),
});
const decimal: Check = (value, at) => expect(typeof value === 'number' && value >= 0, at).toBe(true);
const peak = shape<RoomHistory['peak']>({ online_count: number, at: orNull(text) });
const past = {
    hours: number, active_users: number, peak, average: decimal,
    people: list(shape<HistoryPerson>({ user_id: text, name: orNull(text), avatar_url: orNull(text), last_seen_at: orNull(text), online: flag })),
    occupancy: list(shape<OccupancyPoint>({ at: text, online_count: number })),
};

/** Every event of a stream. */
export const events: { [K in keyof StreamEvents]: Check } = {
    ready: shape<Ready>({ node: text, ping_ms: number, server_time: text }),
    snapshot: shape<RoomSnapshot>({
        room_id: text, epoch: text, revision: number, online_count: number, members: list(member), offline: list(offline), next: orNull(text),
        mode: word('count'),
    }, ['mode']),
    diff: shape<RoomDiff>({
        room_id: text, epoch: text, from: number, revision: number, online_count: number, joined: list(member), updated: list(member), left: list(left),
    }),
    count: shape<Count>({ room_id: text, online_count: number, epoch: text, revision: number }, ['epoch', 'revision']),
    event: shape<EventSnapshot>({
        event_id: text, name: orNull(text), coordinator_id: orNull(text), online_count: number, people: list(person), rooms: list(room),
    }),
    user: shape<UserSnapshot>({
        user_id: text, name: orNull(text), avatar_url: orNull(text), online: flag, status: orNull(status), last_seen_at: orNull(text),
        rooms: list(shape<UserSnapshot['rooms'][number]>({ room_id: text, status })),
    }),
    notification: told,
    revoked: (value, at) => {
        expect(Object.keys(value as object), at).toHaveLength(1);
        expect(['room_id', 'event_id', 'user_id'], at).toContain(Object.keys(value as object)[0]);
    },
    ping: nothing,
    degraded: nothing,
    recovered: nothing,
    bye: shape<Bye>({ reason: text, retry_ms: orNull(number) }),
};

/** A heartbeat's answer. */
export const lease = shape<Lease>({
    session_id: text, status: word('active', 'idle', 'away', 'busy', 'in_meeting', 'typing', 'invisible'), joined_at: orNull(text),
    expires_at: orNull(text), heartbeat_ms: number, leave_token: text,
});

/** Answers beyond rooms, by what was asked. */
export const beyond = {
    status: shape<MyStatus>({
        status: orNull(word('active', 'idle', 'away', 'busy', 'in_meeting', 'invisible')), status_until: orNull(text), message: orNull(text),
    }),
    watches: shape<{ watches: Watch[] }>({
        watches: list(shape<Watch>({
            user_id: text, name: orNull(text), avatar_url: orNull(text), online: flag, room_id: orNull(text), quiet_ms: number, until_at: orNull(text), created_at: text,
        })),
    }),
    notifications: shape<NotificationPage>({ notifications: list(told), unread_count: number, next: orNull(text) }),
    activities: shape<{ room_id: string; activities: ActivityCount[] }>({
        room_id: text, activities: list(shape<ActivityCount>({ activity: text, online_count: number })),
    }),
    visits: shape<VisitPage>({
        room_id: text, next: orNull(text),
        visits: list(shape<Visit>({
            user_id: text, name: orNull(text), avatar_url: orNull(text), began_at: text, ended_at: orNull(text), reason: orNull(text),
        })),
    }),
    roomHistory: shape<RoomHistory>({ room_id: text, ...past }),
    eventHistory: shape<EventHistory>({
        event_id: text, ...past,
        rooms: list(shape<EventHistory['rooms'][number]>({ room_id: text, name: orNull(text), active_users: number, peak, average: decimal })),
    }),
};

/** What every call that fails is answered with. */
export const problem = shape<Problem>({ type: text, title: text, status: number, detail: text, request_id: text }, ['request_id']);

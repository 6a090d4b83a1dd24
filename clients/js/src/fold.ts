// What is known of a topic, and how an event of the stream leads on from there. Pure.
//
// Values are never changed, only replaced; parts that say the same stay the same objects, so that whoever compares by
// identity sees what changed and nothing else.

import type { Count, EventSnapshot, Member, RoomDiff, RoomSnapshot, StreamEvents, UserSnapshot } from './wire.js';
import type { PresenceError } from './types.js';

export interface RoomData {
    readonly members: readonly Member[];
    readonly online_count: number;
    readonly mode?: 'count';
}

/** `data` is absent where nothing is known. */
export interface Value {
    readonly data?: RoomData | number | EventSnapshot | UserSnapshot;
    readonly error?: PresenceError;
    /** Where a room's reading stands: the `id` of its last event; '' where it must be read anew. */
    readonly cursor?: string;
    readonly epoch?: string;
    readonly revision?: number;
    /** Diffs that came before the snapshot that they lead on from. */
    readonly held?: readonly [RoomDiff, string][];
}

/** More than this before a snapshot is no race any longer. */
const HELD_MAX = 100;

/** The topic that an event is about, as the query of a stream has it: `room=general`. */
export function topicOf(name: string, data: Partial<Count & EventSnapshot & UserSnapshot>): string {
    return `${data.epoch ? 'room' : name}=${data.room_id ?? data.event_id ?? data.user_id}`;
}

/** The value after an event; undefined where the event does not lead on from this value. */
export function fold(value: Value | undefined, name: string, data: StreamEvents[keyof StreamEvents], id: string): Value | undefined {
    if (name === 'snapshot') return snapshot(value, data as RoomSnapshot, id);
    if (name === 'diff') return diff(value, data as RoomDiff, id);
    if (name !== 'count') return { data: reuse(value?.data, data as EventSnapshot | UserSnapshot) };
    // Of a room with too many members, or of a topic that is a number.
    const count = data as Count;
    return count.epoch ? room(value, count, id, [], name) : { data: count.online_count };
}

/** A room's reading, up to `cursor`. */
const room = (
    before: Value | undefined, { epoch, revision, online_count }: Count, cursor: string, members: Iterable<Member>, mode?: 'count',
): Value => ({
    cursor, epoch, revision,
    data: reuse(before?.data, { members: [...members].sort((a, b) => (a.user_id < b.user_id ? -1 : 1)), online_count, mode }),
});

function snapshot(value: Value | undefined, data: RoomSnapshot, cursor: string): Value {
    const next = room(value, data, cursor, data.members, data.mode);
    return (value?.held ?? []).reduce((known: Value, [late, id]) => diff(known, late, id) ?? known, next);
}

function diff(value: Value = {}, change: RoomDiff, cursor: string): Value | undefined {
    const { held = [], epoch, revision } = value;
    const before = value.data as RoomData | undefined;
    if (!before) return held.length < HELD_MAX ? { held: [...held, [change, cursor]] } : undefined;
    const isSame = change.epoch === epoch;
    if (isSame && change.revision <= revision!) return value;
    if (!isSame || change.from !== revision || before.mode || !value.cursor) return undefined;
    const members = new Map(before.members.map((member) => [member.user_id, member]));
    for (const { user_id } of change.left) members.delete(user_id);
    for (const member of [...change.joined, ...change.updated]) members.set(member.user_id, member);
    return room(value, change, cursor, members.values());
}

/** `next`, with every part that `before` has too taken from there. Lists of people and rooms are matched by id. */
export function reuse<T>(before: unknown, next: T): T {
    if (before === next || !isObject(before) || !isObject(next)) return next;
    const isList = Array.isArray(next);
    if (isList !== Array.isArray(before)) return next;
    const known = isList ? new Map((before as unknown as object[]).map((item, at) => [idOf(item, at), item])) : null;
    const keys = Object.keys(next);
    const result: Record<string, unknown> = isList ? ([] as never) : {};
    let isSame = keys.length === Object.keys(before).length;
    for (const key of keys) {
        result[key] = reuse(known ? known.get(idOf(next[key], +key)) : before[key], next[key]);
        isSame &&= result[key] === before[key];
    }
    return (isSame ? before : result) as T;
}

const isObject = (thing: unknown): thing is Record<string, unknown> => typeof thing === 'object' && thing !== null;

const idOf = (item: any, at: number): unknown => item?.user_id ?? item?.room_id ?? at;

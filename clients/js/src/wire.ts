// What the service says, field by field, as docs/protocol.md has it. Types alone: nothing of this file is left in a
// build. `test/wire.test.ts` holds them against the server's own golden messages, so that neither drifts.

/** What people see of somebody. `typing` is an overlay: it lasts some seconds, and what was before comes back. */
export type Status = 'active' | 'idle' | 'away' | 'busy' | 'in_meeting' | 'typing';

/** The application's own word for what somebody is in a room. */
export type Role = 'coordinator' | 'collaborator' | 'vendor' | (string & {});

/** Why somebody left. There may be more one day; treat one that you do not know as `left`. */
export type LeaveReason =
    | 'left' | 'expired' | 'disconnected' | 'revoked' | 'removed' | 'logged_out' | (string & {});

/** A JSON object. */
export type JsonObject = { readonly [key: string]: unknown };

/** Somebody who is in a room. Times are RFC 3339, by the database's clock. */
export interface Member {
    readonly user_id: string;
    readonly name: string | null;
    readonly avatar_url: string | null;
    readonly role: Role | null;
    readonly status: Status;
    readonly status_until: string | null;
    readonly message: string | null;
    readonly activity: string | null;
    readonly data: JsonObject | null;
    readonly joined_at: string;
}

/** Somebody who may enter a room and is not there. */
export interface OfflineMember {
    readonly user_id: string;
    readonly name: string | null;
    readonly avatar_url: string | null;
    readonly role: Role | null;
    readonly last_seen_at: string;
}

export interface RoomSnapshot {
    readonly room_id: string;
    readonly epoch: string;
    readonly revision: number;
    readonly online_count: number;
    readonly members: readonly Member[];
    readonly offline: readonly OfflineMember[];
    readonly next: string | null;
    /** Where there are too many members to be told one by one: `members` is empty then. */
    readonly mode?: 'count';
}

export interface Left {
    readonly user_id: string;
    readonly reason: LeaveReason;
    readonly last_seen_at: string;
}

export interface RoomDiff {
    readonly room_id: string;
    readonly epoch: string;
    readonly from: number;
    readonly revision: number;
    readonly online_count: number;
    readonly joined: readonly Member[];
    readonly updated: readonly Member[];
    readonly left: readonly Left[];
}

/** `epoch` and `revision` are there where it stands for a room of many members. */
export interface Count {
    readonly room_id: string;
    readonly online_count: number;
    readonly epoch?: string;
    readonly revision?: number;
}

/** Somebody of an event, as far as the viewer may see its rooms. */
export interface EventPerson {
    readonly user_id: string;
    readonly name: string | null;
    readonly avatar_url: string | null;
    readonly role: Role | null;
    readonly online: boolean;
    readonly status: Status | null;
    readonly last_seen_at: string | null;
}

export interface EventRoom {
    readonly room_id: string;
    readonly name: string | null;
    readonly kind: string | null;
    readonly online_count: number;
    readonly members: readonly Member[];
}

/** An event's dashboard. `online_count` counts people, not memberships. */
export interface EventSnapshot {
    readonly event_id: string;
    readonly name: string | null;
    readonly coordinator_id: string | null;
    readonly online_count: number;
    readonly people: readonly EventPerson[];
    readonly rooms: readonly EventRoom[];
}

/** A person, through the rooms that both may enter. */
export interface UserSnapshot {
    readonly user_id: string;
    readonly name: string | null;
    readonly avatar_url: string | null;
    readonly online: boolean;
    readonly status: Status | null;
    readonly last_seen_at: string | null;
    readonly rooms: readonly { readonly room_id: string; readonly status: Status }[];
}

export interface Ready {
    readonly node: string;
    readonly ping_ms: number;
    readonly server_time: string;
}

export interface Bye {
    readonly reason: 'shutdown' | 'token-expired' | 'logged-out' | (string & {});
    /** Null: do not come back. */
    readonly retry_ms: number | null;
}

export type Revoked = { readonly room_id: string } | { readonly event_id: string } | { readonly user_id: string };

/**
 * What one says about oneself for all rooms: it goes for every session, now and at each join, until it ends. All null
 * where nothing is said.
 */
export interface MyStatus {
    readonly status: Exclude<Status, 'typing'> | 'invisible' | null;
    readonly status_until: string | null;
    readonly message: string | null;
}

/** "Tell me when she comes online". */
export interface Watch {
    readonly user_id: string;
    readonly name: string | null;
    readonly avatar_url: string | null;
    /** When it was read. */
    readonly online: boolean;
    /** Only who comes into this room counts; null: wherever. */
    readonly room_id: string | null;
    /** Nothing more is told of them for so long. */
    readonly quiet_ms: number;
    /** When it ends by itself; null: it does not. */
    readonly until_at: string | null;
    readonly created_at: string;
}

/** Somebody whom one watches came online. Shown while both may enter a common room. */
export interface PresenceNotification {
    /** A decimal number; a later one is greater. */
    readonly id: string;
    /** There may be more one day. */
    readonly kind: 'online' | (string & {});
    readonly user_id: string;
    readonly name: string | null;
    readonly avatar_url: string | null;
    readonly room_id: string | null;
    readonly event_id: string | null;
    readonly at: string;
    readonly read_at: string | null;
}

/** The latest first. */
export interface NotificationPage {
    readonly notifications: readonly PresenceNotification[];
    readonly unread_count: number;
    readonly next: string | null;
}

/** How many members of a room are at one activity. */
export interface ActivityCount {
    readonly activity: string;
    readonly online_count: number;
}

/** Somebody was in a room, from joining to leaving. */
export interface Visit {
    readonly user_id: string;
    readonly name: string | null;
    readonly avatar_url: string | null;
    readonly began_at: string;
    /** Null: still there. */
    readonly ended_at: string | null;
    readonly reason: LeaveReason | null;
}

/** The latest first. */
export interface VisitPage {
    readonly room_id: string;
    readonly visits: readonly Visit[];
    readonly next: string | null;
}

/** Somebody who was there within the time that a history is of. */
export interface HistoryPerson {
    readonly user_id: string;
    readonly name: string | null;
    readonly avatar_url: string | null;
    readonly last_seen_at: string | null;
    readonly online: boolean;
}

/** How many were there at a time. */
export interface OccupancyPoint {
    readonly at: string;
    readonly online_count: number;
}

interface History {
    /** How long it goes back. */
    readonly hours: number;
    readonly active_users: number;
    readonly people: readonly HistoryPerson[];
    /** The most at one time, and when that was first. */
    readonly peak: { readonly online_count: number; readonly at: string | null };
    /** Over the time. */
    readonly average: number;
    /** One point an hour, or 48 of them, the oldest first. */
    readonly occupancy: readonly OccupancyPoint[];
}

export interface RoomHistory extends History {
    readonly room_id: string;
}

/** Of the rooms that the viewer may see. */
export interface EventHistory extends History {
    readonly event_id: string;
    readonly rooms: readonly {
        readonly room_id: string;
        readonly name: string | null;
        readonly active_users: number;
        readonly peak: History['peak'];
        readonly average: number;
    }[];
}

/** Every event of a stream, by its name. */
export interface StreamEvents {
    readonly ready: Ready;
    readonly snapshot: RoomSnapshot;
    readonly diff: RoomDiff;
    readonly count: Count;
    readonly event: EventSnapshot;
    readonly user: UserSnapshot;
    readonly notification: PresenceNotification;
    readonly revoked: Revoked;
    readonly ping: Record<string, never>;
    readonly degraded: Record<string, never>;
    readonly recovered: Record<string, never>;
    readonly bye: Bye;
}

/** What a heartbeat says. An absent field stays as it is; null clears it. */
export interface Heartbeat {
    status?: Status | 'invisible' | null;
    status_ttl_ms?: number;
    message?: string | null;
    activity?: string | null;
    data?: JsonObject | null;
    seq?: number;
}

/** What a heartbeat is answered with. */
export interface Lease {
    readonly session_id: string;
    readonly status: Status | 'invisible';
    readonly joined_at: string | null;
    readonly expires_at: string | null;
    readonly heartbeat_ms: number;
    readonly leave_token: string;
}

/** A problem+json answer. `type` is the stable word. */
export interface Problem {
    readonly type: string;
    readonly title: string;
    readonly status: number;
    readonly detail: string;
    readonly request_id?: string;
}

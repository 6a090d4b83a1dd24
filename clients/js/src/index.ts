// pg-presence, the client: who is here, right now.

export { createPresence } from './presence.js';
export type * from './types.js';
export type {
    Bye, Count, EventPerson, EventRoom, EventSnapshot, Heartbeat, JsonObject, Lease, LeaveReason, Left, Member,
    OfflineMember, Problem, Ready, Revoked, Role, RoomDiff, RoomSnapshot, Status, StreamEvents, UserSnapshot,
} from './wire.js';

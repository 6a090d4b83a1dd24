// pg-presence, the client: who is here, right now.

export { createPresence } from './presence.js';
export type * from './types.js';
export type {
    ActivityCount, Bye, Count, EventHistory, EventPerson, EventRoom, EventSnapshot, Heartbeat, HistoryPerson, JsonObject, Lease,
    LeaveReason, Left, Member, MyStatus, NotificationPage, OccupancyPoint, OfflineMember, PresenceNotification, Problem, Ready, Revoked,
    Role, RoomDiff, RoomHistory, RoomSnapshot, Status, StreamEvents, UserSnapshot, Visit, VisitPage, Watch,
} from './wire.js';

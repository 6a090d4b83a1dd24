'use client';
// Hooks for React 18 and 19.

export {
    useActivity, useEventHistory, useMyStatus, useNotifications, useRoomHistory, useSignOut, useWatch, useWatches,
    type ActivityResult, type MyStatusResult, type NotificationsOptions, type NotificationsResult, type Outcome, type WatchResult,
    type WatchesResult,
} from './beyond.js';
export {
    useConnection, useEventPresence, useLastSeen, useRoomCounts, useRoomPresence, useUserPresence,
    type Reading, type RoomPresenceOptions, type RoomPresenceResult,
} from './hooks.js';
export { PresenceProvider, usePresence, type PresenceProviderProps } from './provider.js';
export { useTimeAgo } from './time.js';

'use client';
// Components for React 18 and 19. Import `pg-presence/styles.css` once beside them, and `pg-presence/beyond.css` where one
// of StatusPicker, NotifyBell, NotificationList, NotificationBell, ActivityList and Sparkline is used.

export { ActivityList, type ActivityListProps } from './activity-list.js';
export { AvailabilityBadge, type Availability, type AvailabilityBadgeProps } from './availability-badge.js';
export { ConnectionBanner, type ConnectionBannerProps } from './connection-banner.js';
export { EventPresence, type EventPresenceProps } from './event-presence.js';
export { PresenceDot, type PresenceDotProps, type Somebody } from './face.js';
export { PresenceLabels, english, type Labels } from './labels.js';
export { LastSeen, type LastSeenProps } from './last-seen.js';
export { NotificationBell, NotificationList, type NotificationBellProps, type NotificationListProps } from './notifications.js';
export { NotifyBell, type NotifyBellProps } from './notify-bell.js';
export { RoomBadge, type RoomBadgeProps } from './room-badge.js';
export { RoomPresence, type RoomPresenceProps } from './room-presence.js';
export { Sparkline, type Occupancy, type SparklineProps } from './sparkline.js';
export { StatusPicker, type StatusPickerProps } from './status-picker.js';
export { TypingIndicator, type TypingIndicatorProps } from './typing-indicator.js';
export { englishBeyond, type BeyondLabels } from './words.js';

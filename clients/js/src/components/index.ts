'use client';
// Components for React 18 and 19. Import `pg-presence/styles.css` once beside them.

export { AvailabilityBadge, type Availability, type AvailabilityBadgeProps } from './availability-badge.js';
export { ConnectionBanner, type ConnectionBannerProps } from './connection-banner.js';
export { EventPresence, type EventPresenceProps } from './event-presence.js';
export { PresenceDot, type PresenceDotProps, type Somebody } from './face.js';
export { PresenceLabels, english, type Labels } from './labels.js';
export { LastSeen, type LastSeenProps } from './last-seen.js';
export { RoomBadge, type RoomBadgeProps } from './room-badge.js';
export { RoomPresence, type RoomPresenceProps } from './room-presence.js';
export { TypingIndicator, type TypingIndicatorProps } from './typing-indicator.js';

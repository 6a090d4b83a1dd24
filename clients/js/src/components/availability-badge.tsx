// Can this person be reached? In words, with a dot.

import type { ReactNode } from 'react';
import { useTimeAgo, useUserPresence } from '../react/index.js';
import { PresenceDot, join, withEnd } from './face.js';
import { useLabels } from './labels.js';

/** What is known of a person's availability. */
export interface Availability {
    readonly online: boolean;
    readonly status?: string | null;
    /** Until when the status holds. */
    readonly status_until?: string | null;
    readonly last_seen_at?: string | null;
}

export interface AvailabilityBadgeProps {
    userId?: string | null;
    /** Show this person instead of a user of the service. */
    user?: Availability;
    className?: string;
}

/** "Available", "Busy until 15:00", "In a meeting", "Away", "Last seen 5 minutes ago", "Offline". */
export function AvailabilityBadge({ userId, user, className }: AvailabilityBadgeProps): ReactNode {
    const words = useLabels();
    const read = useUserPresence(user ? null : userId);
    const person: Availability | null = user ?? read.user;
    const online = person?.online;
    const status = (online && person.status) || (online ? 'active' : 'offline');
    const ago = useTimeAgo(online ? null : person?.last_seen_at, words.justNow, words.locale);
    if (!person && read.status !== 'error') return null;
    // Whoever is here and not taken is available; an overlay such as typing does not change that.
    const word = !person ? words.unavailable
        : ago ? words.lastSeen(ago)
        : /active|typing/.test(status) ? words.available
        : words.status(status);
    return (
        <span className={join('pgp-availability', className)} data-status={status}>
            <PresenceDot status={status} decorative />
            {withEnd(word, online && person.status_until, words)}
        </span>
    );
}

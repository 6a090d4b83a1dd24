// When somebody was last seen, kept up as time goes by.

import type { ReactNode } from 'react';
import { useLastSeen, useTimeAgo } from '../react/index.js';
import { useLabels } from './labels.js';

export interface LastSeenProps {
    /** Whose. */
    userId?: string | null;
    /** Show this moment, an RFC 3339 time, instead of a user's. */
    at?: string | null;
    className?: string;
}

/** `<time>5 minutes ago</time>`; "Online now" where the user is; nothing where nobody knows. */
export function LastSeen({ userId, at, className }: LastSeenProps): ReactNode {
    const words = useLabels();
    const seen = useLastSeen(at === undefined ? userId : null);
    const moment = at ?? seen.lastSeenAt;
    const text = useTimeAgo(moment, words.justNow, words.locale);
    if (seen.online) return <span className={className}>{words.onlineNow}</span>;
    return moment && (
        <time className={className} dateTime={moment}>{text}</time>
    );
}

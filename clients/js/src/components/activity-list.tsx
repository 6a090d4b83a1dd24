// What people in a room are at: "3 on budget".

import type { ReactNode } from 'react';
import type { ActivityCount } from '../index.js';
import { useActivity } from '../react/index.js';
import { join } from './face.js';
import { useWords } from './words.js';

export interface ActivityListProps {
    /** The room. Looking makes nobody present. */
    roomId?: string | null;
    /** Show these instead of a room's. */
    activities?: readonly ActivityCount[];
    /** Show so many; 5 where absent. */
    max?: number;
    className?: string;
}

/** The most common first. Nothing where nobody says what they are at, and where it cannot be read. */
export function ActivityList({ roomId, activities, max = 5, className }: ActivityListProps): ReactNode {
    const words = useWords();
    const read = useActivity(activities ? null : roomId);
    const shown = (activities ?? read.activities).slice(0, max);
    if (!shown.length) return null;
    return (
        <ul className={join('pgp-activities', className)}>
            {shown.map(({ activity, online_count }) => (
                <li key={activity} className="pgp-tag">
                    <span className="pgp-unseen">{words.atActivity(online_count, activity)}</span>
                    <span aria-hidden="true">{activity} <b key={online_count}>{online_count}</b></span>
                </li>
            ))}
        </ul>
    );
}

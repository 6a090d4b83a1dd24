// How lively a room is, for a sidebar: a number, a dot, nothing else.

import type { ReactNode } from 'react';
import { useRoomCounts } from '../react/index.js';
import { join } from './face.js';
import { useLabels } from './labels.js';

export interface RoomBadgeProps {
    roomId?: string | null;
    /** Show this number instead of a room's. */
    count?: number;
    /** Show a room where nobody is too; otherwise its badge is there and not seen. */
    showZero?: boolean;
    className?: string;
}

/** The number as it is known; before that, and for a room that may not be seen, nothing. */
export function RoomBadge({ roomId, count, showZero, className }: RoomBadgeProps): ReactNode {
    const words = useLabels();
    const { counts } = useRoomCounts(roomId ? [roomId] : []);
    const number = count ?? counts[roomId!];
    if (!(number >= (showZero ? 0 : 1))) return null;
    // A new number is a new element: it arrives with a movement.
    return (
        <span key={number} className={join('pgp-badge', className)} role="img" aria-label={words.here(number)} data-empty={!number}>
            {number}
        </span>
    );
}

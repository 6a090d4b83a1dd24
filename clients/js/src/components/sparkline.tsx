// How many people were there, as a line: the last day of a room or of an event.

import type { ReactNode } from 'react';
import type { OccupancyPoint, RoomHistory } from '../index.js';
import { useEventHistory, useRoomHistory } from '../react/index.js';
import { join } from './face.js';
import { useWords } from './words.js';

/** What a sparkline needs of a history. */
export type Occupancy = Pick<RoomHistory, 'hours' | 'peak' | 'average' | 'occupancy'>;

export interface SparklineProps {
    roomId?: string | null;
    eventId?: string | null;
    /** How far it goes back: 24. */
    hours?: number;
    /** Show this instead of a room's or an event's. */
    history?: Occupancy;
    className?: string;
}

const WIDTH = 120;
const HEIGHT = 28;
/** Room for the line's own breadth, and for the dot. */
const EDGE = 3;

/** A line and its area, with a dot at the peak; in words it says the peak and the average. Nothing while there is none. */
export function Sparkline({ roomId, eventId, hours = 24, history, className }: SparklineProps): ReactNode {
    const words = useWords();
    const room = useRoomHistory(history ? null : roomId, hours);
    const event = useEventHistory(history || roomId ? null : eventId, hours);
    const shown = history ?? room.history ?? event.history;
    if (!shown?.occupancy.length) return null;
    const { peak, average, occupancy } = shown;
    const peakAt = peak.at ? new Date(peak.at).toLocaleTimeString(words.locale, { hour: '2-digit', minute: '2-digit' }) : '';
    const label = words.occupancy(shown.hours, peak.online_count, peakAt, average.toLocaleString(words.locale, { maximumFractionDigits: 1 }));
    const most = Math.max(1, ...occupancy.map(({ online_count }) => online_count));
    const x = (at: number): number => EDGE + (at / Math.max(1, occupancy.length - 1)) * (WIDTH - 2 * EDGE);
    const y = ({ online_count }: OccupancyPoint): number => HEIGHT - EDGE - (online_count / most) * (HEIGHT - 2 * EDGE);
    const line = occupancy.map((point, at) => `${at ? 'L' : 'M'}${x(at).toFixed(1)} ${y(point).toFixed(1)}`).join('');
    const top = occupancy.findIndex(({ online_count }) => online_count === most);
    return (
        <svg className={join('pgp-spark', className)} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
            <title>{label}</title>
            <path className="pgp-area" d={`${line}L${x(occupancy.length - 1).toFixed(1)} ${HEIGHT}L${x(0).toFixed(1)} ${HEIGHT}Z`} />
            <path className="pgp-curve" d={line} fill="none" />
            {top >= 0 && <circle cx={x(top).toFixed(1)} cy={y(occupancy[top]).toFixed(1)} r="2.2" />}
        </svg>
    );
}

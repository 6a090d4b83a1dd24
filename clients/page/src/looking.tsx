// What people in the room are at, and what oneself is: "3 people on budget". A press says it, another one takes it back.

import type { ReactNode } from 'react';
import { useActivity, type RoomPresenceResult } from 'pg-presence/react';
import { capital } from './words';

/** What there is to look at in this application. */
const SHEETS = ['budget', 'guest list', 'seating plan', 'menu'];

export function Looking({ roomId, room }: { roomId: string; room: RoomPresenceResult }): ReactNode {
    const { activities } = useActivity(roomId);
    const counts = new Map(activities.map(({ activity, online_count }) => [activity, online_count]));
    const own = room.self?.activity ?? null;
    return (
        <div className="looking" id="looking" role="group" aria-label="What people are looking at">
            <span className="soft" aria-hidden="true">Looking at</span>
            {[...new Set([...SHEETS, ...counts.keys()])].map((sheet) => {
                const count = counts.get(sheet) ?? 0;
                const people = count === 1 ? '1 person' : `${count} people`;
                return (
                    <button
                        key={sheet}
                        type="button"
                        className="look"
                        data-activity={sheet}
                        aria-pressed={own === sheet}
                        aria-label={`${capital(sheet)}: ${people}`}
                        title={count ? `${people} on ${sheet}` : `Nobody is on ${sheet}`}
                        disabled={!room.self}
                        onClick={() => void room.setStatus({ activity: own === sheet ? null : sheet })}
                    >
                        {capital(sheet)}{count > 0 && <b key={count}>{count}</b>}
                    </button>
                );
            })}
        </div>
    );
}

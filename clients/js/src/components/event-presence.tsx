// The dashboard of an event: who of the team is online, unique people, and how lively each room is.

import type { ReactNode } from 'react';
import type { EventPerson, EventSnapshot } from '../index.js';
import { useEventPresence } from '../react/index.js';
import { Person, avatar, join, nameOf } from './face.js';
import { useLabels } from './labels.js';
import { LastSeen } from './last-seen.js';
import { RoomBadge } from './room-badge.js';

export interface EventPresenceProps {
    eventId?: string | null;
    /** Show this event instead of one of the service. */
    event?: EventSnapshot;
    /** How deep the heading stands in the page: 2 makes an `h2`. 3 where absent. */
    level?: 1 | 2 | 3 | 4 | 5 | 6;
    renderAvatar?: (person: EventPerson) => ReactNode;
    /** A room's name, for instance as a link to it. */
    renderRoom?: (room: EventSnapshot['rooms'][number]) => ReactNode;
    className?: string;
}

export function EventPresence({ eventId, event: own, level = 3, renderAvatar, renderRoom, className }: EventPresenceProps): ReactNode {
    const words = useLabels();
    const read = useEventPresence(own ? null : eventId);
    const event = own ?? read.event;
    if (!event) return read.status === 'error' && <p className="pgp-soft">{words.unavailable}</p>;
    const Heading = `h${level}` as 'h3';
    return (
        <section className={join('pgp-event', className)} aria-label={event.name ?? event.event_id}>
            <div className="pgp-head">
                <Heading>{event.name}</Heading>
                <span className="pgp-soft">{words.online(event.online_count)}</span>
            </div>
            <ul>
                {[...event.people].sort((a, b) => +b.online - +a.online).map((person) => {
                    const status = person.online ? person.status ?? 'active' : 'offline';
                    return (
                        <Person
                            key={person.user_id}
                            picture={avatar(person, status, renderAvatar)}
                            name={nameOf(person)}
                            facts={[words.status(status), person.role]}
                            end={!person.online && <LastSeen className="pgp-soft" at={person.last_seen_at} />}
                        />
                    );
                })}
            </ul>
            <ul>
                {event.rooms.map((room) => (
                    <li className="pgp-person" key={room.room_id}>
                        <span className="pgp-name">{renderRoom ? renderRoom(room) : room.name ?? room.room_id}</span>
                        <RoomBadge count={room.online_count} showZero />
                    </li>
                ))}
            </ul>
        </section>
    );
}

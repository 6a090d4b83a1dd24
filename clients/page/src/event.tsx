// The dashboard of an event: unique people, whether its main coordinator is reachable, each room, the team.

import type { ReactNode } from 'react';
import type { EventPerson, EventRoom, EventSnapshot } from 'pg-presence';
import { AvailabilityBadge, LastSeen, NotifyBell, RoomPresence, Sparkline } from 'pg-presence/components';
import { useEventHistory, useEventPresence } from 'pg-presence/react';
import { Face, drawFace } from './face';
import { roomHref } from './route';
import type { RoomInfo } from './service';
import { capital, nameOf, statusLabel } from './words';

/** Of a big event the latest. */
const PEOPLE_MAX = 30;

export function EventView({ id, me, rooms }: { id: string; me: string; rooms: readonly RoomInfo[] }): ReactNode {
    const { event, status } = useEventPresence(id);
    if (status === 'error') {
        return (
            <section className="blank" id="blank">
                <span className="blank-art" aria-hidden="true" />
                <h1 id="blank-title">This event is not open to you</h1>
                <p id="blank-text">Or there is no event “{id}”: pg-presence answers both in the same words.</p>
                <a className="button primary" id="blank-link" href={roomHref(rooms[0].room_id)}>Go to {rooms[0].name}</a>
            </section>
        );
    }
    if (!event) return <div className="bones" aria-hidden="true"><i /><i /><i /><i /></div>;
    return <Dashboard event={event} me={me} />;
}

function Dashboard({ event, me }: { event: EventSnapshot; me: string }): ReactNode {
    const { history } = useEventHistory(event.event_id);
    const inUse = event.rooms.filter((room) => room.online_count > 0).length;
    const coordinator = event.people.find((person) => person.user_id === event.coordinator_id);
    const busy = event.people.filter(({ online, status }) => online && (status === 'busy' || status === 'in_meeting')).length;
    return (
        <section className="dashboard" id="event-view" aria-label={event.name ?? event.event_id} tabIndex={0}>
            <header className="room-head">
                <div className="room-words">
                    <h1 id="event-title">{event.name ?? event.event_id}</h1>
                    <p>Who of the team is online, in the rooms that you may see. Looking makes nobody present.</p>
                </div>
            </header>
            <div className="tiles">
                <Tile label="People online" about="each counted once, in however many rooms"><b id="event-online">{event.online_count}</b></Tile>
                <Tile label="Rooms in use" about={`of ${event.rooms.length} that you may see`}><b>{inUse}</b></Tile>
                <Tile label="Not to be disturbed" about="busy, or in a meeting"><b>{busy}</b></Tile>
                {history && (
                    <Tile label="Active in 24 hours" about={`at most ${history.peak.online_count} at a time, ${average(history.average)} on average`}>
                        <b id="event-active">{history.active_users}</b>
                        <Sparkline history={history} />
                    </Tile>
                )}
                {event.coordinator_id && (
                    <Tile label="Main coordinator">
                        <span className="tile-person">
                            <Face of={coordinator ?? { user_id: event.coordinator_id }} />
                            <span>
                                <span className="absent-name">{coordinator ? nameOf(coordinator) : capital(event.coordinator_id)}{event.coordinator_id === me && ' (you)'}</span>
                                <AvailabilityBadge userId={event.coordinator_id} className="reach-badge" />
                            </span>
                        </span>
                    </Tile>
                )}
            </div>
            <h2>Rooms</h2>
            <div className="table-frame">
                <table className="table" id="event-rooms">
                    <thead><tr><th scope="col">Room</th><th scope="col">Here now</th>{history && <th scope="col" className="past">Last 24 hours</th>}<th scope="col" className="number">People</th></tr></thead>
                    <tbody>{event.rooms.map((room) => <RoomRow key={room.room_id} room={room} me={me} hasPast={history !== null} />)}</tbody>
                </table>
            </div>
            <h2>Team</h2>
            <Team people={event.people} me={me} />
        </section>
    );
}

function Tile({ label, about, children }: { label: string; about?: ReactNode; children: ReactNode }): ReactNode {
    return (
        <div className="tile">
            <p className="tile-label">{label}</p>
            <div className="tile-value">{children}</div>
            {about && <p className="soft">{about}</p>}
        </div>
    );
}

const average = (of: number): string => of.toLocaleString('en-GB', { maximumFractionDigits: 1 });

function RoomRow({ room, me, hasPast }: { room: EventRoom; me: string; hasPast: boolean }): ReactNode {
    return (
        <tr data-room={room.room_id}>
            <th scope="row">
                <a href={roomHref(room.room_id)}>{room.name ?? room.room_id}</a>
                {room.kind === 'vendor' && <span className="tag">vendor</span>}
            </th>
            <td>{room.members.length > 0 ? <RoomPresence members={room.members} selfId={me} max={5} renderAvatar={drawFace} /> : <span className="soft">Nobody</span>}</td>
            {hasPast && <td className="past"><Sparkline roomId={room.room_id} /></td>}
            <td className="number count">{room.online_count}</td>
        </tr>
    );
}

const rank = ({ online, last_seen_at }: EventPerson): string => (online ? '2' : '1') + (last_seen_at ?? '');

function Team({ people, me }: { people: readonly EventPerson[]; me: string }): ReactNode {
    const sorted = [...people].sort((a, b) => (rank(a) < rank(b) ? 1 : -1));
    const shown = sorted.slice(0, PEOPLE_MAX);
    return (
        <>
            <ul className="team" id="event-people">
                {shown.map((person) => {
                    const status = person.online ? (person.status ?? 'active') : 'offline';
                    return (
                        <li key={person.user_id} data-user={person.user_id} data-status={status}>
                            <Face of={person} status={status} />
                            <span className="absent-text">
                                <span className="absent-name">{nameOf(person)}{person.user_id === me && ' (you)'}</span>
                                <span className="soft">{capital(person.role)}</span>
                            </span>
                            <span className="team-end">
                                {person.online ? statusLabel(status) : person.last_seen_at ? <LastSeen at={person.last_seen_at} className="soft" /> : <span className="soft">Never seen</span>}
                            </span>
                            {!person.online && person.user_id !== me && <NotifyBell userId={person.user_id} name={nameOf(person)} className="bell" />}
                        </li>
                    );
                })}
            </ul>
            {sorted.length > shown.length && <p className="nothing">and {sorted.length - shown.length} more</p>}
        </>
    );
}

// Beside the conversation: who is here, whom one may reach, who was here, what happened just now, the crowd.

import { useEffect, useRef, useState, type ReactNode } from 'react';
import type { EventSnapshot, Member } from 'pg-presence';
import { AvailabilityBadge, LastSeen, NotifyBell } from 'pg-presence/components';
import { useTimeAgo, useWatches, type RoomPresenceResult } from 'pg-presence/react';
import { nextPersona, persona, vendorOf } from './cast';
import { Crowd } from './crowd';
import { Face } from './face';
import { Isolation } from './isolation';
import type { RoomViewProps } from './room';
import { useAbsent, useNews, type Item } from './use-news';
import { capital, clock, nameOf, statusLabel } from './words';

/** More than these are in the list behind the faces. */
const CARDS_MAX = 8;
const ABSENT_SHOWN = 5;

export function Panel({ me, info, room, event }: RoomViewProps & { event: EventSnapshot | null }): ReactNode {
    const { news, departures } = useNews(me, room);
    const absent = useAbsent(me, info.room_id, room.status === 'ready', departures);
    const here = new Set(room.presentUsers.map((member) => member.user_id));
    const away = (absent ?? []).filter(({ user_id }) => user_id !== me && !here.has(user_id));
    return (
        <aside className="panel" id="aside" aria-label="Beside the conversation" tabIndex={0}>
            <section>
                <h2>Here now</h2>
                <People me={me} room={room} roomId={info.room_id} />
            </section>
            <Reach me={me} event={event} vendor={info.kind === 'vendor' ? vendorOf(info.room_id) : undefined} />
            {info.kind === 'vendor' && <Isolation me={me} roomId={info.room_id} />}
            <section>
                <h2>Seen earlier</h2>
                <ul id="absent">
                    {away.slice(0, ABSENT_SHOWN).map((person) => (
                        <li className="absent" key={person.user_id} data-user={person.user_id}>
                            <Face of={person} />
                            <span className="absent-text">
                                <span className="absent-name">{nameOf(person)}</span>
                                <span className="soft">{capital(person.role)}</span>
                            </span>
                            <LastSeen at={person.last_seen_at} className="soft" />
                            <NotifyBell userId={person.user_id} name={nameOf(person)} className="bell" />
                        </li>
                    ))}
                </ul>
                {away.length > ABSENT_SHOWN && <p className="nothing">and {away.length - ABSENT_SHOWN} more</p>}
                {absent && away.length === 0 && <p className="nothing">Nobody else has been here yet.</p>}
            </section>
            <Watched />
            <section>
                <h2>Just now</h2>
                <ul id="news">
                    {news.map((item) => (
                        <li className="news" key={item.key} data-kind={item.kind}>
                            <span>{item.text}</span><time dateTime={new Date(item.at).toISOString()}>{clock(item.at, true)}</time>
                        </li>
                    ))}
                </ul>
                {news.length === 0 && <p className="nothing">Who comes and goes shows up here.</p>}
            </section>
            <Crowd me={me} roomId={info.room_id} />
            <Announcer latest={news[0]} />
        </aside>
    );
}

function People({ me, room, roomId }: { me: string; room: RoomPresenceResult; roomId: string }): ReactNode {
    if (room.status !== 'ready') return <div className="bones" aria-hidden="true"><i /><i /></div>;
    // Oneself, then who came first, as in the faces above.
    const rank = (member: Member): string => (member.user_id === me ? '' : member.joined_at + member.user_id);
    const order = [...room.presentUsers].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
    const rest = room.onlineCount - Math.min(order.length, CARDS_MAX);
    const next = nextPersona(me, roomId, () => false).name;
    return (
        <>
            <ul className="people" id="people">
                {order.slice(0, CARDS_MAX).map((member) => <Card key={member.user_id} member={member} isMe={member.user_id === me} />)}
            </ul>
            {room.mode === 'count' && <p className="alone" id="alone">{room.onlineCount} people: too many to be told one by one. Their number is.</p>}
            {room.mode === 'full' && rest > 0 && <p className="nothing">and {rest} more, behind the faces above</p>}
            {room.mode === 'full' && room.others.length === 0 && (
                <p className="alone" id="alone">
                    {room.self ? `Nobody else is here. Open ${next} in a second window and watch.` : 'Nobody is to be seen here.'}
                </p>
            )}
        </>
    );
}

function Card({ member, isMe }: { member: Member; isMe: boolean }): ReactNode {
    const since = useTimeAgo(member.joined_at, 'just now', 'en-GB');
    const at = member.activity ? ` · on ${member.activity}` : '';
    const until = member.status_until ? ` until ${clock(member.status_until)}` : '';
    return (
        <li className="card" data-user={member.user_id} data-status={member.status}>
            <Face of={member} size="l" status={member.status} />
            <div className="card-text">
                <p className="card-line"><span className="card-name">{nameOf(member)}</span>{isMe && <span className="tag">you</span>}</p>
                <p className="card-line"><span className="card-status">{statusLabel(member.status)}{until}{at}</span></p>
                <p className="card-facts">{[capital(member.role), `came ${since}`].filter(Boolean).join(' · ')}</p>
                {member.message && <p className="card-message">{member.message}</p>}
            </div>
        </li>
    );
}

/** The main coordinator of the event, and the vendor of a vendor room: are they reachable? */
function Reach({ me, event, vendor }: { me: string; event: EventSnapshot | null; vendor: string | undefined }): ReactNode {
    const people = [[event?.coordinator_id, 'Main coordinator'], [vendor, 'Vendor of this room']] as const;
    const others = people.filter(([id]) => id && id !== me) as [string, string][];
    if (others.length === 0) return null;
    return (
        <section>
            <h2>Availability</h2>
            <ul className="reach">
                {others.map(([id, part]) => {
                    const name = event?.people.find((person) => person.user_id === id)?.name ?? persona(id).name;
                    return (
                        <li key={id} data-reach={id}>
                            <Face of={{ user_id: id, name }} />
                            <span className="absent-text"><span className="absent-name">{name}</span><span className="soft">{part}</span></span>
                            <AvailabilityBadge userId={id} className="reach-badge" />
                            <NotifyBell userId={id} name={name} className="bell" />
                        </li>
                    );
                })}
            </ul>
        </section>
    );
}

/** Of whom one is told, wherever they come online. */
function Watched(): ReactNode {
    const { watches } = useWatches();
    if (watches.length === 0) return null;
    return (
        <section>
            <h2>You are told when they come online</h2>
            <ul id="watched">
                {watches.map((watch) => (
                    <li className="absent" key={watch.user_id} data-user={watch.user_id}>
                        <Face of={watch} status={watch.online ? 'active' : 'offline'} />
                        <span className="absent-text"><span className="absent-name">{nameOf(watch)}</span></span>
                        <NotifyBell userId={watch.user_id} name={nameOf(watch)} className="bell" />
                    </li>
                ))}
            </ul>
        </section>
    );
}

/** Says arrivals and departures to screen readers, a few at a time. */
function Announcer({ latest }: { latest: Item | undefined }): ReactNode {
    const waiting = useRef<string[]>([]);
    const [said, say] = useState('');
    useEffect(() => {
        if (latest && !latest.text.startsWith('You ')) waiting.current.push(latest.text);
    }, [latest]);
    useEffect(() => {
        const timer = setInterval(() => {
            const news = waiting.current.splice(0);
            if (news.length > 0) say(news.length > 4 ? 'Several people came or left.' : `${news.join('. ')}.`);
        }, 4000);
        return () => clearInterval(timer);
    }, []);
    return <p className="unseen" role="status">{said}</p>;
}


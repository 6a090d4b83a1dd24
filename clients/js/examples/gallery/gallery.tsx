// Every component in every state, from fixed data. `?theme=dark`, `?dir=rtl` and `?only=NAME` (one piece, for a picture)
// choose how.

import { useState, type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import type { MyStatus } from 'pg-presence';
import {
    ActivityList, AvailabilityBadge, ConnectionBanner, EventPresence, LastSeen, NotificationBell, NotificationList, NotifyBell, PresenceDot,
    PresenceLabels, RoomBadge, RoomPresence, Sparkline, StatusPicker, TypingIndicator, english,
} from 'pg-presence/components';
import 'pg-presence/beyond.css';
import 'pg-presence/styles.css';
import './page.css';
import { activities, ago, day, everybody, gala, notifications, statuses, today } from './cast';

const asked = new URLSearchParams(location.search);
document.documentElement.dir = asked.get('dir') ?? 'ltr';
if (asked.has('theme')) document.documentElement.dataset.theme = asked.get('theme')!;

const PICTURE = `data:image/svg+xml,${encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><rect width="40" height="40" fill="#7aa7d8"/><circle cx="20" cy="16" r="7" fill="#fff"/><path d="M6 40c0-10 6-15 14-15s14 5 14 15z" fill="#fff"/></svg>',
)}`;

const pictured = everybody.slice(0, 3).map((member, at) => (at === 0 ? { ...member, avatar_url: PICTURE } : at === 1 ? { ...member, avatar_url: 'data:image/png,broken' } : member));

const english24 = { ...english, locale: 'en-GB' };

function Piece({ name, children }: { name: string; children: ReactNode }): ReactNode {
    if (asked.has('only') && asked.get('only') !== name) return null;
    return (
        <section className="piece" data-piece={name} aria-label={name}>
            {!asked.has('only') && <h2>{name}</h2>}
            <div className="stand">{children}</div>
        </section>
    );
}

const Line = ({ label, children }: { label: string; children: ReactNode }): ReactNode => (
    <div className="line">
        <span className="label">{label}</span>
        <span>{children}</span>
    </div>
);

/** A status that one may choose here. */
function Picker({ from }: { from: Partial<MyStatus> }): ReactNode {
    const [value, setValue] = useState<MyStatus>({ status: null, status_until: null, message: null, ...from });
    return (
        <StatusPicker
            value={value}
            onChange={({ status_ttl_ms: ms, ...change }) => setValue((before) => ({
                ...before, ...change,
                ...(change.status !== undefined && { status_until: ms ? new Date(Date.now() + ms).toISOString() : null }),
            }))}
        />
    );
}

/** Read when one reads it. */
function Inbox(): ReactNode {
    const [list, setList] = useState(notifications);
    const read = (ids?: readonly string[]): void => setList((before) => before.map((one) => (!ids || ids.includes(one.id) ? { ...one, read_at: ago(0) } : one)));
    return <NotificationBell notifications={list} onRead={read} />;
}

function Watching({ on: from, userId, name }: { on: boolean; userId: string; name: string }): ReactNode {
    const [on, setOn] = useState(from);
    return <NotifyBell on={on} onChange={setOn} userId={userId} name={name} />;
}

function Gallery(): ReactNode {
    return (
        <PresenceLabels value={english24}>
            {!asked.has('only') && <h1>Components</h1>}
            <div className="pieces">
                <Piece name="RoomPresence">
                    <Line label="Twelve people"><RoomPresence members={everybody} selfId="alice" /></Line>
                    <Line label="Three, two with pictures"><RoomPresence members={pictured} selfId="carol" /></Line>
                    <Line label="One's own drawing">
                        <RoomPresence members={everybody} max={3} renderAvatar={() => <img className="own" src={PICTURE} alt="" />} />
                    </Line>
                    <Line label="Small"><RoomPresence className="small" members={everybody} max={4} /></Line>
                    <Line label="Nobody"><RoomPresence members={[]} /></Line>
                </Piece>
                <Piece name="EventPresence"><EventPresence event={gala} renderRoom={(room) => <a href={`#${room.room_id}`}>{room.name}</a>} /></Piece>
                <Piece name="AvailabilityBadge">
                    <ul>
                        <li><AvailabilityBadge user={{ online: true, status: 'active' }} /></li>
                        <li><AvailabilityBadge user={{ online: true, status: 'busy', status_until: today(15) }} /></li>
                        <li><AvailabilityBadge user={{ online: true, status: 'in_meeting', status_until: today(16) }} /></li>
                        <li><AvailabilityBadge user={{ online: true, status: 'away' }} /></li>
                        <li><AvailabilityBadge user={{ online: false, last_seen_at: ago(5) }} /></li>
                        <li><AvailabilityBadge user={{ online: false }} /></li>
                    </ul>
                </Piece>
                <Piece name="StatusPicker">
                    <Line label="Nothing of one's own"><Picker from={{}} /></Line>
                    <Line label="Until three"><Picker from={{ status: 'busy', status_until: today(15), message: 'Seating plan' }} /></Line>
                    <Line label="For nobody to see"><Picker from={{ status: 'invisible' }} /></Line>
                </Piece>
                <Piece name="NotificationBell">
                    <Line label="Two unread"><Inbox /></Line>
                    <Line label="Nothing"><NotificationBell notifications={[]} /></Line>
                    <Line label="Tell me when Vera comes online"><Watching on={false} userId="vera" name="Vera" /></Line>
                    <Line label="I am told of Bob"><Watching on userId="bob" name="Bob" /></Line>
                </Piece>
                <Piece name="NotificationList"><NotificationList notifications={notifications} /></Piece>
                <Piece name="ActivityList">
                    <ActivityList activities={activities} />
                </Piece>
                <Piece name="Sparkline">
                    <Line label="General"><Sparkline history={day([0, 0, 0, 0, 0, 0, 0, 1, 2, 5, 6, 4, 3, 5, 8, 7, 4, 2, 1, 1, 0, 0, 0, 0])} /></Line>
                    <Line label="Nobody"><Sparkline history={day(Array(24).fill(0))} /></Line>
                </Piece>
                <Piece name="TypingIndicator">
                    <TypingIndicator typing={everybody.slice(0, 1)} />
                    <TypingIndicator typing={everybody.slice(0, 2)} />
                    <TypingIndicator typing={everybody} />
                </Piece>
                <Piece name="RoomBadge">
                    <Line label="# General"><RoomBadge count={3} /></Line>
                    <Line label="# Expo floor"><RoomBadge count={128} /></Line>
                    <Line label="# Planning"><RoomBadge count={0} showZero /></Line>
                </Piece>
                <Piece name="PresenceDot">
                    <ul className="dots">{statuses.map((status) => <li key={status}><PresenceDot status={status} decorative /> {english.status(status)}</li>)}</ul>
                    <PresenceDot status="busy" />
                </Piece>
                <Piece name="LastSeen">
                    <ul>{[0, 5, 125, 1500, 12_000].map((minutes) => <li key={minutes}><LastSeen at={ago(minutes)} /></li>)}</ul>
                </Piece>
                <Piece name="ConnectionBanner">
                    <ConnectionBanner state="lost" />
                    <ConnectionBanner state="degraded" />
                    <ConnectionBanner state="open" />
                </Piece>
            </div>
        </PresenceLabels>
    );
}

createRoot(document.getElementById('gallery')!).render(<Gallery />);

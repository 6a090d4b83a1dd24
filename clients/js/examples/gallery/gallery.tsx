// Every component in every state, from fixed data. `?theme=dark`, `?dir=rtl` and `?only=NAME` (one piece, for a picture)
// choose how.

import type { ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import {
    AvailabilityBadge, ConnectionBanner, EventPresence, LastSeen, PresenceDot, PresenceLabels, RoomBadge, RoomPresence,
    TypingIndicator, english,
} from 'pg-presence/components';
import 'pg-presence/styles.css';
import './page.css';
import { ago, everybody, gala, statuses, today } from './cast';

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

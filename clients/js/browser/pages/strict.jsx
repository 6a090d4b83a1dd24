// A room in StrictMode, for a story to mount and unmount (`show(false)`, `show(true)`) and to change (`go('planning')`).
// `?user` and `?room` say who and where. Where the story gave a `mint`, tokens come from there.

import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { flushSync } from 'react-dom';
import { ConnectionBanner, RoomPresence, TypingIndicator } from 'pg-presence/components';
import { PresenceProvider, useConnection, useRoomPresence } from 'pg-presence/react';
import 'pg-presence/styles.css';

const asked = new URLSearchParams(location.search);
const user_id = asked.get('user');
const ask = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ user_id }) };
const getToken = async () => window.mint?.(user_id) ?? (await (await fetch('/dev/token', ask)).json()).token;

/** A second component in the same room. */
function Draft({ room }) {
    const { setTyping, setStatus, status, onlineCount } = useRoomPresence(room);
    return (
        <>
            <TypingIndicator roomId={room} />
            <input aria-label="Draft" onInput={() => setTyping(true)} onBlur={() => setTyping(false)} />
            <button type="button" onClick={() => setStatus({ status: 'busy', message: 'Seating plan' })}>Busy</button>
            <output data-room={room} data-status={status}>{onlineCount}</output>
        </>
    );
}

function App() {
    const [isShown, setShown] = useState(true);
    const [room, setRoom] = useState(asked.get('room'));
    const { state } = useConnection();
    window.show = (is) => flushSync(() => setShown(is));
    window.go = (to) => flushSync(() => setRoom(to));
    return (
        <main data-state={state}>
            <h1>A room</h1>
            <ConnectionBanner />
            {isShown && <><RoomPresence roomId={room} /><Draft room={room} /></>}
        </main>
    );
}

createRoot(document.getElementById('root')).render(
    <StrictMode><PresenceProvider url="" getToken={getToken}><App /></PresenceProvider></StrictMode>,
);

// A room in StrictMode, which a story mounts and unmounts: `show(false)`, `show(true)`.

import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { flushSync } from 'react-dom';
import { RoomPresence, TypingIndicator } from 'pg-presence/components';
import { PresenceProvider, useRoomPresence } from 'pg-presence/react';
import 'pg-presence/styles.css';

const user_id = new URLSearchParams(location.search).get('user');
const ask = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ user_id }) };
const getToken = async () => (await (await fetch('/dev/token', ask)).json()).token;

/** A second component in the same room. */
function Draft() {
    const { setTyping, setStatus, status } = useRoomPresence('general');
    return (
        <>
            <TypingIndicator roomId="general" />
            <input aria-label="Draft" onInput={() => setTyping(true)} onBlur={() => setTyping(false)} />
            <button type="button" onClick={() => setStatus({ status: 'busy', message: 'Seating plan' })}>Busy</button>
            <output>{status}</output>
        </>
    );
}

function App() {
    const [isShown, setShown] = useState(true);
    window.show = (is) => flushSync(() => setShown(is));
    return (
        <main>
            <h1>General</h1>
            {isShown && <><RoomPresence roomId="general" /><Draft /></>}
        </main>
    );
}

createRoot(document.getElementById('root')).render(
    <StrictMode><PresenceProvider url="" getToken={getToken}><App /></PresenceProvider></StrictMode>,
);

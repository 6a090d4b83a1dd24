import { RoomPresence } from 'pg-presence/components';
import { PresenceProvider } from 'pg-presence/react';
import 'pg-presence/styles.css';

const user_id = new URLSearchParams(location.search).get('user') ?? 'alice';
const ask = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ user_id }) };
const getToken = async () => (await (await fetch('/dev/token', ask)).json()).token;

export default function App() {
    return (
        <PresenceProvider url="" getToken={getToken}>
            <RoomPresence roomId="general" />
        </PresenceProvider>
    );
}

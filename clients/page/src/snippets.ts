// Lines to paste: into a React application, a terminal, psql. Each is complete, for the room and the person on the page.

export interface Snippet {
    readonly name: string;
    readonly about: string;
    readonly text: string;
}

export function snippets(me: string, other: string, roomId: string): readonly Snippet[] {
    return [
        { name: 'React', about: 'Twelve lines to presence, in an application of your own', text: reactLines(roomId) },
        { name: 'curl', about: 'Watch this room from a terminal', text: curl(me, roomId) },
        { name: 'SQL', about: `Let ${other} in from psql, within your own transaction if you like`, text: beat(other, roomId) },
    ];
}

function reactLines(roomId: string): string {
    return [
        "import { PresenceProvider } from 'pg-presence/react';",
        "import { RoomPresence, TypingIndicator } from 'pg-presence/components';",
        "import 'pg-presence/styles.css';",
        '',
        'export const App = () => (',
        `    <PresenceProvider url="${location.origin}" getToken={getToken}>`,
        `        <RoomPresence roomId=${JSON.stringify(roomId)} />`,
        `        <TypingIndicator roomId=${JSON.stringify(roomId)} />`,
        '    </PresenceProvider>',
        ');',
        '',
        "const getToken = async () => (await fetch('/your/token')).text();",
    ].join('\n');
}

function curl(me: string, roomId: string): string {
    const body = shell(JSON.stringify({ user_id: me }));
    return [
        `TOKEN=$(curl -s ${location.origin}/dev/token \\`,
        `  -H 'content-type: application/json' \\`,
        `  -d ${body} | cut -d'"' -f4)`,
        `curl -N -H "Authorization: Bearer $TOKEN" \\`,
        `  ${shell(`${location.origin}/v1/stream?room=${encodeURIComponent(roomId)}`)}`,
    ].join('\n');
}

function beat(userId: string, roomId: string): string {
    return [
        'select * from presence.heartbeat(',
        `    room_id => ${literal(roomId)}, user_id => ${literal(userId)},`,
        '    session_id => gen_random_uuid(),',
        "    message => 'hello from psql');",
    ].join('\n');
}

export function literal(text: string): string {
    return `'${text.replaceAll("'", "''")}'`;
}

function shell(text: string): string {
    return `'${text.replaceAll("'", `'\\''`)}'`;
}

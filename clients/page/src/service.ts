// What the page asks beside presence: tokens, the rooms that one may enter, who was there, the crowd, the view in SQL.
// Every call is as one person; a bad answer rejects with its problem's type as the message.

export interface RoomInfo {
    readonly room_id: string;
    readonly name: string | null;
    readonly kind: string | null;
    readonly event_id: string | null;
    readonly online_count: number;
}

export interface Absent {
    readonly user_id: string;
    readonly name: string | null;
    readonly avatar_url: string | null;
    readonly role: string | null;
    readonly last_seen_at: string;
}

export interface LiveRow {
    readonly name: string;
    readonly role: string;
    readonly status: string;
    readonly sessions: number;
    readonly here_for: string;
    readonly lease: string | null;
}

const CALL_MS_MAX = 10_000;
const ABSENT_MAX = 20;
/** A token lives for an hour; each is used for a part of it. */
const TOKEN_USED_MS = 2_400_000;

let kept: { token: Promise<string>; until: number } | null = null;

/** A token of `dev`, which makes anybody anyone. `force`: the one before was refused. */
export function tokenOf(me: string, force = false): Promise<string> {
    if (kept && !force && Date.now() < kept.until) return kept.token;
    const token = fetch('/dev/token', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ user_id: me }),
        cache: 'no-store',
        signal: AbortSignal.timeout(CALL_MS_MAX),
    }).then(async (answer) => {
        if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
        return ((await answer.json()) as { token: string }).token;
    });
    kept = { token, until: Date.now() + TOKEN_USED_MS };
    token.catch(() => (kept = null));
    return token;
}

async function call<T>(me: string, path: string, body?: object): Promise<T> {
    const answer = await fetch(path, {
        method: body ? 'POST' : 'GET',
        headers: { authorization: `Bearer ${await tokenOf(me)}`, ...(body && { 'content-type': 'application/json' }) },
        body: body && JSON.stringify(body),
        cache: 'no-store',
        signal: AbortSignal.timeout(CALL_MS_MAX),
    });
    if (!answer.ok) {
        if (answer.status === 401) kept = null;
        throw new Error(`HTTP ${answer.status}`);
    }
    return (await answer.json()) as T;
}

const room = (id: string): string => `rooms/${encodeURIComponent(id)}`;

export const roomsOf = async (me: string): Promise<readonly RoomInfo[]> =>
    (await call<{ rooms: RoomInfo[] }>(me, '/v1/rooms')).rooms;

export const absentOf = async (me: string, roomId: string): Promise<readonly Absent[]> =>
    (await call<{ offline: Absent[] }>(me, `/v1/${room(roomId)}?offline=${ABSENT_MAX}&limit=1`)).offline;

export const crowdOf = async (me: string, roomId: string): Promise<number> =>
    (await call<{ size: number }>(me, `/dev/${room(roomId)}/crowd`)).size;

/** Lets simulated people in or out; without `size` it keeps those who are there. */
export const setCrowd = async (me: string, roomId: string, size?: number): Promise<number> =>
    (await call<{ size: number }>(me, `/dev/${room(roomId)}/crowd`, { size })).size;

export const rowsOf = (me: string, roomId: string): Promise<{ sql: string; rows: readonly LiveRow[] }> =>
    call(me, `/dev/${room(roomId)}/rows`);

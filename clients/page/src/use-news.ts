// Who came and who went since one looks at a room, told by comparing what the hook says with what it said before.

import { useEffect, useRef, useState } from 'react';
import type { Member } from 'pg-presence';
import type { RoomPresenceResult } from 'pg-presence/react';
import { absentOf, type Absent } from './service';
import { nameOf } from './words';

export interface Item {
    readonly key: number;
    readonly text: string;
    readonly kind: 'joined' | 'left';
    readonly at: number;
}

const NEWS_MAX = 6;
/** So often at most it is asked who was here, however many go. */
const ABSENT_MS = 400;

let keys = 0;

/** The latest first; and how often somebody went. */
export function useNews(me: string, room: RoomPresenceResult): { readonly news: readonly Item[]; readonly departures: number } {
    const [news, setNews] = useState<readonly Item[]>([]);
    const [departures, setDepartures] = useState(0);
    const before = useRef<ReadonlyMap<string, Member> | null>(null);
    const isTold = room.status === 'ready' && room.mode === 'full';
    const members = room.presentUsers;
    useEffect(() => {
        const was = before.current;
        const now = new Map(members.map((member) => [member.user_id, member]));
        before.current = isTold ? now : null;
        if (!was || !isTold) return;
        const item = (member: Member, kind: Item['kind']): Item => {
            const who = member.user_id === me ? 'You' : nameOf(member);
            return { key: (keys += 1), text: `${who} ${kind === 'joined' ? 'came in' : 'left'}`, kind, at: Date.now() };
        };
        const came = members.filter(({ user_id }) => !was.has(user_id)).map((member) => item(member, 'joined'));
        const gone = [...was.values()].filter(({ user_id }) => !now.has(user_id));
        const items = [...came, ...gone.map((member) => item(member, 'left'))];
        if (items.length > 0) setNews((older) => [...items.reverse(), ...older].slice(0, NEWS_MAX));
        if (gone.length > 0) setDepartures((count) => count + 1);
    }, [me, members, isTold]);
    return { news, departures };
}

/** Who was here and is not, latest first; null until it is known. */
export function useAbsent(me: string, roomId: string, isReady: boolean, departures: number): readonly Absent[] | null {
    const [absent, setAbsent] = useState<readonly Absent[] | null>(null);
    useEffect(() => {
        if (!isReady) return;
        let isWanted = true;
        const timer = setTimeout(() => {
            // Where it cannot be read, what was known stays.
            absentOf(me, roomId).then((found) => isWanted && setAbsent(found), () => {});
        }, departures === 0 ? 0 : ABSENT_MS);
        return () => {
            isWanted = false;
            clearTimeout(timer);
        };
    }, [me, roomId, isReady, departures]);
    return absent;
}

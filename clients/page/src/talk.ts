// What is said in a room. It stays in this browser: the page's windows tell each other, and no server hears of it.
// pg-presence does presence; a chat would be the application's own business.

import { useCallback, useEffect, useState } from 'react';

export interface Line {
    readonly id: string;
    readonly user_id: string;
    readonly name: string;
    readonly text: string;
    /** Null: of the sample. */
    readonly at: number | null;
}

const LINES_MAX = 100;

const line = (user_id: string, name: string, text: string): Line => ({ id: `sample ${text}`, user_id, name, text, at: null });

/** So that a room looks as rooms do. */
const SAMPLES: { readonly [room: string]: readonly Line[] } = {
    general: [
        line('alice', 'Alice Adams', 'Doors open at six. Who is at the venue on Friday morning?'),
        line('bob', 'Bob Brandt', 'I am, from nine. The florist confirmed, the stage comes at ten.'),
        line('carol', 'Carol Cruz', 'I can take the guest list once the expo floor is set.'),
    ],
    planning: [
        line('bob', 'Bob Brandt', 'Seating plan v3 is in the folder: table 12 moved next to the stage.'),
        line('alice', 'Alice Adams', 'Good. Let us keep two tables free until Thursday.'),
    ],
    'vera-catering': [
        line('vera', 'Vera Vance', 'The tasting is on Wednesday at two. Eleven vegetarian, three vegan, is that final?'),
        line('alice', 'Alice Adams', 'Twelve vegetarian. I will be online tomorrow if anything changes.'),
    ],
    'expo-floor': [
        line('carol', 'Carol Cruz', 'Booth 7 is yours, Victor. Power is on the left.'),
        line('victor', 'Victor Voss', 'Perfect, we load in at eight.'),
    ],
};

export function useTalk(roomId: string, me: { readonly user_id: string; readonly name: string }): [readonly Line[], (text: string) => void] {
    const [lines, setLines] = useState<readonly Line[]>(SAMPLES[roomId] ?? []);
    const [channel, setChannel] = useState<BroadcastChannel | null>(null);
    useEffect(() => {
        const opened = new BroadcastChannel(`pg-presence.page.talk.${roomId}`);
        opened.onmessage = ({ data }) => setLines((before) => [...before, data as Line].slice(-LINES_MAX));
        setChannel(opened);
        return () => opened.close();
    }, [roomId]);
    const { user_id, name } = me;
    const say = useCallback(
        (text: string) => {
            const said: Line = { id: crypto.randomUUID(), user_id, name, text, at: Date.now() };
            setLines((before) => [...before, said].slice(-LINES_MAX));
            channel?.postMessage(said);
        },
        [channel, user_id, name],
    );
    return [lines, say];
}

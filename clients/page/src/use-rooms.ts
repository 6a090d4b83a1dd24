// The rooms that one may enter: read at the start, again whenever the connection is back or a room was closed to one.

import { useCallback, useEffect, useState } from 'react';
import { useConnection } from 'pg-presence/react';
import { roomsOf, type RoomInfo } from './service';

export interface Rooms {
    /** Null until they are known. */
    readonly list: readonly RoomInfo[] | null;
    /** They could not be read. */
    readonly isFailed: boolean;
    readonly reload: () => void;
}

const AGAIN_MS = 3000;

export function useRooms(me: string): Rooms {
    const [list, setList] = useState<readonly RoomInfo[] | null>(null);
    const [isFailed, setFailed] = useState(false);
    const [round, setRound] = useState(0);
    const isOpen = useConnection().state === 'open';
    const reload = useCallback(() => setRound((before) => before + 1), []);
    useEffect(() => {
        let isWanted = true;
        let timer: ReturnType<typeof setTimeout>;
        roomsOf(me).then(
            (found) => {
                if (!isWanted) return;
                setList(found);
                setFailed(false);
            },
            () => {
                if (!isWanted) return;
                setFailed(true);
                timer = setTimeout(reload, AGAIN_MS);
            },
        );
        return () => {
            isWanted = false;
            clearTimeout(timer);
        };
    }, [me, round, isOpen, reload]);
    return { list, isFailed, reload };
}

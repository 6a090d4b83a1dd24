// Simulated people: rows of the application whose heartbeats are real. They stay while a page shows their room.

import { useEffect, useState, type ReactNode } from 'react';
import { crowdOf, setCrowd } from './service';

const SIZE_MAX = 500;
/** Until the slider rests. */
const REST_MS = 200;
/** Well within a lease; at each renewal some of them begin to type. */
const RENEW_MS = 6000;

export function Crowd({ me, roomId }: { me: string; roomId: string }): ReactNode {
    const [size, setSize] = useState<number | null>(null);
    const [asked, ask] = useState<number | null>(null);
    const [isFailed, setFailed] = useState(false);
    useEffect(() => {
        let isWanted = true;
        crowdOf(me, roomId).then((found) => isWanted && setSize(found), () => isWanted && setFailed(true));
        return () => {
            isWanted = false;
        };
    }, [me, roomId]);
    useEffect(() => {
        if (asked === null) return;
        const timer = setTimeout(() => {
            setCrowd(me, roomId, asked).then(() => setFailed(false), () => setFailed(true));
        }, REST_MS);
        return () => clearTimeout(timer);
    }, [me, roomId, asked]);
    const isThere = size !== null && size > 0;
    useEffect(() => {
        if (!isThere) return;
        const renew = (): void => void setCrowd(me, roomId).catch(() => {});
        renew();
        const timer = setInterval(renew, RENEW_MS);
        return () => clearInterval(timer);
    }, [me, roomId, isThere]);
    const change = (to: number): void => {
        setSize(to);
        ask(to);
    };
    return (
        <section className="crowd">
            <h2 id="crowd-title">Simulate a crowd</h2>
            <div className="crowd-line">
                <input
                    id="crowd"
                    type="range"
                    min={0}
                    max={SIZE_MAX}
                    value={size ?? 0}
                    disabled={size === null}
                    aria-labelledby="crowd-title"
                    onChange={({ currentTarget }) => change(Number(currentTarget.value))}
                />
                <output htmlFor="crowd">{size ?? 0}</output>
            </div>
            <p className="nothing">
                {isFailed
                    ? 'This database has no crowd to offer, or does not answer.'
                    : 'Up to 500 people of the database, with heartbeats of their own. They go when nobody looks at this room any more.'}
            </p>
        </section>
    );
}

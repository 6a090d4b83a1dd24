// What stands in the middle where there is no room to show: not yet, not for oneself, not at all.

import type { ReactNode } from 'react';
import { roomHref } from './route';
import type { RoomInfo } from './service';

function Blank({ title, children, link }: { title: string; children: ReactNode; link?: ReactNode }): ReactNode {
    return (
        <section className="blank" id="blank">
            <span className="blank-art" aria-hidden="true" />
            <h1 id="blank-title">{title}</h1>
            <p id="blank-text">{children}</p>
            {link}
        </section>
    );
}

export function Waiting({ isFailed, onRetry }: { isFailed: boolean; onRetry: () => void }): ReactNode {
    if (!isFailed) return <div className="bones" aria-hidden="true"><i /><i /><i /><i /></div>;
    return (
        <Blank title="The service does not answer" link={<button className="button primary" type="button" onClick={onRetry}>Try now</button>}>
            This page tries again by itself every few seconds. Is <code>pg-presence dev</code> still running?
        </Blank>
    );
}

export function Outsider({ name }: { name: string }): ReactNode {
    return (
        <Blank title={`Nothing to see for ${name}`} link={<a className="button primary" id="blank-link" href="/?as=alice">Be Alice instead</a>}>
            {name} takes part in no room. So pg-presence shows no rooms, no names and no counts, and would not even say whether there are any.
        </Blank>
    );
}

export function Closed({ id, first }: { id: string; first: RoomInfo }): ReactNode {
    const link = <a className="button primary" id="blank-link" href={roomHref(first.room_id)}>Go to {first.name ?? first.room_id}</a>;
    return (
        <Blank title="This room is not open to you" link={link}>
            Or there is no room “{id}”: pg-presence answers both in the same words, so that nobody can find out which rooms there are.
        </Blank>
    );
}

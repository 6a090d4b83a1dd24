// A vendor room as others see it: the proof is one click away.

import type { ReactNode } from 'react';
import { roomHref } from './route';

const VIEWS: readonly { id: string; name: string; sees: string }[] = [
    { id: 'alice', name: 'Alice', sees: 'coordinates the event: she is let in' },
    { id: 'vera', name: 'Vera', sees: 'her own room, and no other' },
    { id: 'victor', name: 'Victor', sees: 'is on its list by mistake: no such room' },
    { id: 'bob', name: 'Bob', sees: 'does not take part: no such room' },
];

export function Isolation({ me, roomId }: { me: string; roomId: string }): ReactNode {
    return (
        <section>
            <h2>The same room, seen by</h2>
            <ul className="views">
                {VIEWS.filter(({ id }) => id !== me).map(({ id, name, sees }) => (
                    <li key={id}>
                        <a href={`/?as=${id}${roomHref(roomId)}`} target="_blank" rel="noopener"><b>{name}</b> <span className="soft">{sees}</span> <span aria-hidden="true">↗</span></a>
                    </li>
                ))}
            </ul>
        </section>
    );
}

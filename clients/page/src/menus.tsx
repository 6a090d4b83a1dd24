// Choosing: who one is, what one's status is, and the message beside it.

import { useRef, type FormEvent, type ReactNode } from 'react';
import { PresenceDot } from 'pg-presence/components';
import { CAST } from './cast';
import { Face } from './face';
import type { Own } from './own';
import { CHOICES } from './words';

/** The cast as links. */
function Cast({ me, id }: { me?: string; id: string }): ReactNode {
    return (
        <ul className="cast" id={id}>
            {CAST.map((one) => (
                <li key={one.id}>
                    <a className="cast-link" href={`/?as=${one.id}`} aria-current={one.id === me || undefined}>
                        <Face of={{ user_id: one.id, name: one.name }} />
                        <span className="cast-text">
                            <span className="cast-name">{one.name}<span className="tag">{one.part}</span></span>
                            <span className="cast-about">{one.about}</span>
                        </span>
                    </a>
                </li>
            ))}
        </ul>
    );
}

/** The first screen. */
export function Welcome(): ReactNode {
    return (
        <main className="welcome" id="welcome">
            <p className="welcome-brand"><img src="/icon.svg" alt="" width="44" height="44" />pg-presence</p>
            <h1>Who is here, right now?</h1>
            <p className="welcome-text">
                An event application with rooms, and people who come and go.
                Their presence lives in your own Postgres, and nowhere else.
                Choose who you are; then open a second person in another window and watch them meet.
            </p>
            <Cast id="welcome-choices" />
            <p className="welcome-foot">The conversations are samples; the presence beside them is real. Every dot is a lease in the database that <code>pg-presence dev</code> runs, and every number is read from there.</p>
        </main>
    );
}

export function PersonaMenu({ me }: { me: string }): ReactNode {
    return (
        <div className="menu" id="persona-menu" popover="auto" role="group" aria-label="Who you are">
            <h2>Be somebody else</h2>
            <Cast me={me} id="persona-choices" />
        </div>
    );
}

export function StatusMenu({ own, setOwn }: { own: Own; setOwn: (change: Partial<Own>) => void }): ReactNode {
    const menu = useRef<HTMLDivElement>(null);
    const say = (event: FormEvent<HTMLFormElement>): void => {
        event.preventDefault();
        const said = new FormData(event.currentTarget).get('message');
        setOwn({ message: String(said ?? '').trim() || null });
        menu.current?.hidePopover();
    };
    return (
        <div className="menu" id="status-menu" popover="auto" role="group" aria-label="Your status" ref={menu}>
            <h2>Your status</h2>
            <div id="status-choices">
                {CHOICES.map(({ status, label, about }) => (
                    <button
                        key={status}
                        className="choice"
                        type="button"
                        value={status}
                        aria-pressed={own.status === status}
                        onClick={() => setOwn({ status })}
                    >
                        <PresenceDot status={status} decorative />
                        <span className="choice-text">{label}<span className="choice-about">{about}</span></span>
                    </button>
                ))}
            </div>
            <form className="message" onSubmit={say}>
                <label htmlFor="message">What are you up to?</label>
                <div className="message-line">
                    <input id="message" name="message" maxLength={140} autoComplete="off" placeholder="Back at three" enterKeyHint="done" defaultValue={own.message ?? ''} />
                    <button className="button" type="submit">Set</button>
                </div>
            </form>
        </div>
    );
}

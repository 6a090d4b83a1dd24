// Choosing who one is, and signing out.

import { useState, type ReactNode } from 'react';
import { useSignOut } from 'pg-presence/react';
import { CAST } from './cast';
import { Face } from './face';

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
            <SignOut />
        </div>
    );
}

/** Out of every room, in every tab and on every device. */
function SignOut(): ReactNode {
    const signOut = useSignOut();
    const [said, say] = useState('');
    const leave = async (): Promise<void> => {
        say('Signing out…');
        say((await signOut()) ? 'That did not get through. Try again.' : '');
    };
    return (
        <div className="sign-out">
            <button className="button" id="sign-out" type="button" onClick={() => void leave()}>Sign out everywhere</button>
            <p className="soft" role="status">{said || 'In every tab and on every device'}</p>
        </div>
    );
}

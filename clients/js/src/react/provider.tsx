// The client that the hooks speak through.

import { createContext, useContext, useEffect, useRef, useState, type ReactNode } from 'react';
import { createPresence, type Presence, type PresenceOptions } from '../index.js';

const Client = createContext<Presence | null>(null);

/** A client of your own, or what is needed to make one. */
export type PresenceProviderProps = { children?: ReactNode } & ({ client: Presence } | ({ client?: undefined } & PresenceOptions));

/**
 * Gives the hooks below it their client. One that it made itself it closes when it goes, and makes anew for another
 * `url`. `getToken` may be another function at each render. Another user needs another provider: `key={user.id}`.
 */
export function PresenceProvider(props: PresenceProviderProps): ReactNode {
    return props.client
        ? <Client.Provider value={props.client}>{props.children}</Client.Provider>
        : <OwnClient {...props} key={props.url} />;
}

function OwnClient({ children, ...options }: { children?: ReactNode } & PresenceOptions): ReactNode {
    const latest = useRef(options);
    const make = (): Presence => createPresence({ ...options, getToken: (asked) => latest.current.getToken(asked) });
    const [client, setClient] = useState(make);
    const closing = useRef<ReturnType<typeof setTimeout> | null>(null);
    useEffect(() => {
        latest.current = options;
    });
    useEffect(() => {
        // StrictMode takes effects down and up again at once: only a going that lasts closes the client. Who comes back
        // after that (a hidden part of the page that is shown again) gets another one.
        if (closing.current) clearTimeout(closing.current);
        if (closed.has(client)) setClient(make);
        return () => {
            closing.current = setTimeout(() => {
                closed.add(client);
                client.close();
            });
        };
    }, [client]);
    return <Client.Provider value={client}>{children}</Client.Provider>;
}

const closed = new WeakSet<Presence>();

/** The client of the provider above; null where there is none. */
export function usePresence(): Presence | null {
    return useContext(Client);
}

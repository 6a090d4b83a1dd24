// Every word that the components say, and how an application says it otherwise.
// Times and numbers are Intl's business; what is here is what Intl does not know.

import { createContext, useContext } from 'react';
import type { BeyondLabels } from './words.js';

/** What is beyond rooms has words of its own, which may be left out. */
export interface Labels extends Partial<BeyondLabels> {
    /** A BCP 47 tag for times and numbers; the browser's own where absent. */
    locale?: string;
    you: string;
    close: string;
    /** "Nobody is here": an empty room. */
    nobody: string;
    /** A room or a person that could not be read. */
    unavailable: string;
    /** "3 people here" */
    here(count: number): string;
    /** "4 people online": unique people of an event. */
    online(count: number): string;
    /** The name of the `+N` button. It begins with what is seen, so that a voice can call it. */
    more(hidden: number, total: number): string;
    /** "Ann is typing", "Ann and Ben are typing", "Several people are typing" */
    typing(names: readonly string[]): string;
    /** A status as a word. `offline` is what nobody sends. */
    status(status: string): string;
    /** "Busy until 15:00" */
    until(status: string, time: string): string;
    /** Somebody who can be reached. */
    available: string;
    justNow: string;
    onlineNow: string;
    /** "Last seen 5 minutes ago" */
    lastSeen(ago: string): string;
    /** What the banner says while the connection is lost, while the database is away, and when it has ended for good. */
    lost: string;
    degraded: string;
    closed: string;
    /** The banner's button while the connection is lost. */
    tryNow: string;
}

const STATUSES: Record<string, string> = {
    active: 'Active',
    idle: 'Idle',
    away: 'Away',
    busy: 'Busy',
    in_meeting: 'In a meeting',
    typing: 'Typing',
    offline: 'Offline',
};

const people = (count: number): string => (count === 1 ? '1 person' : `${count} people`);

export const english: Labels = {
    you: 'you',
    close: 'Close',
    nobody: 'Nobody is here',
    unavailable: 'Not available',
    here: (count) => `${people(count)} here`,
    online: (count) => `${people(count)} online`,
    more: (hidden, total) => `+${hidden}, show all ${total}`,
    typing: ([first, second, third]) =>
        third ? 'Several people are typing' : second ? `${first} and ${second} are typing` : `${first} is typing`,
    status: (status) => STATUSES[status] ?? status,
    until: (status, time) => `${status} until ${time}`,
    available: 'Available',
    justNow: 'just now',
    onlineNow: 'Online now',
    lastSeen: (ago) => `Last seen ${ago}`,
    lost: 'Reconnecting…',
    degraded: 'Updates are paused',
    closed: 'Disconnected',
    tryNow: 'Try now',
};

const Words = createContext(english);

/** Says the components below in other words: `<PresenceLabels value={{ ...english, you: 'du' }}>`. */
export const PresenceLabels = Words.Provider;

export const useLabels = (): Labels => useContext(Words);

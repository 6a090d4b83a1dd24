// One leader among the tabs of this browser that speak for one user to one service, and what each of them wants.
// Knows tabs and wants; what is said beside that it passes on unread.
//
// The leader holds a Web Lock, named for url and user, so that two logins never share; the browser hands it to the
// next tab in the moment when its holder lets go, closes or dies. Each tab holds a second lock of its own, by which
// the leader sees it die. Every tab remembers what every other one wants, so that a new leader need not ask first.
// Who is gone took his own wants with him: he says them anew if he comes back.
//
// Without Web Locks or BroadcastChannel (a page that is not secure, an old browser, a server) nothing of this is loaded.

import type { Want } from './engine.js';
import type { Browser } from './types.js';

interface TabsWord {
    want?: Want;
    /** The sender knows nothing yet. */
    isNew?: boolean;
    isGone?: boolean;
    leads?: boolean;
    tabs?: [string, Want][];
}

export interface TabsHost<Message> {
    /** This tab leads from now on. */
    onLead(): void;
    /** Another tab's wants changed; those of `news` it has not been told about. Leaders only. */
    onWant(news: readonly string[]): void;
    onMessage(message: Message): void;
}

export interface Tabs<Message> {
    leads(): boolean;
    /** What the other tabs want. */
    others(): Iterable<Want>;
    want(want: Want, isNew?: boolean): void;
    say(message: Message): void;
    stop(): void;
}

export function createTabs<Message extends object>(browser: Browser, name: string, host: TabsHost<Message>): Tabs<Message> {
    const channel = browser.channel!(name);
    const tabs = new Map<string, Want>();
    const id = crypto.getRandomValues(new Uint32Array(4)).join('-');
    const stopping = new AbortController();
    let own: Want = { topics: [], sessions: [] };
    let isLeading = false;
    let isHeard = false;
    let letGo!: () => void;
    const untilStopped = new Promise<void>((resolve) => (letGo = resolve));

    const say = (message: Message | TabsWord): void => channel.postMessage([id, message]);
    const lock = (of: string, held: () => Promise<void> | void): void => {
        // Rejects where this tab stops first.
        browser.locks!.request(of, { signal: stopping.signal }, held).catch(() => {});
    };
    const forget = (tab: string): void => {
        if (tabs.delete(tab) && isLeading) host.onWant([]);
    };
    const watch = (tab: string): void => lock(`${name}/${tab}`, () => forget(tab));

    const hear = (from: string, message: Message & TabsWord): void => {
        const { want, isNew, isGone, leads } = message;
        if (want) {
            const before = tabs.get(from);
            tabs.set(from, want);
            if (!isLeading) return;
            if (!before) watch(from);
            if (isNew) say({ tabs: [...tabs] });
            host.onWant(want.topics.filter((topic) => isNew || !before?.topics.includes(topic)));
        } else if (isGone) {
            forget(from);
        } else if (leads) {
            self.want(own, true);
        } else if (message.tabs) {
            for (const [tab, wanted] of message.tabs) if (tab !== id && !tabs.has(tab)) tabs.set(tab, wanted);
        } else {
            host.onMessage(message);
        }
    };

    const self: Tabs<Message> = {
        leads: () => isLeading,
        others: () => tabs.values(),
        want(want, isNew) {
            own = want;
            if (isHeard) say({ want, isNew });
        },
        say,
        stop() {
            say({ isGone: true });
            isLeading = false;
            stopping.abort();
            letGo();
            channel.onmessage = null;
            channel.close();
        },
    };

    channel.onmessage = ({ data: [from, message] }: MessageEvent) => hear(from, message);
    // In this order: who is heard of can be watched.
    lock(`${name}/${id}`, () => {
        isHeard = true;
        self.want(own, true);
        lock(name, () => {
            isLeading = true;
            for (const tab of tabs.keys()) watch(tab);
            say({ leads: true });
            host.onLead();
            return untilStopped;
        });
        return untilStopped;
    });
    return self;
}

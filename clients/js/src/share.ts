// One stream for all tabs of this browser: an engine in whichever tab leads. Loaded where tabs can share.
//
// The leader's engine has what all tabs want. What it reads the leader passes on; the others fold the same events in the
// same order. Who wants a topic that the leader has already is given its value.

import type { Note } from './beyond.js';
import type { Engine, EngineHost, StreamEvent, Want } from './engine.js';
import { fold, reuse, type Value } from './fold.js';
import { plain } from './problem.js';
import { createTabs, type Tabs } from './tabs.js';
import type { Browser, Clock, ConnectionState, PresenceError } from './types.js';

/** A little after the leader would have tried again, had its timers not been held up. */
const TICK_MS = 100;

/** What the leader tells the others. */
interface Word {
    topic?: string;
    value?: Value;
    event?: StreamEvent;
    link?: [state: ConnectionState['state'], error: PresenceError | null, waitMs: number];
    /** Leases were refused: each tab looks after its own. */
    check?: boolean;
    /** From another tab to the leader. */
    wake?: boolean;
    tick?: boolean;
    /** What is about no topic. */
    note?: Note;
}

export interface Sharing {
    /** What tabs that may share have in common. */
    name: string;
    browser: Browser;
    clock: Clock;
    /** By topic; outlives the engine. */
    values: Map<string, Value>;
    host: EngineHost;
    /** What the host makes of the states that it was told. */
    shown(): ConnectionState;
    make(host: EngineHost): Engine;
}

export function createShare({ name, browser, clock, values, host, shown, make }: Sharing): Engine {
    let own: Want = { topics: [], sessions: [] };
    let ticking: unknown;
    /** When this tab, which leads, tries again; 0 where it waits for nothing. */
    let retryAt = 0;
    let latest: Word['link'];

    const engine = make({
        onValue(topic, value, before, event) {
            host.onValue(topic, value, before, event);
            tabs.say(event ? { topic, event } : { topic, value });
        },
        onState(now, problem, waitMs = 0) {
            clock.clearTimeout(ticking);
            retryAt = waitMs && clock.now() + waitMs;
            host.onState(now, problem);
            const { state, error } = shown();
            latest = [state, error, waitMs];
            tabs.say({ link: latest });
        },
        onCheck() {
            tabs.say({ check: true });
            host.onCheck();
        },
        onEnd(error) {
            tabs.say({ link: ['closed', plain(error), 0] });
            host.onEnd(error);
        },
        onNote(note) {
            tabs.say({ note });
            host.onNote(note);
        },
    });
    const lead = (): void => {
        const all = [own, ...tabs.others()];
        engine.bring({ topics: [...new Set(all.flatMap(({ topics }) => topics))], sessions: all.flatMap(({ sessions }) => sessions) });
    };
    const hearState = (...link: NonNullable<Word['link']>): void => {
        latest = link;
        clock.clearTimeout(ticking);
        const [state, error, waitMs] = link;
        if (waitMs && !tabs.leads() && !browser.isHidden()) {
            ticking = clock.setTimeout(() => tabs.say({ tick: true }), waitMs + TICK_MS);
        }
        if (error && (error.type === 'logged-out' || error.type === 'user-changed')) host.onEnd(error);
        else host.onState(state, error);
    };

    const tabs: Tabs<Word> = createTabs(browser, name, {
        onLead: lead,
        onWant(news) {
            for (const topic of news) {
                const value = values.get(topic);
                if (value?.error) values.delete(topic);
                else if (value) tabs.say({ topic, value });
            }
            if (news.length && latest) tabs.say({ link: latest });
            lead();
        },
        onMessage({ topic, value, event, link, check, wake, tick, note }) {
            if (topic && own.topics.includes(topic)) {
                const before = values.get(topic);
                const after = event ? fold(before, ...event) : { ...value!, data: reuse(before?.data, value!.data) };
                if (!after) {
                    tabs.want(own, true);
                } else if (after !== before && !after.held) {
                    values.set(topic, after);
                    host.onValue(topic, after, before, event);
                }
            }
            if (link) hearState(...link);
            if (check) host.onCheck();
            if (note) host.onNote(note);
            if (tabs.leads()) {
                // Its timers run when ours are held up.
                if (wake || (tick && retryAt && retryAt <= clock.now())) engine.wake();
            }
        },
    });

    return {
        bring(want) {
            for (const topic of want.topics) {
                // Wanted anew: perhaps it may be seen by now.
                if (!own.topics.includes(topic) && values.get(topic)?.error) values.delete(topic);
            }
            own = want;
            tabs.want(want);
            if (tabs.leads()) lead();
            else for (const topic of values.keys()) if (!want.topics.includes(topic)) values.delete(topic);
        },
        wake() {
            if (tabs.leads()) engine.wake();
            else tabs.say({ wake: true });
        },
        say: (note, check) => tabs.say({ note, check }),
        stop() {
            clock.clearTimeout(ticking);
            engine.stop();
            tabs.stop();
        },
    };
}

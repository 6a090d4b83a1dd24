// What this tab wants from the service, fetched through whichever tab leads. Owns the values of topics and the state of
// the connection; knows nothing of rooms as people see them.
//
// The leader's link reads one stream over what all tabs want, folds each event, and passes it on; the others fold the
// same events in the same order. Who wants a topic that the leader has already is given its value.
//
// A value never goes back: of two streams during a change-over, what the one that is behind says is not shown.

import type { Api } from './api.js';
import type { Note } from './beyond.js';
import { fold, reuse, topicOf, type Value } from './fold.js';
import { createLink, type Connection, type Link } from './link.js';
import { Problem, plain } from './problem.js';
import type { createShare, Share, Want } from './share.js';
import type { Browser, Clock, ConnectionState, PresenceError } from './types.js';

const TOPICS_MAX = 100;
const LEASES_MAX = 100;
const TOO_MANY = 'too-many-topics';
/** A server that sent everybody a gap is not asked by everybody together. */
const RESYNC_MS_MAX = 250;
/** A little after the leader would have tried again, had its timers not been held up. */
const TICK_MS = 100;

/** What the leader tells the others. */
interface Word {
    topic?: string;
    value?: Value;
    event?: [name: string, data: any, id: string];
    link?: [state: ConnectionState['state'], error: PresenceError | null, waitMs: number];
    /** Leases were refused: each tab looks after its own. */
    check?: boolean;
    /** From another tab to the leader. */
    wake?: boolean;
    tick?: boolean;
    /** What is about no topic. */
    note?: Note;
}

export interface EngineHost {
    /** `event`: what led there, where it was an event. */
    onValue(topic: string, value: Value, before: Value | undefined, event?: [string, any]): void;
    onState(state: ConnectionState['state'], error: PresenceError | null): void;
    onCheck(): void;
    onEnd(error: PresenceError): void;
    onNote(note: Note): void;
}

export interface Engine {
    want(want: Want): void;
    wake(): void;
    /** To all other tabs; with `check` each looks after its leases, too. */
    say(note: Note, check: boolean): void;
    stop(): void;
}

/** Where tabs do not share, each leads itself. */
const ALONE: Share<Word> = { leads: () => true, others: () => [], want() {}, say() {}, stop() {} };

/**
 * `name` is what tabs that may share have in common; `values` outlives the engine. Without `sharing` this tab has a
 * stream of its own.
 */
export function createEngine(
    name: string, api: Api, clock: Clock, browser: Browser, values: Map<string, Value>, host: EngineHost, sharing?: typeof createShare,
): Engine {
    let own: Want = { topics: [], sessions: [] };
    let ticking: unknown;
    let latest: Word['link'];

    const wanted = (): Want => {
        const all = [own, ...share.others()];
        return { topics: [...new Set(all.flatMap((want) => want.topics))], sessions: all.flatMap((want) => want.sessions) };
    };
    const publish = (topic: string, value: Value, event?: Word['event']): void => {
        const before = values.get(topic);
        values.set(topic, value);
        host.onValue(topic, value, before, event as [string, any] | undefined);
    };
    const tell = (topic: string, value: Value, event?: Word['event']): void => {
        publish(topic, value, event);
        share.say(event ? { topic, event } : { topic, value });
    };
    const state = (...link: NonNullable<Word['link']>): void => {
        latest = link;
        clock.clearTimeout(ticking);
        const [now, error, waitMs] = link;
        if (waitMs && !share.leads() && !browser.isHidden()) {
            ticking = clock.setTimeout(() => share.say({ tick: true }), waitMs + TICK_MS);
        }
        if (error && (error.type === 'logged-out' || error.type === 'user-changed')) host.onEnd(error);
        else host.onState(now, error);
    };
    const sayState = (...link: NonNullable<Word['link']>): void => {
        share.say({ link });
        state(...link);
    };

    const query = (base: Connection['base']): { query: string; asks: string } => {
        const { topics, sessions } = wanted();
        for (const topic of values.keys()) if (!topics.includes(topic)) values.delete(topic);
        // People and rooms first: where there is too much, counts are what is missed least.
        const askable = topics.filter((topic) => !isRefused(values.get(topic))).sort().reverse();
        for (const topic of askable.splice(TOPICS_MAX)) {
            if (!values.get(topic)?.error) tell(topic, { error: plain(new Problem(TOO_MANY, 0, `over ${TOPICS_MAX} topics`)) });
        }
        const leases = sessions.filter((lease) => askable.includes(`room=${lease.slice(37)}`)).slice(0, LEASES_MAX).sort();
        const part = (topic: string, cursor = ''): string => {
            const at = topic.indexOf('=') + 1;
            return topic.slice(0, at) + encodeURIComponent(topic.slice(at) + cursor);
        };
        const held = leases.map((lease) => part(`session=${lease}`));
        const cursors = askable.map((topic) => {
            const value = values.get(topic);
            base.set(topic, value?.error ? undefined : value);
            return part(topic, value?.cursor && `@${value.cursor}`);
        });
        return { query: [...cursors, ...(askable.length ? held : [])].join('&'), asks: [...askable, ...leases].join() };
    };

    const onEvent = (from: Connection, name: string, data: any, id: string): void => {
        if (name === 'notification') {
            share.say({ note: [name, data] });
            return host.onNote([name, data]);
        }
        if (name === 'revoked') {
            const kinds = data.room_id ? ['room', 'count'] : [data.event_id ? 'event' : 'user'];
            for (const kind of kinds) refuse(topicOf(kind === 'room' ? 'diff' : kind, data), from, missing(kind));
            if (!from.base.size) link.update();
            return;
        }
        const topic = topicOf(name, data);
        if (!from.base.has(topic)) return;
        const before = from.base.get(topic);
        const after = fold(before, name, data, id);
        if (!after) return resync(topic);
        if (after === before) return;
        from.base.set(topic, after);
        const shown = values.get(topic);
        if (after.held) return;
        if (shown !== before && name === 'diff' && shown?.epoch === after.epoch && shown!.revision! > after.revision!) return;
        const event: Word['event'] = [name, data, id];
        if (shown === before) tell(topic, after, event);
        else tell(topic, { ...after, data: reuse(shown?.data, after.data) });
        from.base.set(topic, values.get(topic));
    };
    const resync = (topic: string): void => {
        const value = values.get(topic);
        if (!value?.cursor) return;
        values.set(topic, { ...value, cursor: '' });
        link.redo(clock.random() * RESYNC_MS_MAX);
    };
    const refuse = (topic: string, from: Connection, error: PresenceError): void => {
        if (!from.base.delete(topic)) return;
        tell(topic, { error: plain(error) });
    };
    const onRefused = (from: Connection, problem: Problem): boolean => {
        if (problem.status === 409) {
            share.say({ check: true });
            host.onCheck();
            return false;
        }
        // 404: none of them may be seen. 400: one of them is wrong, and it is none that ever was right.
        const topics = [...from.base.keys()];
        const unproven = topics.filter((topic) => values.get(topic)?.data === undefined);
        const doomed = problem.status === 400 && unproven.length ? unproven : topics;
        for (const topic of doomed) refuse(topic, from, problem);
        return true;
    };

    const link: Link = createLink(api, clock, {
        query,
        onEvent,
        onRefused,
        onState(now, problem, waitMs = 0) {
            const isBack = now === 'connecting' && latest && latest[0] !== 'idle' && latest[0] !== 'connecting';
            sayState(isBack ? 'reconnecting' : now, problem ? plain(problem) : isBack ? latest![1] : null, waitMs);
        },
        onEnd: (problem) => sayState('closed', plain(problem), 0),
    });

    const share: Share<Word> = !sharing ? ALONE : sharing(browser, name, {
        onLead: () => link.update(),
        onWant(news) {
            for (const topic of news) {
                const value = values.get(topic);
                if (isRefused(value)) values.delete(topic);
                else if (value) share.say({ topic, value });
            }
            if (news.length && latest) share.say({ link: latest });
            link.update();
        },
        onMessage({ topic, value, event, link: said, check, wake, tick, note }) {
            if (topic && own.topics.includes(topic)) {
                const before = values.get(topic);
                const after = event ? fold(before, ...event) : { ...value!, data: reuse(before?.data, value!.data) };
                if (!after) share.want(own, true);
                else if (after !== before && !after.held) publish(topic, after, event);
            }
            if (said) state(...said);
            if (check) host.onCheck();
            if (note) host.onNote(note);
            if (share.leads()) {
                if (wake) link.wake();
                if (tick) link.tick();
            }
        },
    });

    return {
        want(want) {
            for (const topic of want.topics) {
                // Wanted anew: perhaps it may be seen by now.
                if (!own.topics.includes(topic) && values.get(topic)?.error) values.delete(topic);
            }
            own = want;
            share.want(want);
            if (share.leads()) link.update();
            else for (const topic of values.keys()) if (!want.topics.includes(topic)) values.delete(topic);
        },
        wake() {
            if (share.leads()) link.wake();
            else share.say({ wake: true });
        },
        say: (note, check) => share.say({ note, check }),
        stop() {
            clock.clearTimeout(ticking);
            link.stop();
            share.stop();
        },
    };
}

/** Refused by the service: asked for again only where somebody wants it anew. */
const isRefused = (value: Value | undefined): boolean => !!value?.error && value.error.type !== TOO_MANY;

const missing = (kind: string): Problem => new Problem(`${kind === 'count' ? 'room' : kind}-not-found`, 404, 'it may not, or no longer, be seen');

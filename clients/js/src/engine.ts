// What this tab wants from the service, and what came of it: owns the values of topics. Knows nothing of rooms as people
// see them, nor of other tabs.
//
// A value never goes back: of two streams during a change-over, what the one that is behind says is not shown.

import type { Api } from './api.js';
import type { Note } from './beyond.js';
import { fold, reuse, topicOf, type Value } from './fold.js';
import { createLink, type Connection } from './link.js';
import { Problem, plain } from './problem.js';
import type { Clock, ConnectionState, PresenceError } from './types.js';

const TOPICS_MAX = 100;
const LEASES_MAX = 100;
const TOO_MANY = 'too-many-topics';
/** A server that sent everybody a gap is not asked by everybody together. */
const RESYNC_MS_MAX = 250;

/** What is wanted in a stream: topics (`room=general`), and sessions (`<uuid>@general`). */
export interface Want {
    readonly topics: readonly string[];
    readonly sessions: readonly string[];
}

export type StreamEvent = [name: string, data: any, id: string];

export interface EngineHost {
    /** `event`: what led there, where it was an event. */
    onValue(topic: string, value: Value, before: Value | undefined, event?: StreamEvent): void;
    /** `waitMs`: when it is tried again. */
    onState(state: ConnectionState['state'], error?: PresenceError | null, waitMs?: number): void;
    /** Leases were refused. */
    onCheck(): void;
    onEnd(error: PresenceError): void;
    onNote(note: Note): void;
}

export interface Engine {
    want(want: Want): void;
    wake(): void;
    /** To all other tabs, where there may be any; with `check` each looks after its leases, too. */
    say?(note: Note, check: boolean): void;
    stop(): void;
}

/** With a stream of its own. */
export interface StreamEngine extends Engine {
    /** Tries again if it is time; for those whose timers run when ours are held up. */
    tick(): void;
}

/** `values` outlives the engine. */
export function createEngine(api: Api, clock: Clock, values: Map<string, Value>, host: EngineHost): StreamEngine {
    let own: Want = { topics: [], sessions: [] };

    const tell = (topic: string, value: Value, event?: StreamEvent): void => {
        const before = values.get(topic);
        values.set(topic, value);
        host.onValue(topic, value, before, event);
    };
    const query = (base: Connection['base']): { query: string; asks: string } => {
        const { topics, sessions } = own;
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
        if (name === 'notification') return host.onNote([name, data]);
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
        if (shown === before) tell(topic, after, [name, data, id]);
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

    const link = createLink(api, clock, { ...host, query, onEvent, onRefused });

    return {
        want(want) {
            for (const topic of want.topics) {
                // Wanted anew: perhaps it may be seen by now.
                if (!own.topics.includes(topic) && values.get(topic)?.error) values.delete(topic);
            }
            own = want;
            link.update();
        },
        wake: link.wake,
        tick: link.tick,
        stop: link.stop,
    };
}

/** Refused by the service: asked for again only where somebody wants it anew. */
export const isRefused = (value: Value | undefined): boolean => !!value?.error && value.error.type !== TOO_MANY;

const missing = (kind: string): Problem => new Problem(`${kind === 'count' ? 'room' : kind}-not-found`, 404, 'it may not, or no longer, be seen');

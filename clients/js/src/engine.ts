// What this tab wants from the service, and what came of it: owns the values of topics. Knows nothing of rooms as people
// see them, nor of other tabs.
//
// A value never goes back: of two streams during a change-over, what the one that is behind says is not shown.

import type { Api } from './api.js';
import type { Note } from './beyond.js';
import { fold, reuse, topicOf, type Value } from './fold.js';
import { createLink, type Connection, type LinkHost } from './link.js';
import { Problem, plain } from './problem.js';
import type { Clock, PresenceError } from './types.js';

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

export interface EngineHost extends Pick<LinkHost, 'onState' | 'onEnd'> {
    /** `event`: what led there, where it was an event. */
    onValue(topic: string, value: Value, before: Value | undefined, event?: StreamEvent): void;
    /** Leases were refused. */
    onCheck(): void;
    onNote(note: Note): void;
}

export interface Engine {
    bring(want: Want): void;
    wake(): void;
    /** To all other tabs, where there may be any; with `check` each looks after its leases, too. */
    say?(note: Note, check: boolean): void;
    stop(): void;
}

/** `values` outlives the engine. */
export function createEngine(api: Api, clock: Clock, values: Map<string, Value>, host: EngineHost): Engine {
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
            if (!values.get(topic)?.error) tell(topic, { error: plain(new Problem(TOO_MANY)) });
        }
        const leases = sessions.filter((lease) => askable.includes(`room=${lease.slice(37)}`)).slice(0, LEASES_MAX).sort();
        const part = (topic: string): string => topic.replace(/=(.*)/s, (_, id) => `=${encodeURIComponent(id)}`);
        const cursors = askable.map((topic) => {
            const value = values.get(topic);
            base.set(topic, value?.error ? undefined : value);
            return part(value?.cursor ? `${topic}@${value.cursor}` : topic);
        });
        return { query: [...cursors, ...leases.map((lease) => part(`session=${lease}`))].join('&'), asks: [...askable, ...leases].join() };
    };

    const onEvent = (from: Connection, name: string, data: any, id: string): void => {
        if (name === 'notification') return host.onNote([name, data]);
        if (name === 'revoked') {
            const kind = data.room_id ? 'room' : data.event_id ? 'event' : 'user';
            const error = new Problem(`${kind}-not-found`, 404);
            refuse(topicOf(kind, data), from, error);
            if (data.room_id) refuse(topicOf('count', data), from, error);
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
        bring(want) {
            for (const topic of want.topics) {
                // Wanted anew: perhaps it may be seen by now.
                if (!own.topics.includes(topic) && values.get(topic)?.error) values.delete(topic);
            }
            own = want;
            link.update();
        },
        wake: link.wake,
        stop: link.stop,
    };
}

/** Refused by the service: asked for again only where somebody wants it anew. */
const isRefused = (value: Value | undefined): boolean => !!value?.error && value.error.type !== TOO_MANY;

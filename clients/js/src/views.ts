// What is known, as people see it: states that stay the same objects until something in them changed.

import { reuse, type RoomData, type Value } from './fold.js';
import { plain } from './problem.js';
import type { CountsState, EventState, Phase, PresenceError, Readable, RoomState, UserState } from './types.js';
import type { Member } from './wire.js';

/** What the views read from. */
export interface Source {
    value(topic: string): Value | undefined;
    isHeld(topic: string): boolean;
    /** Why one is not in a room that one may see. */
    trouble(topic: string): PresenceError | undefined;
    userId(): string | null;
    /** What ended the client. */
    ended(): PresenceError | null;
    /** Calls `run` when something about one of the topics changed. */
    listen(topics: readonly string[], run: () => void): () => void;
    hold(topic: string): () => void;
}

/** A state built from topics; with `isOpening`, subscribing opens them. */
export function readable<S>(source: Source, topics: readonly string[], isOpening: boolean, build: () => S): Readable<S> {
    let snapshot = build();
    let isFresh = false;
    const listeners = new Set<() => void>();
    const refresh = (): void => {
        const before = snapshot;
        snapshot = reuse(before, build());
        if (snapshot !== before) for (const listener of [...listeners]) listener();
    };
    let ends: (() => void)[] = [];
    return {
        subscribe(listener) {
            // The same function may be given twice.
            const call = (): void => listener();
            if (!isFresh) ends = [source.listen(topics, refresh), ...(isOpening ? topics.map(source.hold) : [])];
            if (!isFresh) refresh();
            isFresh = true;
            listeners.add(call);
            return () => {
                if (!listeners.delete(call) || listeners.size) return;
                isFresh = false;
                for (const end of ends) end();
            };
        },
        getSnapshot() {
            if (!isFresh) refresh();
            return snapshot;
        },
    };
}

const phaseOf = (source: Source, topic: string, value: Value | undefined): Phase => {
    if (source.ended() || value?.error) return 'error';
    if (value?.data !== undefined) return 'ready';
    return source.isHeld(topic) ? 'loading' : 'idle';
};

const NOBODY: readonly Member[] = [];

export function roomView(source: Source, roomId: string, topic: string): Readable<RoomState> {
    return readable(source, [topic], false, () => {
        const value = source.value(topic);
        const phase = phaseOf(source, topic, value);
        const { members = NOBODY, online_count = 0, mode } = ((phase !== 'error' && value?.data) || {}) as Partial<RoomData>;
        const me = source.userId();
        const error = source.ended() ?? value?.error ?? source.trouble(topic);
        return {
            roomId,
            phase,
            error: error ? plain(error) : null,
            members,
            self: members.find(({ user_id }) => user_id === me) ?? null,
            typing: members.filter(({ user_id, status }) => status === 'typing' && user_id !== me),
            onlineCount: online_count,
            mode: mode ?? 'full',
        };
    });
}

/** Of a person or an event: what the service says of it, whole. */
const wholeView = <S>(source: Source, kind: 'user' | 'event', id: string): Readable<S> => {
    const topic = `${kind}=${id}`;
    return readable(source, [topic], true, () => {
        const value = source.value(topic);
        const error = source.ended() ?? value?.error ?? null;
        return { [`${kind}Id`]: id, phase: phaseOf(source, topic, value), error, [kind]: (!error && value?.data) || null } as S;
    });
};

export const userView = (source: Source, id: string): Readable<UserState> => wholeView(source, 'user', id);

export const eventView = (source: Source, id: string): Readable<EventState> => wholeView(source, 'event', id);

export function countsView(source: Source, ids: readonly string[]): Readable<CountsState> {
    const topics = [...new Set(ids)].map((id) => `count=${id}`);
    return readable(source, topics, true, () => {
        const counts: Record<string, number> = {};
        let error = source.ended();
        const phases = topics.map((topic) => {
            const value = source.value(topic);
            if (typeof value?.data === 'number') counts[topic.slice(6)] = value.data;
            error ??= value?.error ?? null;
            return phaseOf(source, topic, value);
        });
        const open = phases.find((phase) => phase === 'loading' || phase === 'idle');
        const phase = source.ended() ? 'error' : open ?? (phases.length && !Object.keys(counts).length ? 'error' : 'ready');
        return { phase, error, counts };
    });
}

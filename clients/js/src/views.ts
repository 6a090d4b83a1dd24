// What is known, as people see it: states that stay the same objects until something in them changed.

import { reuse, type RoomData, type Value } from './fold.js';
import type { CountsState, EventState, Phase, PresenceError, Readable, RoomState, UserState } from './types.js';
import type { Member } from './wire.js';

/** What the views read from. */
export interface Source {
    values: ReadonlyMap<string, Value>;
    /** How many see a topic. */
    holds: ReadonlyMap<string, number>;
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
            if (!listeners.size) {
                ends = [source.listen(topics, refresh), ...(isOpening ? topics.map(source.hold) : [])];
                refresh();
            }
            listeners.add(call);
            return () => {
                if (!listeners.delete(call) || listeners.size) return;
                for (const end of ends) end();
            };
        },
        getSnapshot() {
            if (!listeners.size) refresh();
            return snapshot;
        },
    };
}

/** Where one stands with a topic. */
const standing = (source: Source, topic: string): { phase: Phase; error: PresenceError | null; data: Value['data'] } => {
    const { data, error: own } = source.values.get(topic) ?? {};
    const error = source.ended() ?? own ?? null;
    return { phase: error ? 'error' : data !== undefined ? 'ready' : source.holds.has(topic) ? 'loading' : 'idle', error, data };
};

const NOBODY: readonly Member[] = [];

export function roomView(source: Source, roomId: string, topic: string): Readable<RoomState> {
    return readable(source, [topic], false, () => {
        const { phase, error, data } = standing(source, topic);
        const { members = NOBODY, online_count = 0, mode = 'full' } = ((!error && data) || {}) as Partial<RoomData>;
        const me = source.userId();
        return {
            roomId,
            phase,
            error: error ?? source.trouble(topic) ?? null,
            members,
            self: members.find(({ user_id }) => user_id === me) ?? null,
            typing: members.filter(({ user_id, status }) => status === 'typing' && user_id !== me),
            onlineCount: online_count,
            mode,
        };
    });
}

/** Of a person or an event: what the service says of it, whole. */
export const wholeView = <S extends UserState | EventState>(source: Source, kind: 'user' | 'event', id: string, topic: string): Readable<S> =>
    readable(source, [topic], true, () => {
        const { phase, error, data } = standing(source, topic);
        return { [`${kind}Id`]: id, phase, error, [kind]: (!error && data) || null } as unknown as S;
    });

export function countsView(source: Source, ids: readonly string[]): Readable<CountsState> {
    const topics = [...new Set(ids)].map((id) => `count=${id}`);
    return readable(source, topics, true, () => {
        const counts: Record<string, number> = {};
        let error = source.ended();
        const phases = topics.map((topic) => {
            const { phase, error: own, data } = standing(source, topic);
            if (data !== undefined) counts[topic.slice(6)] = data as number;
            error ??= own;
            return phase;
        });
        // `error` where there is nothing else.
        const isAny = !topics.length || Object.keys(counts).length;
        const open = phases.find((phase) => phase === 'loading' || phase === 'idle');
        return { phase: source.ended() ? 'error' : open ?? (isAny ? 'ready' : 'error'), error, counts };
    });
}

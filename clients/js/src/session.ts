// Oneself in the rooms of this tab: its sessions, what the life of the page is to them, and what they ask of the stream.
// Loaded when the first room is joined; whoever only looks never pays for it. Knows rooms by their topics.

import type { Api } from './api.js';
import { createAttention, type Attention } from './attention.js';
import type { StreamEvent } from './engine.js';
import type { Value } from './fold.js';
import { plain, type Problem } from './problem.js';
import { createSession, type Session } from './room-session.js';
import { createTab, remember } from './tab.js';
import type { Browser, Clock, PresenceError, PresenceOptions, StatusChange } from './types.js';
import type { RoomDiff } from './wire.js';

export interface SessionsHost {
    browser: Browser;
    clock: Clock;
    /** Something about that topic is another now. */
    changed(topic: string): void;
    /** What is wanted of the stream is another now. */
    sync(): void;
    /** Ends the client. */
    finish(problem: Problem): void;
}

export interface Sessions {
    /** The page begins, or comes back; `kept` is what the one before it put back. */
    take(kept: string | null): void;
    /** The page goes: leaves at once what no stream holds. For the next page. */
    put(isUp: boolean): string;
    /** The rooms to be in. */
    bring(topics: readonly string[]): void;
    /** What the stream is to hold. */
    leases(): string[];
    /** The stream may ask for it: it is known whether it is to hold a session there. */
    isReady(topic: string): boolean;
    /** Why one is not in a room that one may see. */
    trouble(topic: string): PresenceError | undefined;
    hear(topic: string, value: Value, before: Value | undefined, event?: StreamEvent): void;
    /** The connection is there, or gone. `isBack`: the service may have forgotten what was told. */
    turn(isUp: boolean, isBack: boolean): void;
    /** The stream was refused for somebody's lease. */
    check(): void;
    /** Somebody is looking. */
    beat(): void;
    /** Nobody is looking. */
    blur(): void;
    /** Drops all; with `isLeaving` leaves all. */
    stop(isLeaving?: boolean): void;
    /** Somebody asks for it anew: what is over may begin again. */
    join(topic: string): void;
    say(topic: string, change: StatusChange): Promise<void>;
    type(topic: string, isTyping: boolean): void;
    leave(topic: string): Promise<void>;
}

export function createSessions(options: PresenceOptions, api: Api, { browser, clock, changed, sync, finish }: SessionsHost): Sessions {
    const tab = createTab(clock);
    const sessions = new Map<string, Session>();
    const troubles = new Map<string, PresenceError>();
    let attention: Attention | undefined;

    const all = (run: (session: Session) => void): void => sessions.forEach(run);
    const trouble = (topic: string, problem: Problem | null): void => {
        if (problem) troubles.set(topic, plain(problem));
        else troubles.delete(topic);
        changed(topic);
    };
    const begin = (topic: string): void => {
        attention ??= createAttention(browser, clock, options, () => all((session) => session.beat()));
        sessions.set(topic, createSession(topic.slice(5), api, clock, tab, {
            attention: () => attention!.status(),
            onLease: sync,
            onError: (problem) => trouble(topic, problem),
            onEnd: finish,
        }));
    };
    const leave = async (topic: string): Promise<void> => {
        const session = sessions.get(topic);
        sessions.delete(topic);
        await session?.leave();
    };

    return {
        take: tab.take,
        put(isUp) {
            const lines = [...sessions.values()]
                .filter(({ leaveToken, isLeased, isOver }) => leaveToken && !isOver && !(isLeased && isUp))
                .map(({ leaveToken }) => `${leaveToken} ${tab.seq()}`);
            if (lines.length) browser.beacon?.(`${options.url}/v1/leave`, lines.join('\n'));
            return tab.put();
        },
        bring(topics) {
            for (const topic of sessions.keys()) if (!topics.includes(topic)) void leave(topic);
            for (const topic of topics) if (!sessions.has(topic)) begin(topic);
        },
        leases: () => [...sessions].filter(([, { isLeased, isOver }]) => isLeased && !isOver).map(([topic]) => `${tab.id()}@${topic.slice(5)}`),
        isReady: (topic) => sessions.get(topic)?.isSettled ?? true,
        trouble: (topic) => troubles.get(topic),
        hear(topic, value, before, event) {
            const session = sessions.get(topic);
            if (!session) return;
            if (value.error) session.drop();
            if (value.epoch && before?.epoch && value.epoch !== before.epoch) session.held(true);
            if (event?.[0] !== 'diff') return;
            for (const { user_id, reason } of (event[1] as RoomDiff).left) {
                if (user_id !== api.user()) continue;
                if (reason === 'removed') session.removed();
                if (reason === 'expired' || reason === 'disconnected') session.beat(true);
                // By no tab of this client: invisible, or left by the application. What goes now is asked.
                if (reason === 'left' && session.isLeased) session.check();
            }
        },
        turn: (isUp, isBack) => all((session) => (isUp ? session.held(isBack) : session.alone())),
        check: () => all((session) => session.check()),
        beat: () => all((session) => session.beat(true)),
        blur: () => all((session) => session.type(false)),
        stop(isLeaving) {
            all((session) => (isLeaving ? void session.leave() : session.drop()));
            sessions.clear();
            attention?.stop();
            attention = undefined;
        },
        join(topic) {
            if (!sessions.get(topic)?.isOver) return;
            sessions.delete(topic);
            trouble(topic, null);
        },
        async say(topic, change) {
            const session = sessions.get(topic);
            if (session) await session.say(change);
            else remember(tab.wish(topic.slice(5)), change, clock);
        },
        type: (topic, isTyping) => sessions.get(topic)?.type(isTyping),
        leave,
    };
}

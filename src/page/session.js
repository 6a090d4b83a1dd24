// One's own presence in one room: heartbeats, typing, leaving.
//
// Calls go one after the other, each with the whole state (it may have to join) and the next number. What changes
// while a call is under way goes into the next one.
// Failures that pass are tried again; a heartbeat that was overtaken asks for a new session id; a room that is closed,
// too many sessions and a logout end the matter until `again`.

import { nextSeq } from './tab.js';

const TYPING_REFRESH_MS = 3000;
const TYPING_IDLE_MS = 4000;
const RETRY_MS = 1000;
const RETRY_MS_MAX = 10_000;
const JITTER = 0.2;
/** How often a heartbeat may be overtaken in a row before that is a failure like any other. */
const RENAMED_MAX = 3;

export class Session {
    #api;
    #rename;
    #onChange;
    #wish;
    #timer = null;
    #isBusy = false;
    #isAsked = false;
    #isOver = false;
    #failures = 0;
    #renamed = 0;
    #leaveToken = null;
    #typingSentAt = 0;
    #typingTimer = null;
    isTyping = false;
    /** `joining`, `here`, `invisible`, `retrying`, or until `again`: `denied`, `full`, `ended`, `removed`. */
    phase = 'joining';

    /** `wish()` is `{status, message}` as of now; `rename()` resolves to a new session id. */
    constructor({ api, roomId, sessionId, wish, rename, onChange }) {
        this.#api = api;
        this.roomId = roomId;
        this.sessionId = sessionId;
        this.#wish = wish;
        this.#rename = rename;
        this.#onChange = onChange;
    }

    /** Beats now, or as soon as the beat under way is answered. */
    beat() {
        this.#isAsked = true;
        if (!this.#isBusy && !this.#isOver) this.#run();
    }

    /** After `full`, `ended` or `removed`: tries again. */
    again() {
        this.#isOver = false;
        this.#phase('joining');
        this.beat();
    }

    keystroke() {
        if (this.#wish().status === 'invisible' || this.phase !== 'here') return;
        clearTimeout(this.#typingTimer);
        this.#typingTimer = setTimeout(() => this.stopTyping(), TYPING_IDLE_MS);
        if (this.isTyping && performance.now() - this.#typingSentAt < TYPING_REFRESH_MS) return;
        this.isTyping = true;
        this.#typingSentAt = performance.now();
        this.beat();
    }

    /** A heartbeat with the stored status ends the overlay at once. */
    stopTyping() {
        clearTimeout(this.#typingTimer);
        if (!this.isTyping) return;
        this.isTyping = false;
        this.beat();
    }

    /** Leaves the room for another one. By its number it also stops a heartbeat that it overtakes. */
    leave() {
        if (this.#isOver) return;
        this.drop();
        this.#delete().catch(() => this.#beacon());
    }

    /** Leaves because the page goes. There is no time for an answer. */
    leaveUnloading() {
        if (this.#isOver) return;
        this.drop();
        if (!this.#beacon()) this.#delete({ keepalive: true }).catch(() => {});
    }

    /** Somebody put this member out: coming back by itself would be rude. */
    removed() {
        this.drop();
        this.#phase('removed');
    }

    /** Says and does no more. */
    drop() {
        this.#isOver = true;
        clearTimeout(this.#timer);
        clearTimeout(this.#typingTimer);
    }

    async #run() {
        this.#isBusy = true;
        clearTimeout(this.#timer);
        while (this.#isAsked && !this.#isOver) {
            this.#isAsked = false;
            await this.#put();
        }
        this.#isBusy = false;
    }

    async #put() {
        try {
            const answer = await this.#api.call('PUT', this.#path(), { body: this.#state() });
            if (this.#isOver) return;
            this.#leaveToken = answer.leave_token ?? this.#leaveToken;
            this.#failures = 0;
            this.#renamed = 0;
            this.#phase(answer.status === 'invisible' ? 'invisible' : 'here');
            this.#later(answer.heartbeat_ms * (1 - JITTER + Math.random() * 2 * JITTER));
        } catch (error) {
            if (!this.#isOver) await this.#failed(error);
        }
    }

    /** An absent message means unchanged: a tab in which nothing was said must not clear what another one said. */
    #state() {
        const { status, message } = this.#wish();
        const state = { status: this.isTyping ? 'typing' : status, seq: nextSeq() };
        if (message !== undefined) state.message = message;
        return state;
    }

    async #failed(error) {
        if (error.type === 'room-not-found') return this.#phase('denied');
        if (error.type === 'too-many-sessions') return this.#phase('full');
        if (error.type === 'session-ended') {
            this.sessionId = await this.#rename();
            return this.#phase('ended');
        }
        if (error.type === 'stale-heartbeat' && this.#renamed < RENAMED_MAX) {
            this.#renamed += 1;
            this.sessionId = await this.#rename();
            this.#isAsked = true;
            return undefined;
        }
        this.#phase('retrying');
        this.#failures += 1;
        const backoff = Math.min(RETRY_MS * 2 ** (this.#failures - 1), RETRY_MS_MAX);
        return this.#later((error.retryAfterMs ?? backoff) + Math.random() * RETRY_MS);
    }

    #later(ms) {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.beat(), ms);
    }

    #delete(options) {
        return this.#api.call('DELETE', `${this.#path()}?seq=${nextSeq()}`, options);
    }

    #beacon() {
        if (!this.#leaveToken) return false;
        return navigator.sendBeacon('/v1/leave', `${this.#leaveToken} ${nextSeq()}`);
    }

    #path() {
        return `/v1/rooms/${encodeURIComponent(this.roomId)}/sessions/${this.sessionId}`;
    }

    #phase(phase) {
        if (this.phase === phase) return;
        this.phase = phase;
        this.#onChange();
    }
}

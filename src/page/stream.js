// The one stream of this page, over all rooms that the user may enter.
//
//   connecting ──ready──► live ◄──recovered── degraded
//       ▲                  │ ──degraded──►
//       │ timer, wake      ▼ closed, stalled, gap, bye
//       └──────────── reconnecting          resting (tab hidden)   ended (signed out)
//
// Before each connection the rooms are listed again, so that a new right or a lost one is noticed. Rooms go on from
// their cursors. A browser gives an origin six connections, and a stream holds one: hidden tabs let theirs go.

import { frames } from './frames.js';

const BACKOFF_MS = 400;
const BACKOFF_MS_MAX = 20_000;
/** From the call to `ready`. */
const CONNECT_MS_MAX = 10_000;
/** A stream that lived this long starts its back-off anew. */
const STEADY_MS = 10_000;
const RESTART_MS_MAX = 250;
const RELIST_MS = 60_000;

export class Stream {
    #api;
    #rooms;
    #list;
    #onState;
    #onFrame;
    #cut = null;
    #resume = null;
    #failures = 0;
    #isResting = false;
    #hasEnded = false;
    #asked = null;
    state = { phase: 'connecting', retryAt: null };

    /** `list()` fetches the rooms into `rooms` and says whether they differ from before. */
    constructor({ api, rooms, list, onState, onFrame }) {
        this.#api = api;
        this.#rooms = rooms;
        this.#list = list;
        this.#onState = onState;
        this.#onFrame = onFrame;
    }

    async run() {
        while (!this.#hasEnded) {
            if (this.#isResting) {
                this.#say('resting');
                await this.#pause(Infinity);
                continue;
            }
            const began = performance.now();
            let wait;
            try {
                wait = await this.#connect();
            } catch (error) {
                wait = this.#waitAfter(error, performance.now() - began);
            }
            if (this.#hasEnded) return this.#say('ended');
            if (this.#isResting) continue;
            if (wait.phase !== 'live') this.#say('reconnecting', Date.now() + wait.ms);
            await this.#pause(wait.ms);
        }
        return undefined;
    }

    /** The network is back, or somebody looks at the page: do not wait any longer. */
    wake() {
        this.#isResting = false;
        this.#resume?.();
    }

    /** Nobody looks: let the connection go. */
    rest() {
        this.#isResting = true;
        this.#cut?.abort();
        this.#resume?.();
    }

    /** Connects anew, almost at once: a server that sent everybody a gap is not answered by everybody together. */
    restart() {
        this.#asked = { ms: Math.random() * RESTART_MS_MAX };
        this.#cut?.abort();
        this.#resume?.();
    }

    end() {
        this.#hasEnded = true;
        this.#cut?.abort();
        this.#resume?.();
    }

    async #connect() {
        this.#asked = null;
        if (this.state.phase === 'resting') this.#say('connecting');
        await this.#list();
        const topics = this.#rooms.topics();
        if (topics === '') {
            this.#failures = 0;
            this.#say('live');
            return { ms: RELIST_MS / 4, phase: 'live' };
        }
        const cut = (this.#cut = new AbortController());
        const watch = new Watch(() => cut.abort(), CONNECT_MS_MAX);
        const relist = setInterval(() => this.#relist(), RELIST_MS);
        try {
            const answer = await this.#api.open(`/v1/stream?${topics}`, cut.signal);
            for await (const frame of frames(answer.body, () => watch.alive())) this.#take(frame, watch);
        } finally {
            watch.end();
            clearInterval(relist);
            cut.abort();
        }
        throw new Error('the stream was closed');
    }

    #take(frame, watch) {
        const data = JSON.parse(frame.data);
        this.#onFrame({ ...frame, data });
        if (frame.event === 'ready') {
            watch.allow(data.ping_ms * 3);
            this.#say('live');
        } else if (frame.event === 'degraded') {
            this.#say('degraded');
        } else if (frame.event === 'recovered') {
            this.#say('live');
        } else if (frame.event === 'bye') {
            if (data.reason === 'logged-out') return this.end();
            this.#asked = { ms: data.retry_ms ?? BACKOFF_MS };
            this.#cut.abort();
        } else if (!this.#rooms.take(frame.event, data)) {
            this.restart();
        }
        return undefined;
    }

    /** A 404 here says no more than that the rooms changed between the list and the stream. */
    #waitAfter(error, livedMs) {
        if (this.#asked) return this.#asked;
        if (livedMs > STEADY_MS) this.#failures = 0;
        const ceiling = Math.min(BACKOFF_MS * 2 ** this.#failures, BACKOFF_MS_MAX);
        this.#failures += 1;
        const jitter = Math.random() * ceiling;
        return { ms: error.retryAfterMs ? error.retryAfterMs + jitter : jitter };
    }

    async #relist() {
        try {
            if (await this.#list()) this.restart();
        } catch {
            // The list is a courtesy; what ails the service shows on the stream.
        }
    }

    #pause(ms) {
        return new Promise((resolve) => {
            const timer = ms === Infinity ? null : setTimeout(resolve, ms);
            this.#resume = () => {
                clearTimeout(timer);
                resolve();
            };
        }).finally(() => (this.#resume = null));
    }

    #say(phase, retryAt = null) {
        this.state = { phase, retryAt };
        this.#onState(this.state);
    }
}

/** Calls `onStall` where there was no sign of life for long. */
class Watch {
    #onStall;
    #ms;
    #timer;

    constructor(onStall, ms) {
        this.#onStall = onStall;
        this.allow(ms);
    }

    allow(ms) {
        this.#ms = ms;
        this.alive();
    }

    alive() {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(this.#onStall, this.#ms);
    }

    end() {
        clearTimeout(this.#timer);
    }
}

// Calls to the service. Owns the token: asks for one, renews it before it ends and once after a 401.
// Every bad answer becomes a `Problem`; a call that got no answer throws what fetch throws.

const CALL_MS_MAX = 10_000;

/** A problem+json answer. `type` is its last word, such as `room-not-found`. */
export class Problem extends Error {
    constructor(status, body, retryAfterMs) {
        super(body.detail || body.title || `HTTP ${status}`);
        this.status = status;
        this.type = String(body.type ?? '').split(/[#/:]/).pop();
        this.retryAfterMs = retryAfterMs;
    }

    /** Passing failures: the same call may succeed later. */
    get isPassing() {
        return this.status === 429 || this.status >= 500;
    }
}

export class Api {
    #userId;
    #token = null;
    #renewAt = 0;
    #asking = null;

    constructor(userId) {
        this.#userId = userId;
    }

    /** A JSON call; the parsed answer, or null where there is none. */
    async call(method, path, { body, keepalive } = {}) {
        const answer = await this.#send(method, path, { body, keepalive, signal: AbortSignal.timeout(CALL_MS_MAX) });
        return answer.status === 204 ? null : answer.json();
    }

    /** An open event stream; the caller reads its body and aborts it by the signal. */
    open(path, signal) {
        return this.#send('GET', path, { signal, accept: 'text/event-stream' });
    }

    async #send(method, path, { body, keepalive = false, signal, accept = 'application/json' }) {
        for (let attempt = 1; ; attempt += 1) {
            const token = await this.#fresh();
            const headers = { authorization: `Bearer ${token}`, accept };
            if (body !== undefined) headers['content-type'] = 'application/json';
            const answer = await fetch(path, {
                method,
                headers,
                keepalive,
                signal,
                cache: 'no-store',
                body: body === undefined ? undefined : JSON.stringify(body),
            });
            if (answer.ok) return answer;
            if (answer.status === 401 && attempt === 1) {
                if (this.#token === token) this.#token = null;
                continue;
            }
            throw await problemOf(answer);
        }
    }

    async #fresh() {
        if (this.#token && performance.now() < this.#renewAt) return this.#token;
        this.#asking ??= this.#ask().finally(() => (this.#asking = null));
        return this.#asking;
    }

    async #ask() {
        const answer = await fetch('/dev/token', {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ user_id: this.#userId }),
            signal: AbortSignal.timeout(CALL_MS_MAX),
            cache: 'no-store',
        });
        if (!answer.ok) throw await problemOf(answer);
        const { token } = await answer.json();
        this.#token = token;
        this.#renewAt = performance.now() + lifeMs(token) * 0.8;
        return token;
    }
}

/** How long a JWT lives, by its own claims: the clocks of browser and server need not agree. */
function lifeMs(token) {
    try {
        const claims = JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));
        const from = claims.iat ?? Date.now() / 1000;
        return Math.max(claims.exp - from, 1) * 1000;
    } catch {
        return 60_000;
    }
}

async function problemOf(answer) {
    const body = await answer.json().catch(() => ({}));
    const seconds = Number(answer.headers.get('retry-after'));
    return new Problem(answer.status, body, seconds > 0 ? seconds * 1000 : null);
}

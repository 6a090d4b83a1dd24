// The way to the node: who asks, and the picture that is asked for every two seconds while somebody looks.

const EVERY_MS = 2_000;
const PAUSE_MS_MAX = 10_000;
const PATIENCE_MS = 12_000;
/** Of this tab alone, and gone with it. */
const KEPT_AS = 'presence-operator-token';

/** What the node refused, in its own words. */
export class Refused extends Error {
    constructor(status, problem) {
        super(problem?.detail ?? `The node answered ${status}.`);
        this.status = status;
        this.type = problem?.type;
    }

    /** Whether another token is needed. */
    get isAboutToken() {
        return this.status === 401 || this.type === 'forbidden';
    }
}

let token = sessionStorage.getItem(KEPT_AS);

export function setToken(one) {
    token = one;
    if (one) sessionStorage.setItem(KEPT_AS, one);
    else sessionStorage.removeItem(KEPT_AS);
}

export const hasToken = () => Boolean(token);

/** One call; its answer as JSON. */
export async function call(method, path, withToken = token) {
    const headers = withToken ? { authorization: `Bearer ${withToken}` } : {};
    const answer = await fetch(path, { method, headers, cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(PATIENCE_MS) });
    const body = await answer.json().catch(() => null);
    if (!answer.ok) throw new Refused(answer.status, body);
    return body;
}

export const roomPath = (room) => `/operator/rooms/${encodeURIComponent(room)}`;

/** Asks for pictures for as long as the page lives; `told` may be called at once by `now`. */
export class Watch {
    #timer;
    #pause = EVERY_MS;
    #turn = 0;

    /** `onPicture(picture)`, `onPhase(phase, error)`: `live`, `lost` or `refused`. */
    constructor(onPicture, onPhase) {
        this.onPicture = onPicture;
        this.onPhase = onPhase;
        document.addEventListener('visibilitychange', () => document.hidden || this.now());
        addEventListener('online', () => this.now());
    }

    /** Looks at once; a look that is under way is not waited for. */
    now() {
        clearTimeout(this.#timer);
        this.#turn += 1;
        return this.#look(this.#turn);
    }

    async #look(turn) {
        let picture = null;
        let trouble = null;
        try {
            picture = await call('GET', '/operator/overview');
        } catch (error) {
            trouble = error;
        }
        if (turn !== this.#turn) return;
        if (trouble) {
            this.#pause = Math.min(this.#pause * 2, PAUSE_MS_MAX);
            this.onPhase(trouble.isAboutToken ? 'refused' : 'lost', trouble);
        } else {
            this.#pause = EVERY_MS;
            this.onPhase('live');
            this.onPicture(picture);
        }
        if (turn !== this.#turn) return;
        // Nobody looks at a hidden page: it asks again when it is shown.
        if (!document.hidden) this.#timer = setTimeout(() => this.now(), this.#pause);
    }
}

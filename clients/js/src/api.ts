// Calls to the service. Owns the token: asks for one, anew before it ends and once after a 401. It never lets a token
// of another user in: a client, its session and the stream that tabs share are one user's.

import { Problem, problemFrom, problemOf } from './problem.js';
import type { Clock, PresenceOptions } from './types.js';

/** From the call to the answer's head. */
const CALL_MS_MAX = 10_000;
/** How much of a token's life is used. */
const LIFE_USED = 0.8;
/** A token that says no end is asked for again so often. */
const LIFE_MS = 600_000;

export interface Call {
    body?: object;
    /** Takes the call back, and what it is answered with. */
    controller?: AbortController;
    keepalive?: boolean;
}

export interface Api {
    /** Who the token says one is, once there was one. */
    user(): string | null;
    /** The user; asks for a token where there was none. */
    identify(): Promise<string>;
    /** Resolves to an answer of 2xx, and rejects with a Problem. */
    call(method: string, path: string, call?: Call): Promise<Response>;
    /** How long the token is still to be used. */
    lifeMs(): number;
    /** The next call asks for a new token. */
    expire(): void;
}

export function createApi({ url, getToken, userId, fetch: given }: PresenceOptions, clock: Clock): Api {
    const send: typeof fetch = given ?? ((...args) => fetch(...args));
    let user = userId ?? null;
    let token = '';
    let isRefused = false;
    let renewAt = 0;
    let asking: Promise<string> | undefined;

    const ask = async (): Promise<string> => {
        const answer = await getToken({ force: isRefused });
        if (!answer) throw new Problem('unauthenticated', 401, 'getToken gave no token');
        const { sub, exp, iat } = claimsOf(answer);
        const found = userId ?? String(sub ?? '');
        if (user !== null && found !== user) throw new Problem('user-changed', 403, `the token is for ${found}, not for ${user}`);
        user = found;
        // By the token's own claims: this computer's clock need not agree with the server's.
        const lifeMs = exp && iat ? (exp - iat) * 1000 : LIFE_MS;
        const leftMs = exp ? exp * 1000 - clock.now() : 0;
        renewAt = clock.now() + LIFE_USED * (leftMs > 0 && leftMs < lifeMs ? leftMs : lifeMs);
        isRefused = false;
        return (token = answer);
    };
    const fresh = async (): Promise<string> =>
        clock.now() < renewAt ? token : (asking ??= ask().finally(() => (asking = undefined)));
    const expire = (): void => {
        renewAt = 0;
        isRefused = true;
    };

    return {
        user: () => user,
        identify: async () => user ?? (await fresh(), user!),
        lifeMs: () => renewAt - clock.now(),
        expire,
        async call(method, path, { body, controller = new AbortController(), keepalive } = {}) {
            const timer = clock.setTimeout(() => controller.abort(), CALL_MS_MAX);
            try {
                for (let attempt = 1; ; attempt++) {
                    const bearer = await fresh();
                    const response = await send(url + path, {
                        method,
                        headers: { authorization: `Bearer ${bearer}`, ...(body && { 'content-type': 'application/json' }) },
                        body: body && JSON.stringify(body),
                        cache: 'no-store',
                        keepalive,
                        signal: controller.signal,
                    });
                    if (response.ok) return response;
                    if (response.status !== 401 || attempt > 1) throw await problemOf(response);
                    if (token === bearer) expire();
                }
            } catch (thrown) {
                throw problemFrom(thrown);
            } finally {
                clock.clearTimeout(timer);
            }
        },
    };
}

/** What a JWT claims; nothing where it is none. */
function claimsOf(token: string): { sub?: string | number; exp?: number; iat?: number } {
    try {
        const text = atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/'));
        return JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
    } catch {
        return {};
    }
}

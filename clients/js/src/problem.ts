// What can go wrong, as one kind of value, and how long to wait before trying again.

import type { Clock, PresenceError } from './types.js';

/** Where a call may be tried again, after how long; 0 where the service does not say. */
export class Problem extends Error implements PresenceError {
    constructor(readonly type: string, readonly status = 0, message = type, readonly retryMs = 0) {
        super(message);
    }
}

/** Whatever was thrown, as a problem. */
export const problemFrom = (thrown: unknown): Problem =>
    thrown instanceof Problem ? thrown : new Problem('network', 0, String(thrown));

/** As a value: an Error keeps nothing but its message on its way to another tab. */
export const plain = ({ type, status, message }: PresenceError): PresenceError => ({ type, status, message });

/** A problem+json answer, or any other that is none of 2xx. */
export async function problemOf(response: Response): Promise<Problem> {
    const { type, title, detail } = await response.json().catch(() => ({}));
    return new Problem(type ?? 'http', response.status, detail ?? title, Number(response.headers.get('retry-after')) * 1000 || 0);
}

/** Trying again changes nothing. */
export const isFinal = ({ status }: PresenceError): boolean => status >= 400 && status < 500 && status !== 408 && status !== 429;

const BACKOFF_MS = 500;
const BACKOFF_MS_MAX = 30_000;

/** Full jitter, so that a thousand clients that lost one node do not come back as one. */
export const backoff = (clock: Clock, failures: number, problem: Problem): number =>
    problem.retryMs + clock.random() * Math.min(BACKOFF_MS * 2 ** failures, BACKOFF_MS_MAX);

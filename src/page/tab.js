// Who this tab is: a session id that a reload keeps and a duplicated tab does not share.
// sessionStorage survives the one and is copied by the other, so a Web Lock tells them apart: the id belongs to the
// tab that holds its lock. The lock is let go in `pagehide`, since a page in the back/forward cache would keep it.

const KEY = 'pg-presence.session';
/** A reloading tab may have to wait this long for its own former page to let go. */
const HANDOVER_MS = 500;

let letGo = () => {};
let latest = 0;

/** The id, once it is certain that no other tab uses it. */
export async function sessionId() {
    const kept = sessionStorage.getItem(KEY);
    if (kept && (await hold(kept))) return kept;
    return newSessionId();
}

/** A fresh id: the former one was refused, or belongs to another tab. */
export async function newSessionId() {
    releaseSessionId();
    const id = crypto.randomUUID();
    sessionStorage.setItem(KEY, id);
    await hold(id);
    return id;
}

export function releaseSessionId() {
    letGo();
}

/** Grows with every call, over reloads too: heartbeats and leaves of a session are ordered by it. */
export function nextSeq() {
    latest = Math.max(latest + 1, Date.now());
    return latest;
}

function hold(id) {
    if (!navigator.locks) return Promise.resolve(true);
    return new Promise((answer) => {
        const held = () =>
            new Promise((release) => {
                letGo = release;
                answer(true);
            });
        navigator.locks
            .request(`${KEY}.${id}`, { signal: AbortSignal.timeout(HANDOVER_MS) }, held)
            .catch(() => answer(false));
    });
}

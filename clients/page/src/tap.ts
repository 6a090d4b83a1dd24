// Listens in on the client's stream, so that the page can show what was said. A tab that shares another tab's stream
// hears of it through that tab.

export interface Frame {
    readonly key: number;
    readonly event: string;
    readonly id: string | null;
    readonly data: string;
    readonly at: number;
    /** Pings in a row are one line. */
    readonly times: number;
}

const FRAMES_MAX = 40;
/** Not more often than this, however much is said. */
const SHOW_MS = 100;

let frames: readonly Frame[] = [];
let count = 0;
let shown = { frames, count };
let timer: ReturnType<typeof setTimeout> | undefined;
let channel: BroadcastChannel | undefined;
const listeners = new Set<() => void>();

export const tapped = {
    subscribe(listener: () => void): () => void {
        listeners.add(listener);
        return () => listeners.delete(listener);
    },
    getSnapshot: (): { readonly frames: readonly Frame[]; readonly count: number } => shown,
};

/** A `fetch` that listens in on streams, for one person. */
export function tap(me: string): typeof fetch {
    channel = new BroadcastChannel(`pg-presence.page.frames.${me}`);
    channel.onmessage = ({ data }) => take(data as string);
    return async (input, init) => {
        const response = await fetch(input, init);
        const isStream = response.ok && response.headers.get('content-type')?.startsWith('text/event-stream');
        if (!isStream || !response.body) return response;
        const [theirs, ours] = response.body.tee();
        // Ends with theirs, by whatever ends it.
        listen(ours).catch(() => {});
        return new Response(theirs, { status: response.status, headers: response.headers });
    };
}

async function listen(body: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        const blocks = (rest + value).split('\n\n');
        rest = blocks.pop()!;
        for (const block of blocks) {
            channel?.postMessage(block);
            take(block);
        }
    }
}

function take(block: string): void {
    const field = (name: string): string | null => block.match(new RegExp(`^${name}: ?(.*)$`, 'm'))?.[1] ?? null;
    const event = field('event');
    if (!event) return;
    count += 1;
    const [latest, ...before] = frames;
    const isAgain = event === 'ping' && latest?.event === 'ping';
    const frame: Frame = {
        key: isAgain ? latest.key : count,
        event,
        id: field('id'),
        data: field('data') ?? '',
        at: Date.now(),
        times: isAgain ? latest.times + 1 : 1,
    };
    frames = [frame, ...(isAgain ? before : frames)].slice(0, FRAMES_MAX);
    timer ??= setTimeout(() => {
        timer = undefined;
        shown = { frames, count };
        for (const listener of listeners) listener();
    }, SHOW_MS);
}

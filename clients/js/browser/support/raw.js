// A member's own stream, read line by line as the service sends it: what others really see.

/** A token of `pg-presence dev` for somebody. */
export async function tokenOf(url, user_id) {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${url}/dev/token`, { method: 'POST', headers, body: JSON.stringify({ user_id }) });
    return (await answer.json()).token;
}

/** An answer of the service to somebody. */
export async function callAs(url, user, where) {
    const answer = await fetch(url + where, { headers: { authorization: `Bearer ${await tokenOf(url, user)}` } });
    if (!answer.ok) throw new Error(`${where} was answered with ${answer.status}`);
    return answer.json();
}

export class RawStream {
    /** What was heard of `about`: "join", or "leave" with its reason, with the time. */
    heard = [];
    #stop = new AbortController();
    #waiting = [];

    /** Observes a room as somebody; resolves with the first snapshot. */
    static async open(url, user, room, about) {
        const stream = new RawStream();
        const token = await tokenOf(url, user);
        const answer = await fetch(`${url}/v1/stream?room=${room}`, {
            headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' },
            signal: stream.#stop.signal,
        });
        if (!answer.ok) throw new Error(`the raw stream was answered with ${answer.status}`);
        const first = new Promise((resolve) => (stream.#waiting.push({ is: ({ event }) => event === 'snapshot', resolve })));
        stream.#read(answer.body, about).catch((error) => {
            if (!stream.#stop.signal.aborted) stream.heard.push({ what: `broken: ${error}`, at: Date.now() });
        });
        await first;
        return stream;
    }

    /** The words heard so far, without their times. */
    get words() {
        return this.heard.map(({ what }) => what);
    }

    /** Waits until `what` was heard; the answer is when. */
    async hears(what, ms) {
        const known = () => this.heard.find((each) => each.what.startsWith(what));
        const end = Date.now() + ms;
        while (!known()) {
            if (Date.now() > end) throw new Error(`no ${what} within ${ms} ms, but ${JSON.stringify(this.words)}`);
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
        return known().at;
    }

    close() {
        this.#stop.abort();
    }

    async #read(body, about) {
        let text = '';
        for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
            text += chunk;
            const frames = text.split('\n\n');
            text = frames.pop();
            for (const frame of frames) this.#take(frame, about);
        }
    }

    #take(frame, about) {
        const field = (name) => frame.split('\n').find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
        const event = field('event');
        const data = JSON.parse(field('data') ?? 'null');
        if (event === 'diff') {
            const note = (what) => this.heard.push({ what, at: Date.now() });
            for (const { user_id } of data.joined) if (user_id === about) note('join');
            for (const { user_id, reason } of data.left) if (user_id === about) note(`leave: ${reason}`);
        }
        this.#waiting = this.#waiting.filter(({ is, resolve }) => !is({ event, data }) || void resolve(data));
    }
}

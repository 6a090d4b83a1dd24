// A parser for Server-Sent Events: bytes in, frames `{event, data, id}` out.
// Not EventSource: that one cannot send an Authorization header, and gives up for good on a single 503.

/** Frames of a response body. `onBytes` hears of every sign of life, comments included. */
export async function* frames(body, onBytes = () => {}) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    let frame = empty();
    try {
        for (;;) {
            const { done, value } = await reader.read();
            if (done) return;
            onBytes();
            const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
            rest = lines.pop();
            for (const line of lines) {
                if (line !== '') {
                    take(frame, line);
                } else {
                    if (frame.data.length > 0) yield { event: frame.event || 'message', data: frame.data.join('\n'), id: frame.id };
                    frame = empty();
                }
            }
        }
    } finally {
        reader.cancel().catch(() => {});
    }
}

function empty() {
    return { event: '', data: [], id: null };
}

function take(frame, line) {
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') frame.data.push(value);
    else if (field === 'event') frame.event = value;
    else if (field === 'id') frame.id = value;
}

// Server-sent events, from text that arrives in pieces. Knows nothing of what they mean.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

export type OnEvent = (name: string, data: string, id: string) => void;

/** Feed it text as it comes, cut anywhere. An `id` is that of its own event; '' where it has none. */
export function createParser(onEvent: OnEvent): (text: string) => void {
    let rest = '';
    let name = '';
    let id = '';
    let data: string[] = [];
    return (text) => {
        // A carriage return at the very end may be the first half of a line's end.
        const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
        rest = lines.pop()!;
        for (const line of lines) {
            if (line) {
                const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line)!;
                if (field === 'data') data.push(value);
                if (field === 'event') name = value;
                if (field === 'id') id = value;
                continue;
            }
            if (data.length) onEvent(name, data.join('\n'), id);
            name = id = '';
            data = [];
        }
    };
}

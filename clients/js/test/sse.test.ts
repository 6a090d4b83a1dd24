// The parser against the one that everybody uses, at every cut.

import fc from 'fast-check';
import { createParser as theirs } from 'eventsource-parser';
import { expect, test } from 'vitest';
import { createParser } from '../src/sse.js';

type Parsed = [name: string, data: string, id: string][];

function ours(chunks: string[]): Parsed {
    const events: Parsed = [];
    const parse = createParser((...event) => events.push(event));
    for (const chunk of chunks) parse(chunk);
    return events;
}

function reference(text: string): Parsed {
    const events: Parsed = [];
    const parser = theirs({ onEvent: ({ event, data, id }) => events.push([event ?? '', data, id ?? '']) });
    parser.feed(text);
    return events;
}

const end = fc.constantFrom('\n', '\r\n');
const word = fc.string({ unit: fc.constantFrom('a', ':', ' ', '{', '"', 'é', '😀', '\u2028', '0'), minLength: 1, maxLength: 8 });
const line = fc.oneof(
    fc.tuple(fc.constantFrom('data', 'event', 'id', 'retry', 'other', ''), fc.constantFrom(':', ': '), word).map((parts) => parts.join('')),
    fc.constantFrom('event', ':', 'id:', 'event: '),
);
const stream = fc.array(fc.tuple(fc.array(line, { maxLength: 5 }), end), { maxLength: 6 }).map((events) =>
    events.map(([lines, newline]) => [...lines, '', ''].join(newline)).join(''));

test('whatever comes, it is read as eventsource-parser reads it', () => {
    fc.assert(fc.property(stream, (text) => {
        expect(ours([text])).toEqual(reference(text));
    }), { numRuns: 2000 });
});

test('where it is cut makes no difference', () => {
    fc.assert(fc.property(stream, (text) => {
        const whole = ours([text]);
        for (let at = 0; at <= text.length; at++) expect(ours([text.slice(0, at), text.slice(at)])).toEqual(whole);
        expect(ours([...text])).toEqual(whole);
    }), { numRuns: 200 });
});

test('an event that is not at its end is not told', () => {
    expect(ours(['event: ping\ndata: {}\n'])).toEqual([]);
});

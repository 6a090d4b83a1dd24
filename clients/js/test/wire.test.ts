// The types of src/wire.ts against the server's golden messages: exactly these fields, each of its kind.

import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createParser } from '../src/sse.js';
import type { StreamEvents } from '../src/wire.js';
import { events } from './shapes.js';

const folder = new URL('../../../tests/wire/', import.meta.url);
const golden = readdirSync(folder).filter((name) => name.endsWith('.sse'));

test.each(golden)('%s is what the types say', (name) => {
    const message = readFileSync(new URL(name, folder), 'utf8').replace('{retry_ms}', '250');
    let seen = 0;
    createParser((event, data) => {
        seen++;
        expect(Object.keys(events)).toContain(event);
        events[event as keyof StreamEvents](JSON.parse(data), name);
    })(message);

    expect(seen).toBe(1);
});

test('every event has a golden message', () => {
    const told = new Set(golden.map((name) => /event: (.*)/.exec(readFileSync(new URL(name, folder), 'utf8'))![1]));

    expect([...told].sort()).toEqual(Object.keys(events).sort());
});

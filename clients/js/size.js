// What each entry adds to an application, minified and compressed, against its bound. A part that another entry has
// already is not counted again: whoever uses the hooks has the core.

import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const BOUNDS = [
    // The goal is 5000. docs/clients.md says what of it weighs how much; none of it is needed by some pages alone.
    ['core', 'dist/index.js', 8500, []],
    ['react', 'dist/react/index.js', 1500, ['core']],
    ['components', 'dist/components/index.js', 3000, ['core', 'react']],
];

const bundle = async (code) => {
    const { outputFiles } = await build({
        stdin: { contents: code, resolveDir: import.meta.dirname }, bundle: true, minify: true, format: 'esm', write: false,
        target: 'es2022', external: ['react', 'react-dom', 'react/jsx-runtime'],
    });
    return gzipSync(outputFiles[0].contents, { level: 9 }).length;
};
const all = (names) => names.map((name) => `export * from './${BOUNDS.find(([known]) => known === name)[1]}';`).join('\n');

let isOver = false;
const say = (name, size, bound) => {
    console.log(`${name.padEnd(12)} ${String(size).padStart(5)} of ${bound} bytes`);
    isOver ||= size > bound;
};
for (const [name, , bound, beneath] of BOUNDS) {
    say(name, (await bundle(all([...beneath, name]))) - (beneath.length ? await bundle(all(beneath)) : 0), bound);
}
const { code } = await import('esbuild').then(({ transform }) => transform(readFileSync('dist/styles.css', 'utf8'), { loader: 'css', minify: true }));
say('styles', gzipSync(code, { level: 9 }).length, 1500);
if (isOver) process.exitCode = 1;

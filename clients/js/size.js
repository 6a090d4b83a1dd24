// What each part of the package adds to an application that uses it, minified and compressed, against its bound. What
// another part has already is not counted again: whoever uses the hooks has the core. What comes over the network only
// when it is first used stands in lines of its own.

import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build, transform } from 'esbuild';

const ROOMS = 'PresenceProvider, usePresence, useConnection, useEventPresence, useLastSeen, useRoomCounts, useRoomPresence, useTimeAgo, useUserPresence';
const BEYOND = 'useActivity, useEventHistory, useMyStatus, useNotifications, useRoomHistory, useSignOut, useWatch, useWatches';
const SEEN = 'AvailabilityBadge, ConnectionBanner, EventPresence, LastSeen, PresenceDot, PresenceLabels, RoomBadge, RoomPresence, TypingIndicator, english';
const SEEN_BEYOND = 'ActivityList, NotificationBell, NotificationList, NotifyBell, Sparkline, StatusPicker, englishBeyond';

const core = "export * from './dist/index.js';";
const react = `export { ${ROOMS} } from './dist/react/index.js';`;
const reactBeyond = `export { ${BEYOND} } from './dist/react/index.js';`;
const components = `export { ${SEEN} } from './dist/components/index.js';`;
const componentsBeyond = `export { ${SEEN_BEYOND} } from './dist/components/index.js';`;

const PARTS = [
    // The goal is 5000. docs/clients.md says what of it weighs how much.
    ['core', core, 6150, ''],
    ['react', react, 1500, core],
    ['react, beyond rooms', reactBeyond, 1150, core + react],
    ['components', components, 3000, core + react],
    ['components, beyond rooms', componentsBeyond, 3250, core + react + reactBeyond + components],
];
const LATER = [['session', 2600], ['share', 1350], ['beyond', 2200]];
const STYLES = [['styles', 1500], ['beyond', 1500]];

const zipped = (text) => gzipSync(text, { level: 9 }).length;

/** What is loaded at once, and what comes later, by the name of its file. */
const bundle = async (contents) => {
    const { outputFiles, metafile } = await build({
        stdin: { contents, resolveDir: import.meta.dirname }, bundle: true, splitting: true, minify: true, format: 'esm', write: false, metafile: true,
        outdir: 'out', target: 'es2022', external: ['react', 'react-dom', 'react/jsx-runtime'],
    });
    const texts = new Map(outputFiles.map(({ path, text }) => [path.slice(path.lastIndexOf('/') + 1), text]));
    const files = Object.entries(metafile.outputs).map(([path, { imports, entryPoint }]) => ({ name: path.slice(path.lastIndexOf('/') + 1), imports, entryPoint }));
    const atOnce = new Set();
    const take = (name) => {
        if (atOnce.has(name)) return;
        atOnce.add(name);
        for (const { path, kind, external } of files.find((file) => file.name === name).imports) {
            if (!external && kind === 'import-statement') take(path.slice(path.lastIndexOf('/') + 1));
        }
    };
    take('stdin.js');
    return { eager: [...atOnce].map((name) => texts.get(name)).join(''), later: files.filter(({ name }) => !atOnce.has(name)).map(({ name }) => [name, texts.get(name)]) };
};

let isOver = false;
const say = (name, size, bound) => {
    console.log(`${name.padEnd(26)} ${String(size).padStart(5)} of ${bound} bytes`);
    isOver ||= size > bound;
};
for (const [name, code, bound, beneath] of PARTS) {
    say(name, zipped((await bundle(beneath + code)).eager) - (beneath ? zipped((await bundle(beneath)).eager) : 0), bound);
}
const { later } = await bundle(core);
for (const [name, bound] of LATER) {
    const parts = later.filter(([file]) => file.startsWith(`${name}-`));
    if (!parts.length) throw new Error(`nothing of the core is loaded later by the name of ${name}: ${later.map(([file]) => file)}`);
    say(`core, later: ${name}`, parts.reduce((sum, [, text]) => sum + zipped(text), 0), bound);
}
for (const [name, bound] of STYLES) {
    const { code } = await transform(readFileSync(`dist/${name}.css`, 'utf8'), { loader: 'css', minify: true });
    say(`${name}.css`, zipped(code), bound);
}
if (isOver) process.exitCode = 1;

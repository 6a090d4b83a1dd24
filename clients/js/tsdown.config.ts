import { transform } from 'esbuild';
import { defineConfig } from 'tsdown';

// Names that only the core itself uses: no option, no method of the public interface, no field of the service or of what
// tabs tell each other is among them. A bundler's minifier leaves the names of properties alone, so they are made short
// here; 'npm run size' is 2 % smaller for it.
const INTERNAL = [
    'identify', 'lifeMs', 'expire', 'isDead', 'isStale', 'openedAt', 'heardAt', 'quietMs', 'renewal', 'asks', 'base', 'alarm', 'listen',
    'onValue', 'onState', 'onCheck', 'onEnd', 'onEvent', 'onRefused', 'query', 'redo', 'update', 'others', 'onLead', 'onWant',
    'onMessage', 'onNote', 'isLeased', 'isSettled', 'isOver', 'leaveToken', 'alone', 'removed', 'onLease', 'attention', 'renew', 'isProven',
    'wish', 'trouble', 'ended', 'retryMs', 'hold', 'bring', 'leases', 'isReady', 'turn', 'blur', 'shown', 'make', 'hear',
    'changed', 'sync', 'finish', 'take', 'put', 'say', 'call', 'beat', 'drop', 'controller',
];

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** The same in each chunk: they speak to each other by these. */
const SHORT = Object.fromEntries(INTERNAL.map((name, at) => [name, LETTERS[at] ?? `$${at}`]));

export default defineConfig({
    entry: {
        index: 'src/index.ts',
        'react/index': 'src/react/index.ts',
        'components/index': 'src/components/index.ts',
        'testing/index': 'src/testing/index.ts',
    },
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    dts: true,
    sourcemap: true,
    fixedExtension: false,
    external: [/^react/],
    // What is loaded at once is one file; what is loaded later has one each.
    outputOptions: {
        codeSplitting: { groups: [{ name: 'presence', test: /src\/(api|engine|fold|link|presence|problem|sse|surroundings|views)\.ts$/ }] },
    },
    copy: ['styles', 'beyond'].map((name) => ({ from: `src/${name}.css`, to: 'dist' })),
    plugins: [{
        name: 'short-internal-names',
        // Hooks, components and what is for tests know the public interface alone, and have names of their own.
        renderChunk: (code, { fileName, moduleIds }) => fileName.endsWith('.js') && !moduleIds.some((id) => /\/src\/(react|components|testing)\//.test(id))
            ? transform(code, {
                mangleProps: new RegExp(`^(${INTERNAL.join('|')})$`), mangleCache: SHORT, target: 'es2022', sourcemap: 'external', sourcefile: fileName,
            })
            : null,
    }],
});

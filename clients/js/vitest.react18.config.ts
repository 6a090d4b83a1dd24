// The hooks and components once more, under React 18, which lives in a folder of its own: two majors do not fit into
// one. So does what imports React by itself.

import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const modules = fileURLToPath(new URL('test/react18/node_modules/', import.meta.url));

export default defineConfig({
    resolve: {
        alias: [{ find: /^(react|react-dom|@testing-library\/[a-z-]+)(?=$|\/)/, replacement: `${modules}$1` }],
    },
    test: {
        include: ['test/react/**/*.test.tsx', 'test/components/**/*.test.tsx'],
        testTimeout: 60_000,
    },
});

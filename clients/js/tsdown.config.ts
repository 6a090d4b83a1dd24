import { defineConfig } from 'tsdown';

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
    copy: [{ from: 'src/styles.css', to: 'dist' }],
});

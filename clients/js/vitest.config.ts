import { defineConfig } from 'vitest/config';

export default defineConfig({
    test: {
        include: ['test/**/*.test.{ts,tsx}'],
        // These machines may be slow for seconds; nothing in here waits for a moment.
        testTimeout: 60_000,
    },
});

import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// `pg-presence dev` listens there.
const target = process.env.PRESENCE_URL ?? 'http://localhost:8080';

export default defineConfig({
    plugins: [react()],
    // The page and the service under one origin, as they would be behind a gateway: no CORS.
    server: { proxy: { '/v1': { target }, '/dev': { target } } },
});

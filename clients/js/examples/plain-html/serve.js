// Serves this folder and the built package, and hands /v1 and /dev to `pg-presence dev`: one origin, no CORS.
//
//   node serve.js [PORT]        PRESENCE_URL names the service, http://localhost:8080 where absent

import { readFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.png': 'image/png' };
const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(here, '../../dist');

/** `folders` by the path that they are served under; the longest that fits wins. */
export function serve({ target, port = 0, folders }) {
    const places = Object.keys(folders).sort((a, b) => b.length - a.length);
    const server = http.createServer(async (request, response) => {
        const { pathname } = new URL(request.url, 'http://localhost');
        if (/^\/(v1|dev)\//.test(pathname)) return hand(request, response, target);
        const place = places.find((each) => pathname.startsWith(each));
        const name = path.join('/', pathname.slice(place.length) || 'index.html');
        try {
            const bytes = await readFile(path.join(folders[place], name));
            response.writeHead(200, { 'content-type': TYPES[path.extname(name)] ?? 'application/octet-stream' }).end(bytes);
        } catch {
            response.writeHead(404).end();
        }
    });
    return new Promise((resolve) => server.listen(port, 'localhost', () => resolve(server)));
}

/** Passes a request on, and its end: a stream that the browser drops must end over there. */
function hand(request, response, target) {
    const onward = http.request(new URL(request.url, target), { method: request.method, headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
    });
    // What a gateway says while the service behind it is being replaced.
    onward.on('error', () => (response.headersSent ? response.destroy() : response.writeHead(503, { 'retry-after': '1' }).end()));
    response.on('close', () => onward.destroy());
    request.pipe(onward);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const target = process.env.PRESENCE_URL ?? 'http://localhost:8080';
    const server = await serve({ target, port: Number(process.argv[2] ?? 5174), folders: { '/': here, '/pg-presence/': dist } });
    console.log(`http://localhost:${server.address().port}/?user=alice`);
}

// `pg-presence dev` as a child: started on a free port with a data directory of its own, stopped, killed, restarted.

import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

/** initdb, and where no Postgres is installed its download. */
const READY_MS_MAX = 120_000;
const EXIT_MS_MAX = 20_000;

export class Dev {
    #binary;
    #data;
    #child = null;
    #output = '';
    #settings;

    constructor(binary, data, port, settings) {
        this.#binary = binary;
        this.#data = data;
        this.#settings = settings;
        this.port = port;
        this.url = `http://localhost:${port}`;
    }

    /** `settings`: of the service, by the names of its environment. */
    static async start(settings = {}) {
        const binary = process.env.PRESENCE_BIN;
        if (!binary) throw new Error('PRESENCE_BIN names no binary; use tests/browser/run');
        const data = await mkdtemp(path.join(os.tmpdir(), 'pg-presence-browser-'));
        const dev = new Dev(binary, data, await freePort(), settings);
        try {
            await dev.start();
        } catch (error) {
            await dev.stop();
            throw error;
        }
        return dev;
    }

    async start() {
        const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !isSetting(name)));
        const child = spawn(this.#binary, ['dev', '--port', String(this.port), '--data-dir', this.#data], {
            stdio: ['ignore', 'pipe', 'pipe'],
            env: { ...environment, ...this.#settings },
        });
        this.#child = child;
        this.#output = '';
        for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (this.#output += bytes));
        const end = Date.now() + READY_MS_MAX;
        while (Date.now() < end) {
            if (child.exitCode !== null) throw new Error(`dev ended with ${child.exitCode}:\n${this.#output}`);
            const answer = await fetch(`${this.url}/readyz`).catch(() => null);
            if (answer?.ok) return;
            await new Promise((resolve) => setTimeout(resolve, 100));
        }
        await this.#end('SIGKILL');
        throw new Error(`dev was not ready in time:\n${this.#output}`);
    }

    async restart() {
        await this.#end('SIGTERM');
        await this.start();
    }

    /** Ends the service for a while; `start` brings it back. */
    halt() {
        return this.#end('SIGTERM');
    }

    async stop() {
        await this.#end('SIGTERM');
        await rm(this.#data, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    }

    /** Where the operator's page is: it says so itself. */
    async operators() {
        while (!this.#output.includes('pg-presence top')) await new Promise((resolve) => setTimeout(resolve, 20));
        return this.#output.match(/http:\/\/localhost:\d+(?=\s+pg-presence top)/)[0];
    }

    /** Runs SQL in the database that it started, as its superuser; the rows as psql prints them, unaligned. */
    async sql(text) {
        while (!this.#output.includes("psql '")) await new Promise((resolve) => setTimeout(resolve, 20));
        const [url] = this.#output.match(/postgres:\/\/[^']+/g).slice(-1);
        const program = [process.env.PATH.split(':'), await serverFolders()].flat().map((folder) => path.join(folder, 'psql')).find(existsSync);
        if (!program) throw new Error('no psql here (Debian: apt-get install postgresql-client)');
        return new Promise((resolve, reject) => {
            const child = execFile(program, ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', url], (error, out, complaint) =>
                error ? reject(new Error(complaint || error.message)) : resolve(out.trim()));
            child.stdin.end(text);
        });
    }

    /** Freezes the database, or lets it go on: it is there and answers nothing. Linux alone. */
    async freeze(isFrozen) {
        const [version] = await readdir(this.#data);
        const file = await readFile(path.join(this.#data, version, 'data', 'postmaster.pid'), 'utf8');
        const postmaster = Number(file.split('\n')[0]);
        const children = await readFile(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8');
        for (const pid of [postmaster, ...children.trim().split(' ').map(Number)]) {
            process.kill(pid, isFrozen ? 'SIGSTOP' : 'SIGCONT');
        }
    }

    async #end(signal) {
        const child = this.#child;
        this.#child = null;
        if (!child || child.exitCode !== null || child.signalCode !== null) return;
        const hasEnded = new Promise((resolve) => child.once('exit', resolve));
        child.kill(signal);
        const last = setTimeout(() => child.kill('SIGKILL'), EXIT_MS_MAX);
        await hasEnded;
        clearTimeout(last);
    }
}

/** Where Debian's packages have the programs of each major version, the newest first. */
async function serverFolders() {
    const root = '/usr/lib/postgresql';
    const versions = await readdir(root).catch(() => []);
    return versions.sort((a, b) => b - a).map((version) => path.join(root, version, 'bin'));
}

/** Settings of the person who runs the stories are not for the server under test. */
function isSetting(name) {
    return name === 'DATABASE_URL' || (name.startsWith('PRESENCE_') && name !== 'PRESENCE_BIN');
}

export function freePort() {
    return new Promise((resolve, reject) => {
        const server = net.createServer();
        server.once('error', reject);
        server.listen(0, '127.0.0.1', () => {
            const { port } = server.address();
            server.close(() => resolve(port));
        });
    });
}

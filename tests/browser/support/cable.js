// A TCP cable between browser and server, which can be cut and mended.

import net from 'node:net';

export class Cable {
    #server;
    #pairs = new Set();
    #isCut = false;

    /** A cable to a local port; `url` is its near end. */
    static async to(port) {
        const cable = new Cable();
        cable.#server = net.createServer((near) => cable.#join(near, port));
        await new Promise((resolve) => cable.#server.listen(0, '127.0.0.1', resolve));
        cable.url = `http://localhost:${cable.#server.address().port}`;
        return cable;
    }

    /** Ends what is open, and everything that is opened until `mend`. */
    cut() {
        this.#isCut = true;
        for (const socket of this.#pairs) socket.destroy();
    }

    mend() {
        this.#isCut = false;
    }

    close() {
        this.cut();
        return new Promise((resolve) => this.#server.close(resolve));
    }

    #join(near, port) {
        if (this.#isCut) return near.destroy();
        const far = net.connect(port, '127.0.0.1');
        for (const [socket, other] of [[near, far], [far, near]]) {
            this.#pairs.add(socket);
            socket.on('error', () => {});
            socket.on('close', () => {
                this.#pairs.delete(socket);
                other.destroy();
            });
            socket.pipe(other);
        }
        return undefined;
    }
}

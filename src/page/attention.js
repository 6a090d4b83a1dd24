// How attentive somebody is who says nothing about it: `away` after 15 s in a hidden tab, `idle` after 5 min without
// input, else `active`. Never offline: that is what leaving is for.

const AWAY_MS = 15_000;
const IDLE_MS = 300_000;
const INPUTS = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'];

export class Attention {
    #onChange;
    #awayTimer = null;
    #idleTimer = null;
    status = 'active';

    constructor(onChange) {
        this.#onChange = onChange;
        document.addEventListener('visibilitychange', () => this.#seen());
        for (const input of INPUTS) addEventListener(input, () => this.#input(), { passive: true });
        this.#seen();
    }

    #seen() {
        clearTimeout(this.#awayTimer);
        if (document.hidden) this.#awayTimer = setTimeout(() => this.#set('away'), AWAY_MS);
        else this.#input();
    }

    #input() {
        clearTimeout(this.#idleTimer);
        this.#idleTimer = setTimeout(() => this.status === 'active' && this.#set('idle'), IDLE_MS);
        if (!document.hidden) this.#set('active');
    }

    #set(status) {
        if (this.status === status) return;
        this.status = status;
        this.#onChange(status);
    }
}

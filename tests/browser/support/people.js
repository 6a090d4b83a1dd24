// Browser tabs as people: `alice` opens a room, sees somebody, types. No assertions here but those of waiting.

import { chromium } from 'playwright-core';

const ARGUMENTS = [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
];
/** A slow machine gets more time, never a weaker promise. */
export const SLACK = Number(process.env.TEST_SLACK ?? 3);
/** The grace of a stream that closed, a reap period, and a heartbeat interval where the server has just started. */
const GONE_MS_MAX = 15_000;
/** What a client that has failed a few times waits at most before it tries again: BACKOFF_MS_MAX of clients/js. */
const RETRY_MS_MAX = 30_000;
/** One's own status. */
export const STATUS_BUTTON = '.pgp-picker > .pgp-button';
/** What may be in the console while the server is away on purpose. */
const OUTAGE = /Failed to load resource/;

export function launch(options = {}) {
    return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ARGUMENTS, ...options });
}

/** A browser window: people in one share cookies and locks, as tabs do. */
export class Window {
    #context;
    #pages = [];
    complaints = [];

    static async open(browser, base, options = {}) {
        const window = new Window();
        window.base = base;
        window.#context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB', ...options });
        window.#context.setDefaultTimeout(5000 * SLACK);
        window.#context.on('page', (page) => window.#listen(page));
        await window.#context.addInitScript(() => {
            addEventListener('securitypolicyviolation', (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
        });
        return window;
    }

    /** Opens a tab as somebody, in a room or in the first one. */
    async tab(user, room = null, prepare = async () => {}) {
        const page = await this.#context.newPage();
        const person = new Person(page, user);
        await prepare(page);
        await page.goto(`${this.base}/?as=${user}${room ? `#${room}` : ''}`);
        await person.isLive();
        return person;
    }

    page(path) {
        return this.pageAt(this.base + path);
    }

    /** Of any server. */
    async pageAt(url) {
        const page = await this.#context.newPage();
        await page.goto(url);
        return page;
    }

    /** The page that `open` opens. */
    async popup(open) {
        const [page] = await Promise.all([this.#context.waitForEvent('page'), open()]);
        await page.waitForLoadState();
        return page;
    }

    /** Closes the tabs; what they have to say in going needs a browser that goes on. */
    async leave() {
        for (const page of this.#pages) await page.close();
    }

    close() {
        return this.#context.close({ reason: 'the story is told' });
    }

    #listen(page) {
        this.#pages.push(page);
        page.on('pageerror', (error) => this.complaints.push(`page error: ${error.name} ${error.message} ${error.stack}`));
        page.on('response', async (answer) => {
            if (answer.status() < 400 || this.isOutage) return;
            const body = await answer.text().catch(() => '');
            this.complaints.push(`${answer.status()} ${answer.request().method()} ${answer.url()} ${body}`);
        });
        page.on('console', (message) => {
            if (message.type() !== 'error' && message.type() !== 'warning') return;
            if (this.isOutage && OUTAGE.test(message.text())) return;
            this.complaints.push(`console ${message.type()}: ${message.text()} ${message.location().url}`);
        });
    }
}

export class Person {
    #sessions = [];

    constructor(page, user) {
        this.page = page;
        this.user = user;
        page.on('request', (request) => this.#note(request.url()));
    }

    /** Also after an outage, when the page takes its time to try again. */
    isLive() {
        return this.page.waitForSelector('#link[data-phase="live"]', { timeout: RETRY_MS_MAX + 5000 * SLACK });
    }

    async reads(selector, text) {
        await this.page.locator(selector).filter({ hasText: text }).first().waitFor();
    }

    card(user) {
        return this.page.locator(`#people .card[data-user="${user}"]`);
    }

    sees(user, status = null) {
        const suffix = status ? `[data-status="${status}"]` : '';
        return this.page.waitForSelector(`#people .card[data-user="${user}"]${suffix}`);
    }

    /** Closed tabs leave when the grace of their stream ends. */
    seesNo(user) {
        return this.page.waitForSelector(`#people .card[data-user="${user}"]`, { state: 'detached', timeout: GONE_MS_MAX * SLACK });
    }

    isIn(room, count) {
        return this.page.locator(`#rooms .room[data-room="${room}"] .count`, { hasText: new RegExp(`^${count}$`) }).waitFor();
    }

    type(text) {
        return this.page.locator('#draft').pressSequentially(text, { delay: 40 });
    }

    enter(room) {
        return this.page.click(`#rooms .room[data-room="${room}"]`);
    }

    async choose(status) {
        await this.page.click(STATUS_BUTTON);
        await this.page.click(`.pgp-picker [data-choice="${status === 'active' ? 'available' : status}"]`);
        await this.page.keyboard.press('Escape');
    }

    async says(message) {
        await this.page.click(STATUS_BUTTON);
        await this.page.fill('.pgp-picker input', message);
        await this.page.press('.pgp-picker input', 'Enter');
    }

    /** The sessions that this tab's latest stream holds; those of other tabs too where this one leads them. */
    sessionIds() {
        return this.#sessions;
    }

    /** How many events of a kind the stream brought, of one room. */
    frames(event, room) {
        return this.page.evaluate(
            ([wanted, of]) => [...document.querySelectorAll('#frames .frame')].filter((frame) =>
                frame.querySelector(`.frame-event[data-event="${wanted}"]`) && frame.querySelector('.frame-brief').textContent.startsWith(`${of} ·`)).length,
            [event, room],
        );
    }

    /** Watches a card from now on; the answer says whether it was ever gone. */
    async watch(user) {
        await this.page.evaluate((id) => {
            const card = () => document.querySelector(`#people .card[data-user="${id}"]`);
            const first = card();
            window.flickers = [];
            new MutationObserver(() => {
                if (card() !== first) window.flickers.push('gone');
            }).observe(document.querySelector('#people'), { childList: true });
        }, user);
        return () => this.page.evaluate(() => window.flickers);
    }

    close() {
        return this.page.close();
    }

    #note(url) {
        const { pathname, searchParams } = new URL(url);
        if (pathname === '/v1/stream') this.#sessions = searchParams.getAll('session').map((lease) => lease.split('@')[0]);
    }
}

export function pause(ms) {
    return new Promise((resolve) => setTimeout(resolve, ms));
}

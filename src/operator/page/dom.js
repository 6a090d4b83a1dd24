// Small words for the document. Nothing is drawn anew that has not changed, so nothing flickers and no focus is lost.

export const by = (id) => document.getElementById(id);

/** An element with classes, texts and children; a text is never markup. */
export function make(name, { of = '', text, ...attributes } = {}, ...children) {
    const element = document.createElement(name);
    if (of) element.className = of;
    if (text !== undefined) element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
}

export function write(element, text) {
    const words = String(text ?? '');
    if (element.textContent !== words) element.textContent = words;
}

export function mark(element, name, value) {
    if (value === null || value === undefined || value === false) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

export function show(element, is) {
    if (element.hidden === is) element.hidden = !is;
}

/** Keeps a list's elements by key: those that stay are the same elements, moved only where the order changed. */
export function list(parent, items, key, create, update) {
    const known = (parent.known ??= new Map());
    const wanted = new Set(items.map(key));
    for (const [id, element] of known) {
        if (wanted.has(id)) continue;
        element.remove();
        known.delete(id);
    }
    let at = parent.firstElementChild;
    for (const item of items) {
        let element = known.get(key(item));
        if (!element) {
            element = create(item);
            known.set(key(item), element);
        }
        if (element === at) at = at.nextElementSibling;
        else parent.insertBefore(element, at);
        update(element, item);
    }
}

/** Pairs of a term and its value: [term, value, tone]. */
export function pairs(parent, rows) {
    list(parent, rows, ([term]) => term, ([term]) => make('div', {}, make('dt', { text: term }), make('dd')), (element, [, value, tone]) => {
        write(element.lastElementChild, value);
        mark(element, 'data-tone', tone);
    });
}

const DRAWING = 'http://www.w3.org/2000/svg';
const POINTS = 60;

/** What a number was at the last looks, as a line without a scale: whether it rises, falls, or stands. */
export class Spark {
    #points = [];

    constructor() {
        this.element = document.createElementNS(DRAWING, 'svg');
        for (const [name, value] of [['viewBox', '0 0 100 24'], ['preserveAspectRatio', 'none'], ['aria-hidden', 'true'], ['class', 'spark']]) {
            this.element.setAttribute(name, value);
        }
        this.line = this.element.appendChild(document.createElementNS(DRAWING, 'path'));
    }

    add(value) {
        this.#points = [...this.#points, value].slice(-POINTS);
        const most = Math.max(...this.#points, 1);
        const x = (at) => (100 - (this.#points.length - 1 - at) * (100 / (POINTS - 1))).toFixed(1);
        const y = (point) => (22.5 - (point / most) * 20).toFixed(1);
        this.line.setAttribute('d', this.#points.map((point, at) => `${at ? 'L' : 'M'}${x(at)} ${y(point)}`).join(''));
    }
}

const whole = new Intl.NumberFormat('en');
const tenths = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

export const count = (number) => whole.format(number ?? 0);
export const rate = (number) => tenths.format(number ?? 0);

/** `one` thing, or `many` of them. */
export const counted = (number, one, many) => `${count(number)} ${number === 1 ? one : many}`;

/** A time in ms, for people. */
export function span(ms) {
    const s = ms / 1000;
    if (s < 10) return `${tenths.format(s)} s`;
    if (s < 90) return `${Math.round(s)} s`;
    if (s < 5400) return `${Math.round(s / 60)} min`;
    if (s < 172_800) return `${Math.round(s / 3600)} h`;
    return `${Math.round(s / 86_400)} days`;
}

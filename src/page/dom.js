// Elements made by script. Text from people only ever becomes a text node.

import { hueOf } from './cast.js';
import { initials, nameOf } from './words.js';

/** An element with attributes (`null` and `false` are left out) and children (strings become text nodes). */
export function h(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (value === null || value === undefined || value === false) continue;
        if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
        else element.setAttribute(name, value === true ? '' : value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
}

export function byId(id) {
    return document.getElementById(id);
}

/** Sets a text only where it differs: a live region says nothing twice, a selection survives. */
export function say(element, text) {
    if (element.textContent !== text) element.textContent = text;
}

/** A round face: the picture where the page's policy lets it in, else initials on the user's own colour. */
export function face(member, size = 'm') {
    const name = nameOf(member);
    const element = h('span', { class: `face face-${size}`, 'aria-hidden': 'true' });
    element.style.setProperty('--hue', hueOf(member.user_id));
    if (showable(member.avatar_url)) {
        element.append(h('img', { src: member.avatar_url, alt: '' }));
    } else {
        element.append(initials(name).slice(0, size === 's' ? 1 : 2));
    }
    return element;
}

function showable(url) {
    if (!url) return false;
    if (url.startsWith('data:image/')) return true;
    try {
        return new URL(url, location.href).origin === location.origin;
    } catch {
        return false;
    }
}

export const calm = matchMedia('(prefers-reduced-motion: reduce)');

/** Runs `change` and lets the children that it moved glide to their new place. */
export function glide(parent, change) {
    if (calm.matches) return change();
    const before = new Map([...parent.children].map((child) => [child, child.getBoundingClientRect()]));
    change();
    for (const child of parent.children) {
        const from = before.get(child);
        if (!from) continue;
        const to = child.getBoundingClientRect();
        const [x, y] = [from.left - to.left, from.top - to.top];
        if (x || y) child.animate([{ transform: `translate(${x}px, ${y}px)` }, {}], { duration: 260, easing: 'cubic-bezier(.2,.8,.2,1)' });
    }
    return undefined;
}

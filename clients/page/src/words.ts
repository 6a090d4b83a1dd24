// What the page says: statuses, durations and names in words; and the labels of the package's components.

import { english, type Labels } from 'pg-presence/components';

export const labels: Labels = {
    ...english,
    locale: 'en-GB',
    lost: 'The connection is lost; trying again. What you see may be out of date.',
    degraded: 'The database is away. This page stays connected and catches up by itself.',
    closed: 'You were signed out everywhere.',
};

export function statusLabel(status: string): string {
    return labels.status(status);
}

export function nameOf(person: { readonly user_id: string; readonly name?: string | null }): string {
    return person.name || person.user_id;
}

/** One or two letters for a face without a picture. */
export function initials(name: string): string {
    const words = name.trim().split(/[\s._-]+/u).filter(Boolean);
    const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0] ?? '?'];
    return letters.map((word) => [...word][0]).join('').toUpperCase();
}

export function capital(text: string | null | undefined): string {
    return text ? text[0].toUpperCase() + text.slice(1) : '';
}

export function peopleHere(count: number): string {
    return count === 1 ? '1 person here' : `${count} people here`;
}

export function clock(at: Date | string | number, withSeconds = false): string {
    return new Date(at).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', ...(withSeconds && { second: '2-digit' }) });
}

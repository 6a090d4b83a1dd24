// What the page says: statuses, reasons, durations and names in words.

export const STATUSES = {
    active: { label: 'Active', about: 'Here and attentive' },
    away: { label: 'Away', about: 'Open, but not looked at' },
    busy: { label: 'Busy', about: 'Please do not disturb' },
    in_meeting: { label: 'In a meeting', about: 'Back when it is over' },
    invisible: { label: 'Invisible', about: 'Nobody sees you; you see everybody' },
    idle: { label: 'Idle', about: 'No input for a while' },
    typing: { label: 'Typing', about: 'Writing something' },
};

/** The statuses one may choose; the others come by themselves. */
export const CHOICES = ['active', 'away', 'busy', 'in_meeting', 'invisible'];

const REASONS = {
    left: 'left',
    expired: 'went silent',
    disconnected: 'lost the connection',
    revoked: 'lost access',
    removed: 'got removed',
    logged_out: 'signed out',
};

export function statusLabel(status) {
    return STATUSES[status]?.label ?? status;
}

export function reasonPhrase(reason) {
    return REASONS[reason] ?? 'left';
}

export function nameOf(member) {
    return member.name || member.user_id;
}

/** One or two letters for a face without a picture. */
export function initials(name) {
    const words = name.trim().split(/[\s._-]+/u).filter(Boolean);
    const letters = words.length > 1 ? [words[0], words.at(-1)].map((word) => [...word][0]) : [...(words[0] ?? '?')].slice(0, 1);
    return letters.join('').toUpperCase();
}

export function capital(text) {
    return text ? text[0].toUpperCase() + text.slice(1) : text;
}

/** "Ann", "Ann and Ben", "Ann, Ben and Cem". */
export function listed(names) {
    if (names.length < 2) return names.join('');
    return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

export function typingPhrase(names) {
    if (names.length === 0) return '';
    if (names.length > 3) return 'Several people are typing';
    return `${listed(names)} ${names.length === 1 ? 'is' : 'are'} typing`;
}

export function peopleCount(count) {
    return count === 1 ? '1 person here' : `${count} people here`;
}

/** "just now", "4 min", "3 h", "12 May"; rounded so that it changes rarely. */
export function duration(ms) {
    const minutes = Math.floor(ms / 60_000);
    if (minutes < 1) return 'just now';
    if (minutes < 60) return `${minutes} min`;
    const hours = Math.floor(minutes / 60);
    if (hours < 24) return `${hours} h`;
    const days = Math.floor(hours / 24);
    return days === 1 ? '1 day' : `${days} days`;
}

export function ago(ms) {
    const text = duration(ms);
    return text === 'just now' ? text : `${text} ago`;
}

export function clock(date, withSeconds = false) {
    const options = { hour: '2-digit', minute: '2-digit', ...(withSeconds && { second: '2-digit' }) };
    return new Intl.DateTimeFormat(undefined, options).format(date);
}

// The words of what is beyond rooms. They may be said otherwise like all others, by <PresenceLabels>; who says nothing
// of them gets these.

import { useLabels, type Labels } from './labels.js';

export interface BeyondLabels {
    /** The picker, and its button before there is a status. */
    yourStatus: string;
    /** The statuses that one may choose; `null` is none of one's own. */
    choice(status: string | null): string;
    /** The choice in more words. */
    aboutChoice(status: string | null): string;
    /** What stands over the ends of a status, and the ends themselves. */
    endsAfter: string;
    noEnd: string;
    minutes(count: number): string;
    hours(count: number): string;
    endOfDay: string;
    message: string;
    messageHint: string;
    save: string;
    clear: string;
    /** "Tell me when Ann comes online" */
    notifyMe(name: string): string;
    notifications: string;
    /** "3 unread" */
    unread(count: number): string;
    noNotifications: string;
    /** "Ann is online" */
    cameOnline(name: string): string;
    markRead: string;
    markAllRead: string;
    showMore: string;
    /** "3 people on budget" */
    atActivity(count: number, activity: string): string;
    /** What a sparkline shows. */
    occupancy(hours: number, peak: number, peakAt: string, average: string): string;
    /** That could not be said. */
    failed: string;
}

const CHOICES: Record<string, [string, string]> = {
    null: ['Available', 'Idle and away by themselves'],
    active: ['Available', 'Even while you are not looking'],
    idle: ['Idle', ''],
    away: ['Away', 'Not at the desk'],
    busy: ['Busy', 'Nothing is announced to you'],
    in_meeting: ['In a meeting', 'Back when it is over'],
    invisible: ['Invisible', 'Nobody sees you; you see everybody'],
};

const people = (count: number): string => (count === 1 ? '1 person' : `${count} people`);

export const englishBeyond: BeyondLabels = {
    yourStatus: 'Your status',
    choice: (status) => CHOICES[`${status}`]?.[0] ?? `${status}`,
    aboutChoice: (status) => CHOICES[`${status}`]?.[1] ?? '',
    endsAfter: 'Until',
    noEnd: 'No end',
    minutes: (count) => `${count} min`,
    hours: (count) => (count === 1 ? '1 hour' : `${count} hours`),
    endOfDay: 'End of day',
    message: 'What are you up to?',
    messageHint: 'Back at three',
    save: 'Set',
    clear: 'Clear message',
    notifyMe: (name) => `Tell me when ${name} comes online`,
    notifications: 'Notifications',
    unread: (count) => `${count} unread`,
    noNotifications: 'Nothing yet. Ring somebody’s bell to be told when they come online.',
    cameOnline: (name) => `${name} is online`,
    markRead: 'Mark as read',
    markAllRead: 'Mark all as read',
    showMore: 'Show more',
    atActivity: (count, activity) => `${people(count)} on ${activity}`,
    occupancy: (hours, peak, peakAt, average) =>
        peak ? `Last ${hours} hours: at most ${people(peak)}, at ${peakAt}; ${average} on average` : `Last ${hours} hours: nobody`,
    failed: 'That did not get through. Try again.',
};

export const useWords = (): Labels & BeyondLabels => {
    const labels = useLabels();
    return { ...englishBeyond, ...labels };
};

// Faces and dots: what a person looks like, small; and the row that says who it is.

import type { CSSProperties, ReactNode } from 'react';
import { useLabels, type Labels } from './labels.js';

/** What is needed to show somebody: a member, a person of an event or one who is offline. */
export interface Somebody {
    readonly user_id: string;
    readonly name?: string | null;
    readonly avatar_url?: string | null;
}

export const nameOf = ({ name, user_id }: Somebody): string => name || user_id;

/** One or two letters, by code points: half an emoji is no letter. */
const initials = (name: string): string =>
    name.split(/[\s._-]+/, 2).map((word) => [...word][0]).join('').toUpperCase();

/** The same colour for the same person everywhere and always. */
const hue = (id: string): number => [...id].reduce((sum, letter) => (sum * 82 + letter.codePointAt(0)!) % 360, 7);

/** Initials on a colour of one's own, and over them a picture where there is one that loads. */
const Face = ({ of }: { of: Somebody }): ReactNode => (
    <span className="pgp-face" style={{ '--pgp-hue': hue(of.user_id) } as CSSProperties} data-letters={initials(nameOf(of))}>
        {of.avatar_url && (
            <img key={of.avatar_url} src={of.avatar_url} alt="" onError={({ currentTarget }) => (currentTarget.hidden = true)} />
        )}
    </span>
);

/** A face, or what the application draws in its place, with its dot. */
export const avatar = <T extends Somebody>(of: T, status: string | null, render?: (of: T) => ReactNode): ReactNode => (
    <>
        {render ? render(of) : <Face of={of} />}
        <PresenceDot status={status} decorative />
    </>
);

/** A row of a list. `picture` is an `avatar`. */
export function Person({ picture, name, facts, end }: {
    picture: ReactNode;
    name: ReactNode;
    facts: readonly (string | null | undefined | false)[];
    end?: ReactNode;
}): ReactNode {
    return (
        <li className="pgp-person">
            <span className="pgp-avatar">{picture}</span>
            <span className="pgp-name">
                {name}
                <span className="pgp-soft">{facts.filter(Boolean).join(' · ')}</span>
            </span>
            {end}
        </li>
    );
}

export interface PresenceDotProps {
    /** `active`, `idle`, `away`, `busy`, `in_meeting`, `typing` or `offline`; null counts as `offline`. */
    status: string | null | undefined;
    /** The status stands in words beside the dot: nothing to read out. */
    decorative?: boolean;
    className?: string;
}

/** A dot that tells the status by colour and by shape. */
export function PresenceDot({ status, decorative, className }: PresenceDotProps): ReactNode {
    const shown = status || 'offline';
    const label = useLabels().status(shown);
    return (
        <span
            className={join('pgp-dot', className)}
            data-status={shown}
            {...(decorative ? { 'aria-hidden': true } : { role: 'img', 'aria-label': label })}
        />
    );
}

/** "Busy until 15:00"; with the day unless that is today. */
export function withEnd(text: string, end: string | false | null | undefined, { until, locale }: Labels): string {
    if (!end) return text;
    const date = new Date(end);
    const weekday = date.toDateString() === new Date().toDateString() ? undefined : 'short';
    return until(text, date.toLocaleTimeString(locale, { weekday, hour: '2-digit', minute: '2-digit' }));
}

export const join = (own: string, more: string | undefined): string => (more ? `${own} ${more}` : own);

// The face pile of a room, and the list behind it: a dialog that is not modal, so that one may go on working beside it.

import { useEffect, useId, useRef, useState, type ReactNode } from 'react';
import type { Member } from '../index.js';
import { useRoomPresence } from '../react/index.js';
import { Person, avatar, join, nameOf, withEnd } from './face.js';
import { useLabels } from './labels.js';

export interface RoomPresenceProps {
    /** The room. Rendering this component means being there, unless `observe`. */
    roomId?: string | null;
    /** See who is there without being there. */
    observe?: boolean;
    /** Show these people instead of a room's. */
    members?: readonly Member[];
    /** With `members`: which of them is oneself. */
    selfId?: string;
    /** How many faces before `+N`; 5 where absent. */
    max?: number;
    /** What to draw instead of a picture or initials. It is decoration: the name is said beside it. */
    renderAvatar?: (member: Member) => ReactNode;
    className?: string;
}

/** States of the list that are no key of a button. */
const CLOSED = '';
/** Closed by hand; so are the tips, until the pointer or the focus moves on. */
const QUIET = ' ';

export function RoomPresence({ roomId, observe, members, selfId, max = 5, renderAvatar, className }: RoomPresenceProps): ReactNode {
    const labels = useLabels();
    const room = useRoomPresence(members ? null : roomId, { observe });
    const { presentUsers, self, onlineCount: count, status } = members
        ? { presentUsers: members, self: { user_id: selfId }, onlineCount: members.length, status: 'ready' }
        : room;
    const title = labels.here(count);
    const isSelf = (member: Member): boolean => member.user_id === self?.user_id;
    // Oneself, then who came first: nobody changes places because somebody else came.
    const rank = (member: Member): string => (isSelf(member) ? '' : member.joined_at + member.user_id);
    const sorted = [...presentUsers].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
    const shown = sorted.slice(0, max);
    const rest = count - shown.length;

    const id = useId();
    const pile = useRef<HTMLDivElement>(null);
    const [opener, setOpener] = useState(CLOSED);
    const close = (): void => {
        pile.current!.querySelector<HTMLElement>('[aria-expanded=true]')?.focus();
        setOpener(QUIET);
    };
    useEffect(() => {
        const dialog = pile.current!.querySelector<HTMLElement>('[popover]');
        // In the top layer nothing clips it; without popovers it stands in its place.
        dialog?.showPopover?.();
        dialog?.focus();
        const handle = ({ key, type, target }: Event & { key?: string }): void => {
            if (key === 'Escape') close();
            if (type === 'pointerdown' && !pile.current!.contains(target as Node)) setOpener(CLOSED);
        };
        // On the document: a tip goes by Escape even where the pointer rests on it and the focus is elsewhere.
        const end = new AbortController();
        document.addEventListener('keydown', handle, end);
        document.addEventListener('pointerdown', handle, end);
        return () => end.abort();
    }, [opener]);

    const button = (key: string, name: object, children: ReactNode, kind = 'pgp-avatar'): ReactNode => (
        <button
            key={key}
            {...name}
            type="button"
            className={kind}
            aria-haspopup="dialog"
            aria-expanded={opener === key}
            onClick={() => setOpener(opener === key ? CLOSED : key)}
        >
            {children}
        </button>
    );
    const says = (member: Member): string => withEnd(labels.status(member.status), member.status_until, labels);

    return (
        <div
            className={join('pgp-room', className)}
            ref={pile}
            role="group"
            aria-label={title}
            data-quiet={opener === QUIET}
            onPointerOver={() => opener === QUIET && setOpener(CLOSED)}
            onBlur={({ relatedTarget }) => {
                if (opener === QUIET || (relatedTarget && !pile.current!.contains(relatedTarget))) setOpener(CLOSED);
            }}
        >
            {shown.map((member, at) =>
                button(member.user_id, { 'aria-labelledby': id + at }, <>
                    {avatar(member, member.status, renderAvatar)}
                    <span className="pgp-tip" role="tooltip" id={id + at}>
                        <b>{nameOf(member)}{isSelf(member) && ` (${labels.you})`}</b> {says(member)}
                    </span>
                </>))}
            {shown[0]
                ? rest > 0 && button('+', { 'aria-label': labels.more(rest, count) }, `+${rest}`, 'pgp-more')
                : <span className="pgp-soft">
                    {status === 'error' ? labels.unavailable : count ? title : status === 'ready' && labels.nobody}
                </span>}
            {opener.trim() && (
                <div className="pgp-list" role="dialog" aria-label={title} tabIndex={-1} {...{ popover: 'manual' }}>
                    <div className="pgp-head">
                        <b>{title}</b>
                        <button type="button" className="pgp-more" aria-label={labels.close} onClick={close}>×</button>
                    </div>
                    <ul>
                        {sorted.map((member) => (
                            <Person
                                key={member.user_id}
                                picture={avatar(member, member.status, renderAvatar)}
                                name={nameOf(member)}
                                facts={[isSelf(member) && labels.you, says(member), member.activity, member.message]}
                            />
                        ))}
                    </ul>
                </div>
            )}
        </div>
    );
}

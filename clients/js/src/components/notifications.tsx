// What one was told of: the list, and a bell with a number that opens it.

import { useState, type ReactNode } from 'react';
import type { PresenceNotification } from '../index.js';
import { useNotifications, useTimeAgo } from '../react/index.js';
import { avatar, join, nameOf } from './face.js';
import { Bell } from './notify-bell.js';
import { usePopup } from './popup.js';
import { useWords } from './words.js';

const BADGE_MAX = 99;

export interface NotificationListProps {
    /** Show these instead of the service's. */
    notifications?: readonly PresenceNotification[];
    /** One of them was chosen; it is marked as read by itself. */
    onOpen?: (notification: PresenceNotification) => void;
    /** With `notifications`: those were read, or all where none are named. */
    onRead?: (ids?: readonly string[]) => void;
    /** What a notification says, in place of "Ann is online". */
    renderText?: (notification: PresenceNotification) => ReactNode;
    renderAvatar?: (notification: PresenceNotification) => ReactNode;
    className?: string;
}

export function NotificationList({ notifications: given, onOpen, onRead, renderText, renderAvatar, className }: NotificationListProps): ReactNode {
    const words = useWords();
    const own = useNotifications();
    const notifications = given ?? own.notifications;
    const isUnread = given ? given.some(({ read_at }) => !read_at) : own.unreadCount > 0;
    const read = (ids?: readonly string[]): void => {
        onRead?.(ids);
        if (!given) void own.read(ids);
    };
    const open = (one: PresenceNotification): void => {
        if (!one.read_at) read([one.id]);
        onOpen?.(one);
    };
    const isEmpty = !notifications.length && (given || own.status === 'ready');
    return (
        <section className={join('pgp-notes', className)} aria-label={words.notifications}>
            <div className="pgp-head">
                <b>{words.notifications}</b>
                {isUnread && <button type="button" className="pgp-chip" onClick={() => read()}>{words.markAllRead}</button>}
            </div>
            <ul>
                {notifications.map((one) => (
                    <li key={one.id} data-unread={!one.read_at}>
                        <button type="button" className="pgp-person" onClick={() => open(one)}>
                            <span className="pgp-avatar">{avatar(one, null, renderAvatar)}</span>
                            <span className="pgp-name">
                                {renderText ? renderText(one) : words.cameOnline(nameOf(one))}
                                <Ago at={one.at} />
                            </span>
                            {!one.read_at && <span className="pgp-new" role="img" aria-label={words.unread(1)} />}
                        </button>
                    </li>
                ))}
            </ul>
            {isEmpty && <p className="pgp-part pgp-soft">{words.noNotifications}</p>}
            {!given && own.status === 'error' && <p className="pgp-part pgp-soft">{words.unavailable}</p>}
            {!given && own.hasMore && <p className="pgp-part"><button type="button" className="pgp-chip" onClick={() => void own.more()}>{words.showMore}</button></p>}
        </section>
    );
}

function Ago({ at }: { at: string }): ReactNode {
    const { justNow, locale } = useWords();
    return <time className="pgp-soft" dateTime={at}>{useTimeAgo(at, justNow, locale)}</time>;
}

export interface NotificationBellProps extends Omit<NotificationListProps, 'className'> {
    className?: string;
}

/**
 * A bell with the number of what is unread, and the list behind it; what arrives is announced. Nothing where the
 * service has no notifications.
 */
export function NotificationBell({ className, ...list }: NotificationBellProps): ReactNode {
    const words = useWords();
    const popup = usePopup();
    const [news, setNews] = useState<PresenceNotification | null>(null);
    const own = useNotifications({ onArrive: setNews });
    const { notifications } = list;
    if (!notifications && own.error?.type === 'not-found') return null;
    const count = notifications ? notifications.filter(({ read_at }) => !read_at).length : own.unreadCount;
    return (
        <div className={join('pgp-popup', className)} ref={popup.root} onBlur={popup.onBlur}>
            <button
                type="button"
                className="pgp-icon"
                aria-haspopup="dialog"
                aria-expanded={popup.isOpen}
                aria-label={[words.notifications, count && words.unread(count)].filter(Boolean).join(', ')}
                onClick={popup.toggle}
            >
                <Bell />
                {count > 0 && <span className="pgp-count" key={count} aria-hidden="true">{count > BADGE_MAX ? `${BADGE_MAX}+` : count}</span>}
            </button>
            <span className="pgp-unseen" role="status">{news && words.cameOnline(nameOf(news))}</span>
            {popup.isOpen && (
                <div className="pgp-list pgp-panel" role="dialog" aria-label={words.notifications} tabIndex={-1} {...{ popover: 'manual' }}>
                    <NotificationList {...list} onOpen={(one) => {
                        list.onOpen?.(one);
                        if (list.onOpen) popup.close();
                    }} />
                </div>
            )}
        </div>
    );
}

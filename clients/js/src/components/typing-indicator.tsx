// "Ann is typing": seen at once, said seldom.

import { useState, type ReactNode } from 'react';
import { useRoomPresence } from '../react/index.js';
import { join, nameOf, type Somebody } from './face.js';
import { useLabels } from './labels.js';

/** Between two announcements. People type in turns: each turn in words would be chatter. */
const QUIET_MS = 10_000;

export interface TypingIndicatorProps {
    /** The room. Seeing who types there does not mean being there. */
    roomId?: string | null;
    /** Show these people instead of a room's. */
    typing?: readonly Somebody[];
    className?: string;
}

/**
 * Always in the document, so that a screen reader knows it before it speaks.
 * What it shows follows every change; a screen reader hears of it only where that is news.
 */
export function TypingIndicator({ roomId, typing, className }: TypingIndicatorProps): ReactNode {
    const labels = useLabels();
    const room = useRoomPresence(typing ? null : roomId, { observe: true });
    const names = (typing ?? room.typingUsers).map(nameOf);
    const text = names[0] ? labels.typing(names) : '';
    const [last, setLast] = useState({ text: '', at: 0, isNews: false });
    if (text !== last.text) {
        const now = Date.now();
        const isNews = !!text && now - last.at > QUIET_MS;
        setLast({ text, isNews, at: isNews ? now : last.at });
    }
    return (
        <div className={join('pgp-typing', className)} role="status" aria-live={last.isNews ? 'polite' : 'off'}>
            {text}
        </div>
    );
}

// Something that opens beside its button: by the button, closed by it, by Escape, by a click elsewhere, and by leaving it
// with the keyboard. The focus goes in and, by Escape, comes back.

import { useCallback, useEffect, useRef, useState, type FocusEvent, type RefObject } from 'react';

export interface Popup {
    isOpen: boolean;
    /** Around the button and what opens. */
    root: RefObject<HTMLDivElement | null>;
    toggle(): void;
    /** Closes, and gives the button its focus back. */
    close(): void;
    onBlur(event: FocusEvent): void;
}

/** What opens is the `[popover]` of the root, its button the one with `aria-expanded`. */
export function usePopup(): Popup {
    const root = useRef<HTMLDivElement>(null);
    const [isOpen, setOpen] = useState(false);
    const close = useCallback(() => {
        root.current?.querySelector<HTMLElement>('[aria-expanded]')?.focus();
        setOpen(false);
    }, []);
    useEffect(() => {
        if (!isOpen) return;
        const panel = root.current!.querySelector<HTMLElement>('[popover]')!;
        // In the top layer nothing clips it; without popovers it stands in its place.
        panel.showPopover?.();
        (panel.querySelector<HTMLElement>('[data-first]') ?? panel).focus();
        const end = new AbortController();
        document.addEventListener('keydown', ({ key }) => key === 'Escape' && close(), end);
        document.addEventListener('pointerdown', ({ target }) => root.current!.contains(target as Node) || setOpen(false), end);
        return () => end.abort();
    }, [isOpen, close]);
    return {
        isOpen, root, close,
        toggle: () => setOpen((before) => !before),
        // To nowhere is no leaving: a window that loses the focus, an element that goes.
        onBlur: ({ relatedTarget }) => void (relatedTarget && !root.current!.contains(relatedTarget as Node) && setOpen(false)),
    };
}

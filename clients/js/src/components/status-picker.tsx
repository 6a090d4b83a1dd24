// One's own status for all rooms: what, until when, and a message.

import { useId, useRef, useState, type FormEvent, type KeyboardEvent, type ReactNode } from 'react';
import type { MyStatus, MyStatusChange, PresenceError } from '../index.js';
import { useMyStatus } from '../react/index.js';
import { PresenceDot, join, withEnd } from './face.js';
import { usePopup } from './popup.js';
import { useWords } from './words.js';

const CHOICES = [null, 'away', 'busy', 'in_meeting', 'invisible'] as const;
const MINUTE_MS = 60_000;
const MESSAGE_MAX = 140;

export interface StatusPickerProps {
    /** Show this status instead of the service's; `onChange` is told what is chosen. */
    value?: MyStatus;
    /** What was chosen. With `value` it is the only one to hear of it; what it resolves with is shown as gone wrong. */
    onChange?: (change: MyStatusChange) => unknown;
    /** What one seems to be while one has no status of one's own: `idle` and `away` come by themselves. */
    seen?: string | null;
    className?: string;
}

/** Until midnight, by this computer's clock. */
const restOfDay = (): number => new Date().setHours(24, 0, 0, 0) - Date.now();

/** A button with the status, and behind it the choices. Nothing where the service knows no status for all rooms. */
export function StatusPicker({ value, onChange, seen, className }: StatusPickerProps): ReactNode {
    const words = useWords();
    const own = useMyStatus();
    const popup = usePopup();
    const id = useId();
    const menu = useRef<HTMLDivElement>(null);
    const [failure, setFailure] = useState<PresenceError | null>(null);
    const { status, status_until, message } = value ?? own.myStatus;
    /** Which end was chosen for this status; by another one, or an end that passed, it is none. */
    const [chosen, setChosen] = useState<{ name: string; of: string | null }>();
    if (!value && own.error?.type === 'not-found') return null;

    // One that cannot be chosen here was chosen elsewhere.
    const current = CHOICES.find((choice) => choice === status) ?? null;
    const shown = status ?? seen ?? 'active';
    const label = status === null && (!seen || seen === 'active') ? words.choice(null) : words.choice(shown);
    const say = async (change: MyStatusChange): Promise<void> => {
        const told = onChange?.(change);
        const wrong = value ? await told : await own.setStatus(change);
        setFailure((wrong as PresenceError | null | undefined) ?? null);
    };
    const choose = (next: (typeof CHOICES)[number]): void => {
        setChosen(undefined);
        void say({ status: next });
    };
    const ends: [string, number | undefined][] = [
        [words.noEnd, undefined], [words.minutes(30), 30 * MINUTE_MS], [words.hours(1), 60 * MINUTE_MS], [words.endOfDay, 0],
    ];
    const isChosen = (name: string, ms: number | undefined): boolean =>
        ms === undefined ? !status_until : !!status_until && chosen?.name === name && chosen.of === status;
    const endAfter = (name: string, ms: number | undefined): void => {
        setChosen({ name, of: status });
        void say({ status, status_ttl_ms: ms === 0 ? restOfDay() : ms });
    };
    const send = (event: FormEvent<HTMLFormElement>): void => {
        event.preventDefault();
        void say({ message: String(new FormData(event.currentTarget).get('message') ?? '').trim() || null });
        popup.close();
    };
    const move = (event: KeyboardEvent): void => {
        const items = [...menu.current!.querySelectorAll<HTMLElement>('[role=menuitemradio]')];
        const at = items.indexOf(document.activeElement as HTMLElement);
        const to = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: items.length - 1 }[event.key];
        if (to === undefined) return;
        event.preventDefault();
        items[to % items.length].focus();
    };

    return (
        <div className={join('pgp-popup pgp-picker', className)} ref={popup.root} onBlur={popup.onBlur}>
            <button
                type="button"
                className="pgp-button"
                aria-haspopup="dialog"
                aria-expanded={popup.isOpen}
                aria-label={`${words.yourStatus}: ${withEnd(label, status_until, words)}`}
                onClick={popup.toggle}
                data-status={shown}
            >
                <PresenceDot status={shown} decorative />
                <span className="pgp-picked">{withEnd(label, status_until, words)}</span>
            </button>
            {popup.isOpen && (
                <div className="pgp-list pgp-panel" role="dialog" aria-label={words.yourStatus} tabIndex={-1} {...{ popover: 'manual' }}>
                    <div role="menu" aria-label={words.yourStatus} ref={menu} onKeyDown={move}>
                        {CHOICES.map((choice) => {
                            const isOn = choice === current;
                            return (
                                <button
                                    key={`${choice}`}
                                    type="button"
                                    role="menuitemradio"
                                    aria-checked={isOn}
                                    tabIndex={isOn ? 0 : -1}
                                    className="pgp-choice"
                                    data-choice={choice ?? 'available'}
                                    {...(isOn && { 'data-first': true })}
                                    onClick={() => choose(choice)}
                                >
                                    <PresenceDot status={choice ?? 'active'} decorative />
                                    <span className="pgp-name">{words.choice(choice)}<span className="pgp-soft">{words.aboutChoice(choice)}</span></span>
                                </button>
                            );
                        })}
                    </div>
                    {current && (
                        <div className="pgp-part" role="group" aria-labelledby={`${id}-until`}>
                            <p className="pgp-soft" id={`${id}-until`}>{withEnd(words.endsAfter, status_until, { ...words, until: (_, time) => `${words.endsAfter} ${time}` })}</p>
                            <div className="pgp-chips">
                                {ends.map(([name, ms]) => (
                                    <button key={name} type="button" className="pgp-chip" aria-pressed={isChosen(name, ms)} onClick={() => endAfter(name, ms)}>{name}</button>
                                ))}
                            </div>
                        </div>
                    )}
                    <form className="pgp-part" onSubmit={send}>
                        <label className="pgp-soft" htmlFor={`${id}-message`}>{words.message}</label>
                        <div className="pgp-line">
                            <input key={message} id={`${id}-message`} name="message" maxLength={MESSAGE_MAX} autoComplete="off" placeholder={words.messageHint} enterKeyHint="done" defaultValue={message ?? ''} />
                            {message && <button type="button" className="pgp-chip" aria-label={words.clear} onClick={() => void say({ message: null })}>×</button>}
                            <button type="submit" className="pgp-chip">{words.save}</button>
                        </div>
                    </form>
                    <p className="pgp-part pgp-failed" role="status">{failure && words.failed}</p>
                </div>
            )}
        </div>
    );
}

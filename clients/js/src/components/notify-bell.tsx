// "Tell me when she comes online": a bell beside a person.

import { useState, type ReactNode } from 'react';
import type { WatchOptions } from '../index.js';
import { useWatch } from '../react/index.js';
import { join } from './face.js';
import { useWords } from './words.js';

export const Bell = ({ isOn }: { isOn?: boolean }): ReactNode => (
    <svg className="pgp-bell" viewBox="0 0 20 20" aria-hidden="true" data-on={isOn}>
        <path d="M10 2.6a4.9 4.9 0 0 0-4.9 4.9c0 4-1.5 5.4-2 6.1h13.8c-.5-.7-2-2.1-2-6.1A4.9 4.9 0 0 0 10 2.6Z" />
        <path d="M8.2 16.2a1.9 1.9 0 0 0 3.6 0" fill="none" />
    </svg>
);

export interface NotifyBellProps {
    userId?: string | null;
    /** What the person is called; the id where absent. */
    name?: string | null;
    /** How one is told. */
    options?: WatchOptions;
    /** Show this instead of whether the service knows of a watch; `onChange` is told what is wanted. */
    on?: boolean;
    onChange?: (on: boolean) => void;
    className?: string;
}

/** A button that is pressed while one is told. Nothing before that is known, and where the service has no watches. */
export function NotifyBell({ userId, name, options, on, onChange, className }: NotifyBellProps): ReactNode {
    const words = useWords();
    const { isWatching, isPending, status, setWatching } = useWatch(on === undefined ? userId : null);
    const [isFailed, setFailed] = useState(false);
    if (on === undefined && status !== 'ready') return null;
    const isOn = on ?? isWatching;
    const label = words.notifyMe(name ?? userId ?? '');
    const toggle = async (): Promise<void> => {
        onChange?.(!isOn);
        if (on === undefined) setFailed(!!(await setWatching(!isOn, options)));
    };
    return (
        <button
            type="button"
            className={join('pgp-icon', className)}
            aria-pressed={isOn}
            aria-busy={isPending}
            aria-label={label}
            title={isFailed ? words.failed : label}
            data-failed={isFailed}
            onClick={() => isPending || void toggle()}
        >
            <Bell isOn={isOn} />
        </button>
    );
}

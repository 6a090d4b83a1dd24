// What one said about oneself on this page, in whatever room: kept for this tab and person over a reload.

import { useCallback, useState } from 'react';
import type { StatusChange } from 'pg-presence';

export interface Own {
    readonly status: NonNullable<StatusChange['status']>;
    readonly message: string | null;
}

const NOTHING: Own = { status: 'active', message: null };

const key = (me: string): string => `pg-presence.page.own.${me}`;

export function useOwn(me: string): [Own, (change: Partial<Own>) => void] {
    const [own, setOwn] = useState<Own>(() => {
        try {
            return { ...NOTHING, ...(JSON.parse(sessionStorage.getItem(key(me)) ?? '{}') as Partial<Own>) };
        } catch {
            return NOTHING;
        }
    });
    const change = useCallback(
        (news: Partial<Own>) =>
            setOwn((before) => {
                const after = { ...before, ...news };
                sessionStorage.setItem(key(me), JSON.stringify(after));
                return after;
            }),
        [me],
    );
    return [own, change];
}

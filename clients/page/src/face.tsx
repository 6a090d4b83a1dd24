// A face: initials on the colour of its person, and a picture over them where there is one.

import type { CSSProperties, ReactNode } from 'react';
import { PresenceDot } from 'pg-presence/components';
import { hueOf } from './cast';
import { initials, nameOf } from './words';

export interface Somebody {
    readonly user_id: string;
    readonly name?: string | null;
    readonly avatar_url?: string | null;
}

/** Decoration: the name is said beside it, and the letters are no text. With `status` a dot says that, too. */
export function Face({ of, size = 'm', status }: { of: Somebody; size?: 's' | 'm' | 'l'; status?: string | null }): ReactNode {
    return (
        <span className={`face face-${size}`} style={{ '--hue': hueOf(of.user_id) } as CSSProperties} aria-hidden="true">
            <span className="face-letters" data-letters={initials(nameOf(of))} />
            {of.avatar_url && <img src={of.avatar_url} alt="" />}
            {status !== undefined && <PresenceDot status={status} decorative />}
        </span>
    );
}

export const drawFace = (of: Somebody): ReactNode => <Face of={of} size="m" />;

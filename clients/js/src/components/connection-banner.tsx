// Says that what is shown may be out of date, and nothing while all is well.

import type { ReactNode } from 'react';
import { useConnection, usePresence } from '../react/index.js';
import { join } from './face.js';
import { useLabels } from './labels.js';

export interface ConnectionBannerProps {
    /** Show this instead of how the client's connection is. */
    state?: 'lost' | 'degraded' | 'closed' | 'open';
    className?: string;
}

/**
 * Always in the document; it takes no room while it has nothing to say.
 * A connection that is back within five seconds is not worth a word.
 */
export function ConnectionBanner({ state, className }: ConnectionBannerProps): ReactNode {
    const labels = useLabels();
    const connection = useConnection();
    const client = usePresence();
    const shown = state ?? (connection.lost ? 'lost' : connection.state);
    return (
        <div className={join('pgp-banner', className)}>
            <span role="status">{labels[shown as 'lost']}</span>
            {shown === 'lost' && <button type="button" className="pgp-more" onClick={client?.wake}>{labels.tryNow}</button>}
        </div>
    );
}

// Under the hood: the stream as it comes, beside the same room as SQL sees it, and lines to paste.

import { memo, useEffect, useState, useSyncExternalStore, type ReactNode } from 'react';
import { nextPersona } from './cast';
import { rowsOf, type LiveRow } from './service';
import { literal, snippets, type Snippet } from './snippets';
import { tapped, type Frame } from './tap';
import { clock } from './words';

const OPEN_KEY = 'pg-presence.page.hood';
const ROWS_MS = 1000;
const COPIED_MS = 1600;

export function Hood({ me, roomId, roomName }: { me: string; roomId: string; roomName: string }): ReactNode {
    const [isOpen, setOpen] = useState(() => localStorage.getItem(OPEN_KEY) === 'open');
    const { frames, count } = useSyncExternalStore(tapped.subscribe, tapped.getSnapshot);
    const toggle = (to: boolean): void => {
        setOpen(to);
        localStorage.setItem(OPEN_KEY, to ? 'open' : 'closed');
    };
    return (
        <section className="hood" aria-label="Under the hood">
            <details id="hood" open={isOpen} onToggle={({ currentTarget }) => toggle(currentTarget.open)}>
                <summary>Under the hood <span className="soft" id="frame-count">{count === 0 ? 'no event yet' : count === 1 ? '1 event' : `${count} events`}</span></summary>
                <div className="hood-body">
                    <section>
                        <h2>What the stream said</h2>
                        <ol className="frames" id="frames" tabIndex={0} aria-label="Events of the stream">
                            {frames.map((frame) => <FrameLine key={frame.key} frame={frame} />)}
                        </ol>
                    </section>
                    <section>
                        <h2>{roomName} in SQL, asked each second</h2>
                        <LiveTable key={roomId} me={me} roomId={roomId} isOpen={isOpen} />
                    </section>
                    <section>
                        <h2>Take it home</h2>
                        <Snippets list={snippets(me, nextPersona(me, roomId, () => false).id, roomId)} />
                    </section>
                </div>
            </details>
        </section>
    );
}

const BRIEF_MAX = 80;

const FrameLine = memo(({ frame }: { frame: Frame }): ReactNode => {
    const [isOpen, setOpen] = useState(false);
    const about = frame.data.match(/^\{"(?:room|event|user)_id":"([^"]*)"/)?.[1];
    const revision = frame.id && `rev ${frame.id.split('.')[1]}`;
    const brief = [about, revision].filter(Boolean).join(' · ') || (frame.data === '{}' ? '' : frame.data.slice(0, BRIEF_MAX));
    return (
        <li>
            <details className="frame" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
                <summary>
                    <span className="frame-event" data-event={frame.event}>{frame.event}{frame.times > 1 && ` ×${frame.times}`}</span>
                    <span className="frame-brief">{brief}</span>
                    <time>{clock(frame.at, true)}</time>
                </summary>
                {isOpen && <pre tabIndex={0}>{`${frame.id ? `id: ${frame.id}\n` : ''}event: ${frame.event}\ndata: ${JSON.stringify(JSON.parse(frame.data), null, 2)}`}</pre>}
            </details>
        </li>
    );
});

function LiveTable({ me, roomId, isOpen }: { me: string; roomId: string; isOpen: boolean }): ReactNode {
    const [live, setLive] = useState<{ sql: string; rows: readonly LiveRow[] } | null>(null);
    const [isFailed, setFailed] = useState(false);
    useEffect(() => {
        if (!isOpen) return;
        const read = (): void => {
            if (document.hidden) return;
            rowsOf(me, roomId).then(
                (found) => {
                    setLive(found);
                    setFailed(false);
                },
                () => setFailed(true),
            );
        };
        read();
        const timer = setInterval(read, ROWS_MS);
        return () => clearInterval(timer);
    }, [me, roomId, isOpen]);
    return (
        <>
            <div className="table-frame live" tabIndex={0} role="group" aria-label="Rows" data-old={isFailed}>
                <table className="table" id="live">
                    <thead><tr>{['name', 'role', 'status', 'sessions', 'here_for', 'lease'].map((name) => <th key={name} scope="col">{name}</th>)}</tr></thead>
                    <tbody>
                        {live?.rows.map((row, at) => (
                            <tr key={at}><td>{row.name}</td><td>{row.role}</td><td>{row.status}</td><td className="number">{row.sessions}</td><td>{row.here_for}</td><td>{row.lease}</td></tr>
                        ))}
                    </tbody>
                </table>
                {live?.rows.length === 0 && <p className="nothing">(0 rows)</p>}
                {isFailed && !live && <p className="nothing">The database does not answer, or has a mapping of its own.</p>}
            </div>
            {live && <pre className="sql" tabIndex={0}><code>{live.sql.replace('$1::text::presence.room_id', literal(roomId))};</code></pre>}
        </>
    );
}

function Snippets({ list }: { list: readonly Snippet[] }): ReactNode {
    const [name, setName] = useState(list[0].name);
    const [word, setWord] = useState('Copy');
    const shown = list.find((snippet) => snippet.name === name) ?? list[0];
    useEffect(() => {
        if (word === 'Copy') return;
        const timer = setTimeout(setWord, COPIED_MS, 'Copy');
        return () => clearTimeout(timer);
    }, [word]);
    const copy = (): void => {
        navigator.clipboard.writeText(shown.text).then(() => setWord('Copied'), () => setWord('Select and copy'));
    };
    return (
        <div className="snippets">
            <div className="snippet-bar">
                <div className="segments" role="group" aria-label="Language">
                    {list.map((snippet) => (
                        <button key={snippet.name} type="button" aria-pressed={snippet.name === shown.name} onClick={() => setName(snippet.name)}>{snippet.name}</button>
                    ))}
                </div>
                <button className="button small" type="button" onClick={copy}>{word}</button>
            </div>
            <p className="nothing">{shown.about}</p>
            <pre tabIndex={0}><code id="snippet">{shown.text}</code></pre>
        </div>
    );
}

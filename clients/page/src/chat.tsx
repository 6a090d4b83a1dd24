// The conversation of a room, with the presence of whoever speaks; who is typing; and what one types oneself.

import { useEffect, useRef, useState, type FormEvent, type ReactNode } from 'react';
import { TypingIndicator } from 'pg-presence/components';
import { persona } from './cast';
import { Face } from './face';
import type { RoomViewProps } from './room';
import { useTalk, type Line } from './talk';
import { clock, nameOf } from './words';

const HINT = 'This page does presence, not chat: messages travel between the windows of this browser, and the server stores none.';
const SENT = 'Sent to the other windows of this browser; nothing was stored. But everybody saw you type.';
const SENT_MS = 5000;

export function Chat({ me, info, room }: RoomViewProps): ReactNode {
    const [lines, say] = useTalk(info.room_id, { user_id: me, name: room.self?.name ?? persona(me).name });
    const [isSent, setSent] = useState(false);
    const log = useRef<HTMLDivElement>(null);
    useEffect(() => {
        log.current?.scrollTo({ top: log.current.scrollHeight });
    }, [lines.length]);
    useEffect(() => {
        if (!isSent) return;
        const timer = setTimeout(setSent, SENT_MS, false);
        return () => clearTimeout(timer);
    }, [isSent, lines.length]);
    const { setTyping } = room;
    const send = (event: FormEvent<HTMLFormElement>): void => {
        event.preventDefault();
        const form = event.currentTarget;
        const text = String(new FormData(form).get('draft') ?? '').trim();
        if (text === '') return;
        form.reset();
        setTyping(false);
        say(text);
        setSent(true);
    };
    const status = (id: string): string => room.presentUsers.find((member) => member.user_id === id)?.status ?? 'offline';
    return (
        <>
            <div className="log" ref={log} role="log" aria-label="Messages" tabIndex={0}>
                {lines.length === 0 && <p className="nothing">Nothing was said here yet.</p>}
                <ol className="lines">
                    {lines[0]?.at === null && <li className="line-note"><span>A sample conversation</span></li>}
                    {lines.map((line, at) => (
                        <Said key={line.id} line={line} isMine={line.user_id === me} isFirst={lines[at - 1]?.user_id !== line.user_id} status={status(line.user_id)} />
                    ))}
                </ol>
            </div>
            <div className="write">
                <div className="typing" id="typing"><div id="typing-text"><TypingIndicator typing={room.typingUsers} /></div></div>
                <form className="composer" id="composer" onSubmit={send}>
                    <label className="unseen" htmlFor="draft">Write a message</label>
                    <input
                        id="draft"
                        name="draft"
                        autoComplete="off"
                        maxLength={500}
                        placeholder={`Message ${info.name ?? info.room_id}`}
                        enterKeyHint="send"
                        onChange={({ currentTarget }) => setTyping(currentTarget.value !== '')}
                        onBlur={() => setTyping(false)}
                    />
                    <button className="button primary" type="submit">Send</button>
                </form>
                <p className="hint" id="hint">{isSent ? SENT : HINT}</p>
            </div>
        </>
    );
}

function Said({ line, isMine, isFirst, status }: { line: Line; isMine: boolean; isFirst: boolean; status: string }): ReactNode {
    return (
        <li className="line" data-mine={isMine} data-first={isFirst}>
            {isFirst ? <Face of={line} status={status} /> : <span className="line-gap" />}
            <div className="line-body">
                {isFirst && (
                    <p className="line-head">
                        <b>{nameOf(line)}</b>
                        {line.at && <time dateTime={new Date(line.at).toISOString()}>{clock(line.at)}</time>}
                    </p>
                )}
                <p className="line-text">{line.text}</p>
            </div>
        </li>
    );
}

-- Why: a status that a user sets once for all rooms, and what history answers over HTTP.
-- Lock taken: access exclusive on session for a moment (nullable columns), and a rewrite of no table.
-- Safe beside the previous binary: it calls functions, which the same migrate replaces.
--
-- Runs as presence_owner.

-- Logged: "busy until Monday" outlives a crash. Looked up where a session joins or says something new, and written through
-- to the live sessions where it is set: a renewal never comes near it.
create table presence_private.own_status (
    status_until timestamptz,
    horizon      xid8,
    pending      boolean          not null default true,
    user_id      presence.user_id not null,
    status       text,
    message      text,
    constraint own_status_pkey primary key (user_id),
    constraint own_status_status check (status in ('active', 'idle', 'away', 'busy', 'in_meeting', 'invisible')),
    constraint own_status_status_until check (status is not null or status_until is null),
    constraint own_status_message check (char_length(message) between 1 and 140)
) with (fillfactor = 70);
comment on table presence_private.own_status is 'what a user says for all rooms; see presence.set_status()';
comment on column presence_private.own_status.status is 'null: none of their own';
comment on column presence_private.own_status.status_until is 'when the status is over; the message stays';
comment on column presence_private.own_status.pending is 'a join that ran beside its setting may have missed it: the reaper looks again';
comment on column presence_private.own_status.horizon is 'no transaction from this one on can have missed it; null: the reaper has not looked yet';
create index own_status_pending on presence_private.own_status (user_id) where pending;
create index own_status_status_until on presence_private.own_status (status_until) where status_until is not null;

alter table presence_private.session
    add column said_until timestamptz,
    add column said_status text,
    add column lent_message boolean;
comment on column presence_private.session.said_status is 'what the session itself says, while its user''s own status stands in status; null: status is the session''s';
comment on column presence_private.session.said_until is 'when that becomes active';
comment on column presence_private.session.lent_message is 'message is the one that the user set for all rooms: the session itself has none';

create type presence.own_status as (
    status       text,
    status_until timestamptz,
    message      text
);
comment on type presence.own_status is 'what a user says for all rooms; all null where they say nothing';

create type presence.activity as (
    kind         text,
    room_id      presence.room_id,
    room_name    text,
    user_id      presence.user_id,
    name         text,
    avatar_url   text,
    last_seen_at timestamptz,
    online       boolean,
    at           timestamptz,
    online_count integer,
    average      double precision,
    active_users integer
);
comment on type presence.activity is
    'what became of an event or a room: kind whole (one row) and room (at and online_count are the peak''s), person, and point (how many were there at that moment)';

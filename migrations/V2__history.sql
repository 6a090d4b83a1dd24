-- Why: visits and a right "last seen" after a crash; who an end user's login is; leases that streams hold;
-- tickets for streams.
-- Lock taken: access exclusive on last_seen for a moment (a nullable column), and a rewrite of no table.
-- Safe beside the previous binary: it calls functions, which the same migrate replaces.
--
-- Runs as presence_owner.

alter table presence_private.last_seen add column since timestamptz;
comment on column presence_private.last_seen.since is 'when the presence began that lasts (reason null) or that ended last';
update presence_private.last_seen set since = last_seen_at where reason is null;

-- Written once, when a presence ends; what lasts is in last_seen.
create table presence_private.visit (
    began_at timestamptz      not null,
    ended_at timestamptz      not null,
    room_id  presence.room_id not null,
    user_id  presence.user_id not null,
    reason   text             not null,
    constraint visit_pkey primary key (room_id, user_id, ended_at),
    constraint visit_not_backwards check (began_at <= ended_at)
) partition by range (ended_at);
comment on table presence_private.visit is 'who was where from when to when, one row a presence that ended; a partition a day (UTC), dropped after the retention';
create index visit_user_id_room_id on presence_private.visit (user_id, room_id);
create table presence_private.visit_default partition of presence_private.visit default;
comment on table presence_private.visit_default is 'what ended on a day that has no partition; moved as soon as there is one';

create table presence_private.alive (
    one      boolean     not null default true,
    alive_at timestamptz not null default '-infinity',
    keep_at  timestamptz not null default '-infinity',
    lost_at  timestamptz,
    close_at timestamptz,
    constraint alive_pkey primary key (one),
    constraint alive_one check (one)
) with (fillfactor = 10);
comment on table presence_private.alive is 'the reaper''s own diary: one logged row';
comment on column presence_private.alive.alive_at is 'when it last ran, to 10 s: what was open at a crash ended then';
comment on column presence_private.alive.keep_at is 'when the partitions of history are looked after next';
comment on column presence_private.alive.lost_at is 'the unlogged data was lost after this moment, and what was open then is not all closed';
comment on column presence_private.alive.close_at is 'until then those who were here may come back without having been away';
insert into presence_private.alive default values;

alter table presence_private.epoch add column reaped_at timestamptz;
comment on column presence_private.epoch.reaped_at is 'when all was reaped that was due: who is shown then is here';

create table presence_private.login (
    login   name             not null,
    role    oid              not null,
    user_id presence.user_id not null,
    constraint login_pkey primary key (login)
);
comment on column presence_private.login.role is 'the login when it was mapped: one of the same name that is made later is somebody else';
comment on table presence_private.login is 'which user an end user''s own login is; see presence.whoami()';

create table presence_private.gateway (
    login   name not null,
    role    oid  not null,
    setting text not null,
    claim   text,
    constraint gateway_pkey primary key (login)
);
comment on table presence_private.gateway is 'logins that speak for many users, and the setting in which they say for whom; see presence.whoami()';
comment on column presence_private.gateway.role is 'the login when it was mapped: one of the same name that is made later is somebody else';
comment on column presence_private.gateway.claim is 'the key in the setting''s JSON; null: the setting itself is the user id';

-- Logged: what was used stays used after a crash.
create table presence_private.spent_ticket (
    ticket_id uuid        not null,
    spent_at  timestamptz not null,
    constraint spent_ticket_pkey primary key (ticket_id)
);
comment on table presence_private.spent_ticket is 'tickets that have opened a stream, for 10 min: each is good once';
create index spent_ticket_spent_at on presence_private.spent_ticket (spent_at);

comment on column presence_private.session.holder is 'the stream that renews this lease; the zero uuid: its socket closed, and the grace runs';

-- They get one more argument, with a default: calls as before go on.
drop function if exists presence.watch_table(regclass, name, name, name[], boolean);
drop function if exists presence.read_rooms(presence.room_id[], uuid[], bigint[], presence.room_id[], presence.user_id[]);

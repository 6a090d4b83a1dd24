-- What the version of V2 left in a database: all that it installed, a mapping, and rows of every kind. See v1.sql.
--
-- pg-presence: roles, shape and behaviour, as `pg-presence migrate` installs them.

-- sql/ops/roles.sql
-- Roles and schemas: what `migrate` does first, with any login that has CREATEROLE and CREATE on the database.
-- Idempotent. Roles belong to the whole cluster, so two databases may be migrated at the same moment.
do $$
declare
    wanted text;
    meant  text;
begin
    foreach wanted in array array['presence_owner', 'presence_service', 'presence_app', 'presence_viewer'] loop
        begin
            if not exists (select from pg_catalog.pg_roles r where r.rolname = wanted) then
                execute pg_catalog.format('create role %I nologin', wanted);
                meant := case wanted
                    when 'presence_owner' then 'owns all of pg-presence; nobody logs in as it'
                    when 'presence_service' then 'pg-presence: may execute the API, has no right on any table'
                    when 'presence_app' then 'pg-presence: trusted backends; full views and the write functions'
                    else 'pg-presence: end users; the visible_ views alone'
                end;
                execute pg_catalog.format('comment on role %I is %L', wanted, meant);
            end if;
        exception
            when duplicate_object or unique_violation then
                null;   -- another database's migration was faster
        end;
    end loop;
end
$$;

-- To create objects as presence_owner one must be able to become it.
do $$
begin
    if not pg_catalog.pg_has_role(current_user, 'presence_owner', 'member')
       or (pg_catalog.current_setting('server_version_num')::integer >= 160000
           and not pg_catalog.pg_has_role(current_user, 'presence_owner', 'set')) then
        if pg_catalog.current_setting('server_version_num')::integer >= 160000 then
            execute pg_catalog.format('grant presence_owner to %I with inherit true, set true', current_user);
        else
            execute pg_catalog.format('grant presence_owner to %I', current_user);
        end if;
    end if;
exception
    when insufficient_privilege then
        raise exception 'the login % may not become presence_owner', current_user
            using errcode = 'insufficient_privilege',
                  hint = pg_catalog.format('let a superuser run: grant presence_owner to %I', current_user);
end
$$;

do $$
declare
    wanted text;
begin
    foreach wanted in array array['presence', 'presence_private', 'presence_host'] loop
        if not exists (select from pg_catalog.pg_namespace n where n.nspname = wanted) then
            execute pg_catalog.format('create schema %I authorization presence_owner', wanted);
        end if;
    end loop;
end
$$;

-- from here on as the owner
begin;
set local role presence_owner;
set local search_path = pg_catalog, pg_temp;

-- id types
set presence.user_id_type = 'text';
set presence.room_id_type = 'text';
set presence.event_id_type = 'text';

-- migrations/V1__presence.sql
-- Why: the shape of presence: id domains, settings, leases, what people see of them, and the log of changes.
-- Lock taken: none on anything that exists. Safe beside the previous binary: there is none.
--
-- Runs as presence_owner. The three id types come from presence.user_id_type, presence.room_id_type and
-- presence.event_id_type, settings of the migrating session; unset means text.

alter default privileges for role presence_owner revoke execute on functions from public;

comment on schema presence is 'pg-presence: the contract; functions and views that an application may use';
comment on schema presence_private is 'pg-presence: internal; nobody but presence_owner has any right here';
comment on schema presence_host is 'pg-presence: how the application''s users, rooms, participants and events are read; the application replaces these functions';

grant usage on schema presence to presence_service, presence_app, presence_viewer;

-- Domains without constraints, so that the application's own indexes are used through them.
do $$
declare
    kind    text;
    base_of text;
begin
    foreach kind in array array['user_id', 'room_id', 'event_id'] loop
        base_of := coalesce(nullif(pg_catalog.current_setting('presence.' || kind || '_type', true), ''), 'text');
        if base_of not in ('text', 'uuid', 'bigint') then
            raise exception 'the type of % must be text, uuid or bigint, not %', kind, base_of using errcode = '22023';
        end if;
        execute pg_catalog.format('create domain presence.%I as %s', kind, base_of);
    end loop;
end
$$;
comment on domain presence.user_id is 'a user of the application';
comment on domain presence.room_id is 'a room of the application: the scope of presence';
comment on domain presence.event_id is 'an event of the application: a group of rooms';

create type presence.lease as (
    session_id uuid,
    status     text,
    joined_at  timestamptz,
    expires_at timestamptz
);
comment on type presence.lease is 'what a heartbeat answers; joined_at and expires_at are null for an invisible session';

create table presence_private.setting (
    one          boolean  not null default true,
    ttl          interval not null default '75 seconds',
    heartbeat    interval not null default '25 seconds',
    typing       interval not null default '6 seconds',
    sessions_max integer  not null default 10,
    retention    interval not null default '90 days',
    constraint setting_pkey primary key (one),
    constraint setting_one check (one),
    constraint setting_ttl check (ttl between interval '500 milliseconds' and interval '1 hour'),
    constraint setting_heartbeat check (heartbeat between interval '100 milliseconds' and interval '10 minutes'),
    constraint setting_typing check (typing between interval '500 milliseconds' and interval '1 minute'),
    constraint setting_sessions_max check (sessions_max between 1 and 1000),
    constraint setting_retention check (retention between interval '1 day' and interval '10 years'),
    constraint setting_ttl_outlives_heartbeat check (ttl >= 2.5 * heartbeat)
);
comment on table presence_private.setting is 'what SQL goes by: one row, written by presence.configure()';
comment on column presence_private.setting.ttl is 'how long a heartbeat is good for';
comment on column presence_private.setting.heartbeat is 'how often clients are told to send one';
comment on column presence_private.setting.typing is 'how long one sign of typing lasts';
comment on column presence_private.setting.sessions_max is 'sessions that one user may have in one room';
comment on column presence_private.setting.retention is 'how long history is kept';
insert into presence_private.setting default values;

-- No index on anything that a heartbeat changes, and room to spare in each page: renewals stay HOT.
-- No foreign key to the application: it would write WAL and lock its rows at each join.
create unlogged table presence_private.session (
    session_id   uuid             not null,
    joined_at    timestamptz      not null,
    beat_at      timestamptz      not null,
    expires_at   timestamptz      not null,
    changed_at   timestamptz,
    status_until timestamptz,
    typing_until timestamptz,
    ended_at     timestamptz,
    seq          bigint,
    holder       uuid,
    room_id      presence.room_id not null,
    user_id      presence.user_id not null,
    status       text             not null default 'active',
    ended_as     text,
    message      text,
    activity     text,
    data         jsonb,
    constraint session_pkey primary key (room_id, user_id, session_id),
    constraint session_status check (status in ('active', 'idle', 'away', 'busy', 'in_meeting')),
    constraint session_message check (char_length(message) between 1 and 140),
    constraint session_activity check (char_length(activity) between 1 and 80),
    constraint session_data check (jsonb_typeof(data) = 'object'),
    constraint session_expires_at_finite check (expires_at < 'infinity'),
    constraint session_ended check ((ended_at is null) = (ended_as is null))
) with (fillfactor = 70,
        autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
        autovacuum_vacuum_insert_scale_factor = 0.2, autovacuum_analyze_scale_factor = 0.2,
        autovacuum_vacuum_cost_delay = 0);
comment on table presence_private.session is 'leases: one row a tab or device of a user in a room';
comment on column presence_private.session.beat_at is 'the last heartbeat: what last_seen says after an expiry';
comment on column presence_private.session.expires_at is 'the end of the lease; of a session that ended: until when its end is remembered';
comment on column presence_private.session.changed_at is 'when it last changed message, activity or data; null: it never said any';
comment on column presence_private.session.status_until is 'when the stored status becomes active';
comment on column presence_private.session.typing_until is 'the typing overlay: set while the session counts as typing';
comment on column presence_private.session.ended_at is 'set on a session that left, so that a late heartbeat of it is refused';
comment on column presence_private.session.seq is 'the highest number that the client gave to a heartbeat; of a session that ended: to its leave, null for none';
comment on column presence_private.session.holder is 'the stream that renews this lease';
-- room_id as well: with user_id alone the planner takes this index for the primary key's work.
create index session_user_id_room_id on presence_private.session (user_id, room_id);

create unlogged table presence_private.member (
    joined_at    timestamptz      not null,
    status_until timestamptz,
    sessions     integer          not null,
    room_id      presence.room_id not null,
    user_id      presence.user_id not null,
    status       text             not null,
    message      text,
    activity     text,
    data         jsonb,
    constraint member_pkey primary key (room_id, user_id),
    constraint member_sessions_positive check (sessions > 0)
) with (fillfactor = 70,
        autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
comment on table presence_private.member is 'what people see: the merge of a user''s live sessions in a room; written under the room''s lock alone';
comment on column presence_private.member.sessions is 'how many sessions stand behind this member; nobody is told';
create index member_user_id_room_id on presence_private.member (user_id, room_id);

create unlogged table presence_private.room (
    revision     bigint           not null default 0,
    online_count integer          not null default 0,
    room_id      presence.room_id not null,
    constraint room_pkey primary key (room_id),
    constraint room_online_count_not_negative check (online_count >= 0)
) with (fillfactor = 50,
        autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
comment on table presence_private.room is 'one row a room that ever had a member in this epoch; its lock orders all that people see of the room';
comment on column presence_private.room.revision is 'grows by one with each committed change of what people see';

create unlogged table presence_private.change (
    revision bigint           not null,
    at       timestamptz      not null,
    room_id  presence.room_id not null,
    user_id  presence.user_id not null,
    what     text             not null,
    reason   text,
    constraint change_pkey primary key (room_id, revision, user_id),
    constraint change_what check (what in ('join', 'update', 'leave')),
    constraint change_reason check ((what = 'leave') = (reason is not null)
        and reason in ('left', 'expired', 'disconnected', 'revoked', 'removed', 'logged_out'))
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0);
comment on table presence_private.change is 'who changed at which revision, for two minutes; what they are now is read from member';
create index change_at on presence_private.change (at);

create unlogged table presence_private.epoch (
    one               boolean not null default true,
    epoch             uuid    not null default pg_catalog.gen_random_uuid(),
    system_identifier bigint  not null,
    database_oid      oid     not null,
    constraint epoch_pkey primary key (one),
    constraint epoch_one check (one)
);
comment on table presence_private.epoch is 'gone with the unlogged data, which is how its loss is noticed; revisions compare only within an epoch';
comment on column presence_private.epoch.system_identifier is 'the cluster that this data was written in: a restored dump differs';

create unlogged table presence_private.eviction (
    room_id presence.room_id,
    user_id presence.user_id,
    logout  boolean not null default false
);
comment on table presence_private.eviction is 'what the application''s own changes may have ended: a queue that its triggers append to';
comment on column presence_private.eviction.room_id is 'null: all rooms of the user; user null too: everything';
comment on column presence_private.eviction.user_id is 'null: everybody in the room';
comment on column presence_private.eviction.logout is 'the user''s login ended: all sessions end, whatever they may still enter';

create table presence_private.last_seen (
    last_seen_at timestamptz      not null,
    room_id      presence.room_id not null,
    user_id      presence.user_id not null,
    reason       text,
    constraint last_seen_pkey primary key (room_id, user_id)
) with (fillfactor = 70);
comment on table presence_private.last_seen is 'when a user was last seen in a room; never runs backwards';
comment on column presence_private.last_seen.reason is 'how the last presence ended; null: it has not ended';
create index last_seen_user_id_room_id on presence_private.last_seen (user_id, room_id);

create table presence_private.secret (
    made_at timestamptz not null default pg_catalog.clock_timestamp(),
    kind    text        not null,
    key     bytea       not null,
    constraint secret_pkey primary key (kind, made_at),
    constraint secret_kind check (kind in ('ring', 'leave')),
    constraint secret_key_length check (octet_length(key) between 32 and 64)
);
comment on table presence_private.secret is 'keys: the newest of a kind is in use, older leave keys still verify for a day';

create table presence_private.installed (
    one       boolean     not null default true,
    behaviour text        not null,
    catalog   text        not null,
    version   text        not null,
    at        timestamptz not null default pg_catalog.clock_timestamp(),
    constraint installed_pkey primary key (one),
    constraint installed_one check (one)
);
comment on table presence_private.installed is 'which functions and views were installed last: how `migrate check` sees that the database is behind or was changed by hand';
comment on column presence_private.installed.behaviour is 'digest of the applied sql/ files';
comment on column presence_private.installed.catalog is 'digest of what the catalog held right after';

-- Composite types of internal functions.
create type presence_private.beat as (
    item       integer,
    outcome    text,
    session_id uuid,
    status     text,
    joined_at  timestamptz,
    expires_at timestamptz
);
comment on type presence_private.beat is 'the outcome of one heartbeat of a batch';

create type presence_private.said as (
    item       integer,
    room_id    presence.room_id,
    user_id    presence.user_id,
    session_id uuid,
    status     text,
    status_ttl interval,
    message    text,
    activity   text,
    data       jsonb,
    seq        bigint
);
comment on type presence_private.said is 'one heartbeat of a batch';

create type presence_private.touch as (
    room_id presence.room_id,
    user_id presence.user_id,
    reason  text,
    seen_at timestamptz
);
comment on type presence_private.touch is 'a member whose sessions changed; reason and seen_at where one ended';

-- migrations/V2__history.sql
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

-- what was applied
create table if not exists presence_private.migration (version int4 primary key, name varchar(255), applied_on varchar(255), checksum varchar(255));
insert into presence_private.migration values (1, 'presence', to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '83638670267824427');
insert into presence_private.migration values (2, 'history', to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '12090001102027043180');

-- sql/host/users.sql
-- Part of the application's side as installed: empty, so that everything is denied until it is mapped.
-- Applied where the function is missing; a mapping is never overwritten.
-- String-bodied, without SET clauses: the planner inlines it, and the application's own ALTER TABLE is never blocked.
create function presence_host.users()
    returns table (user_id presence.user_id, name text, avatar_url text)
    language sql stable
as $$
    -- pg-presence: not mapped yet
    select null::presence.user_id, null::text, null::text where false
$$;
comment on function presence_host.users is 'the application''s users: public profile only, never e-mail or phone';

-- sql/host/rooms.sql
-- Part of the application's side as installed: empty, so that everything is denied until it is mapped.
-- Applied where the function is missing; a mapping is never overwritten.
-- String-bodied, without SET clauses: the planner inlines it, and the application's own ALTER TABLE is never blocked.
create function presence_host.rooms()
    returns table (room_id presence.room_id, event_id presence.event_id, name text, kind text, vendor_id presence.user_id)
    language sql stable
as $$
    -- pg-presence: not mapped yet
    select null::presence.room_id, null::presence.event_id, null::text, null::text, null::presence.user_id where false
$$;
comment on function presence_host.rooms is 'the application''s rooms; kind is chat, vendor or any other word';

-- sql/host/participants.sql
-- Part of the application's side as installed: empty, so that everything is denied until it is mapped.
-- Applied where the function is missing; a mapping is never overwritten.
-- String-bodied, without SET clauses: the planner inlines it, and the application's own ALTER TABLE is never blocked.
create function presence_host.participants()
    returns table (room_id presence.room_id, user_id presence.user_id, role text)
    language sql stable
as $$
    -- pg-presence: not mapped yet
    select null::presence.room_id, null::presence.user_id, null::text where false
$$;
comment on function presence_host.participants is 'who takes part in which room; role is coordinator, collaborator, vendor or any other word';

-- sql/host/events.sql
-- Part of the application's side as installed: empty, so that everything is denied until it is mapped.
-- Applied where the function is missing; a mapping is never overwritten.
-- String-bodied, without SET clauses: the planner inlines it, and the application's own ALTER TABLE is never blocked.
create function presence_host.events()
    returns table (event_id presence.event_id, name text, coordinator_id presence.user_id)
    language sql stable
as $$
    -- pg-presence: not mapped yet
    select null::presence.event_id, null::text, null::presence.user_id where false
$$;
comment on function presence_host.events is 'the application''s events';

-- sql/core/room_access.sql
-- The one rule of access: who may enter and see which room, as what. Everything that decides asks here.
-- Inlined by the planner, so that the application's own keys are used; hence no SET clause.
create or replace function presence_private.room_access()
    returns table (room_id presence.room_id, user_id presence.user_id, role text)
    language sql stable
as $$
    select p.room_id, p.user_id, p.role
      from presence_host.participants() p
      join presence_host.rooms() r on r.room_id = p.room_id
     where r.kind is distinct from 'vendor'
        or p.role is distinct from 'vendor'
        or r.vendor_id = p.user_id
$$;
comment on function presence_private.room_access is
    'the rule of access: a participant may enter, and a vendor a vendor room only where it is their own';

-- sql/core/status_at.sql
-- What one session says at a moment, by the clock: the typing overlay, else the stored status until its end.
-- Inlined by the planner, hence no SET clause.
create or replace function presence_private.status_at(status text, status_until timestamptz, typing_until timestamptz, moment timestamptz)
    returns text
    language sql immutable
as $$
    select case when typing_until > moment then 'typing'
                when status_until <= moment then 'active'
                else status end
$$;
comment on function presence_private.status_at is 'typing while it lasts, else the stored status, else active';

-- sql/core/shown.sql
-- Leases that ended before this moment count as gone although nobody reaped them: no reaper is running, and nobody is
-- to be haunted. Snapshots leave them out, and a heartbeat on one of them joins anew. After the server's start clients
-- need one heartbeat to renew, and the reaper spares them for so long: none is gone before that.
-- Inlined by the planner, hence no SET clause.
create or replace function presence_private.gone_before(moment timestamptz)
    returns timestamptz
    language sql stable
as $$
    select case when moment > pg_catalog.pg_postmaster_start_time() + k.heartbeat + interval '5 seconds'
                then moment - interval '5 seconds' else '-infinity' end
      from presence_private.setting k
$$;
comment on function presence_private.gone_before is 'leases that ended before this are gone, reaped or not';

-- Whether none of the members is gone by that: the reaper ended all that was due less than 5 s ago.
-- Inlined by the planner, hence no SET clause.
create or replace function presence_private.is_reaped(moment timestamptz)
    returns boolean
    language sql stable
as $$
    select exists (select from presence_private.epoch e
                    where e.reaped_at between moment - interval '4 seconds' and moment + interval '1 second')
$$;
comment on function presence_private.is_reaped is 'whether all leases were reaped that are gone, so that who is shown is here';

-- What people are told of: members whose last lease is not gone. All reads of what is committed go through here, and look
-- at sessions only where no reaper did.
create or replace view presence_private.shown as
select m.room_id, m.user_id, m.joined_at, m.status, m.status_until, m.message, m.activity, m.data
  from presence_private.member m
 where (select presence_private.is_reaped(statement_timestamp()))
    or exists (select from presence_private.session s
                where s.room_id = m.room_id and s.user_id = m.user_id and s.ended_at is null
                  and s.expires_at > (select presence_private.gone_before(statement_timestamp())));
comment on view presence_private.shown is 'members, without those whose leases are gone though nobody reaped them';

-- sql/core/epoch.sql
-- The epoch: one id for as long as the unlogged data has lived, so that its loss is noticed.

create or replace function presence_private.begin_epoch()
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
begin
    delete from presence_private.epoch;
    insert into presence_private.epoch (system_identifier, database_oid)
    select c.system_identifier, d.oid
      from pg_control_system() c, pg_database d
     where d.datname = current_database()
        on conflict (one) do nothing;
    update presence_private.alive
       set lost_at = nullif(alive_at, '-infinity'), close_at = clock_timestamp() + (select k.ttl from presence_private.setting k);
    perform pg_notify('presence', '*');
end
$$;
comment on function presence_private.begin_epoch is 'a new epoch: everything that anybody knew is void, so everybody is rung';

create or replace function presence_private.epoch_is_ours()
    returns boolean
    language sql volatile   -- each look has a snapshot of its own
    set search_path = pg_catalog, pg_temp
as $$
    select exists (select
                     from presence_private.epoch e, pg_control_system() c, pg_database d
                    where d.datname = current_database()
                      and e.system_identifier = c.system_identifier and e.database_oid = d.oid)
$$;
comment on function presence_private.epoch_is_ours is 'whether there is an epoch, of this cluster and this database';

-- After a crash the row is gone with the data; in a restored dump or a cloned database it is somebody else's.
-- wait false: where somebody else is at it, in a transaction that may stay open for long, the answer is false at once.
create or replace function presence_private.ensure_epoch(wait boolean)
    returns boolean
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
begin
    if presence_private.epoch_is_ours() then
        return true;
    end if;
    -- a lock on a table of ours, since anybody who can connect may take an advisory one, and keep it
    if ensure_epoch.wait then
        lock table presence_private.epoch in share update exclusive mode;
    else
        begin
            lock table presence_private.epoch in share update exclusive mode nowait;
        exception
            when lock_not_available then
                return false;
        end;
    end if;
    if presence_private.epoch_is_ours() then
        return true;   -- somebody else was faster
    end if;
    if exists (select from presence_private.epoch) then
        delete from presence_private.session;
        delete from presence_private.member;
        delete from presence_private.room;
        delete from presence_private.change;
        delete from presence_private.eviction;
        -- in another cluster the same logins have other oids
        update presence_private.login l set role = r.oid from pg_roles r where r.rolname = l.login;
        update presence_private.gateway g set role = r.oid from pg_roles r where r.rolname = g.login;
    end if;
    perform presence_private.begin_epoch();
    return true;
end
$$;
comment on function presence_private.ensure_epoch is 'makes sure that the epoch is of this very data; empties what came with a dump; false: somebody else is at it';

create or replace function presence_private.data_lost()
    returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    -- one of the tables alone may have been emptied
    delete from presence_private.session;
    delete from presence_private.member;
    delete from presence_private.room;
    delete from presence_private.change;
    perform presence_private.begin_epoch();
    return null;
end
$$;
comment on function presence_private.data_lost is 'trigger: a TRUNCATE by hand is a loss like any other';

create or replace trigger session_truncated after truncate on presence_private.session
    for each statement execute function presence_private.data_lost();
create or replace trigger member_truncated after truncate on presence_private.member
    for each statement execute function presence_private.data_lost();
create or replace trigger room_truncated after truncate on presence_private.room
    for each statement execute function presence_private.data_lost();
create or replace trigger change_truncated after truncate on presence_private.change
    for each statement execute function presence_private.data_lost();
comment on trigger session_truncated on presence_private.session is 'begins a new epoch';
comment on trigger member_truncated on presence_private.member is 'begins a new epoch';
comment on trigger room_truncated on presence_private.room is 'begins a new epoch';
comment on trigger change_truncated on presence_private.change is 'begins a new epoch';

create or replace function presence_private.room_deleted()
    returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    if not exists (select from gone) then
        return null;
    end if;
    -- Revisions begin again: no row of before may stand in their way, and no cursor of before may seem current.
    delete from presence_private.session s using gone g where s.room_id = g.room_id;
    delete from presence_private.member m using gone g where m.room_id = g.room_id;
    delete from presence_private.change c using gone g where c.room_id = g.room_id;
    perform presence_private.begin_epoch();
    return null;
end
$$;
comment on function presence_private.room_deleted is 'trigger: a room that is deleted by hand is a loss like a TRUNCATE';
create or replace trigger room_deleted after delete on presence_private.room
    referencing old table as gone for each statement execute function presence_private.room_deleted();
comment on trigger room_deleted on presence_private.room is 'begins a new epoch';

-- sql/core/history.sql
-- Visits: what is kept of presences that ended, for how long, and what a crash left open.

-- Makes the partitions of today and the next 7 days, and drops those that are older than the retention.
-- Returns whether it made or dropped any: the caller commits soon then, since others wait for its locks.
-- A lock that cannot be had at once is left for another time: a backup must not stop anybody's leave.
create or replace function presence_private.keep_history(moment timestamptz)
    returns boolean
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
    set lock_timeout = '100ms'
    set timezone = 'UTC'
    set datestyle = 'ISO'
as $$
declare
    day     date;
    part    name;
    kept    constant interval := (select k.retention from presence_private.setting k);
    changed boolean := false;
begin
    for day in select moment::date + n from generate_series(0, 7) n loop
        part := 'visit_' || to_char(day, 'YYYYMMDD');
        continue when to_regclass(format('presence_private.%I', part)) is not null;
        if not changed then
            lock table presence_private.visit_default in access exclusive mode;
        end if;
        changed := true;
        execute format('create table presence_private.%I (like presence_private.visit including all)', part);
        execute format('comment on table presence_private.%I is %L', part, 'visits that ended on ' || day || ' (UTC)');
        execute format('with late as (delete from presence_private.visit_default where ended_at >= %L and ended_at < %L returning *)
                        insert into presence_private.%I select * from late', day, day + 1, part);
        execute format('alter table presence_private.visit attach partition presence_private.%I for values from (%L) to (%L)',
                       part, day, day + 1);
    end loop;
    for part in
        select c.relname
          from pg_inherits i
          join pg_class c on c.oid = i.inhrelid
         where i.inhparent = 'presence_private.visit'::regclass
           and c.relname < 'visit_' || to_char((moment - kept)::date, 'YYYYMMDD')
    loop
        execute format('drop table presence_private.%I', part);
        changed := true;
    end loop;
    delete from presence_private.visit_default v where v.ended_at < moment - kept;
    update presence_private.alive set keep_at = moment + interval '1 hour';
    return changed;
exception
    when lock_not_available then
        update presence_private.alive set keep_at = moment + interval '1 minute';
        return false;
end
$$;
comment on function presence_private.keep_history is 'makes partitions of visits for a week ahead and drops what is older than the retention; returns whether it did any of it';

do $$ begin perform presence_private.keep_history(clock_timestamp()); end $$;

-- Ends the presences that a loss of the unlogged data left open, of those who did not come back: at the last moment at
-- which the reaper is known to have been alive. At most max_rows at a time.
-- It waits for nobody: it holds rows of last_seen, without their rooms, and skips those that somebody else holds.
create or replace function presence_private.close_lost(max_rows integer, moment timestamptz)
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    lost   constant timestamptz := (select a.lost_at from presence_private.alive a);
    picked presence_private.touch[];
begin
    select array_agg(row(p.room_id, p.user_id, null, null)::presence_private.touch)
      into picked
      from (select l.room_id, l.user_id
              from presence_private.last_seen l
             where l.reason is null
               and not exists (select from presence_private.member m where m.room_id = l.room_id and m.user_id = l.user_id)
             limit close_lost.max_rows
               for update skip locked) p;
    if picked is null then
        update presence_private.alive set lost_at = null, close_at = null;
        return;
    end if;
    -- a statement of its own: whoever came before these rows were held is seen now, and whoever comes later begins anew
    with over as (
        update presence_private.last_seen l
           set last_seen_at = greatest(l.last_seen_at, lost), reason = 'expired', since = coalesce(l.since, l.last_seen_at)
          from unnest(picked) p
         where l.room_id = p.room_id and l.user_id = p.user_id and l.reason is null
           and not exists (select from presence_private.member m where m.room_id = l.room_id and m.user_id = l.user_id)
        returning l.since, l.last_seen_at, l.room_id, l.user_id
    )
    insert into presence_private.visit (began_at, ended_at, room_id, user_id, reason)
    select least(o.since, o.last_seen_at), o.last_seen_at, o.room_id, o.user_id, 'expired'
      from over o
        on conflict do nothing;
end
$$;
comment on function presence_private.close_lost is 'ends what a loss of the unlogged data left open, one TTL later';

-- What has begun and not ended, by the clock: right also where no reaper runs. Of whom a loss left open, and who has not
-- come back, it tells the last moment at which the reaper was alive: as noted with the epoch, or before there is one.
create or replace view presence_private.open as
select l.room_id, l.user_id, coalesce(l.since, l.last_seen_at) as began_at, s.live,
       greatest(l.last_seen_at,
                coalesce(s.beat_at, case when exists (select from presence_private.epoch) then a.lost_at else a.alive_at end)) as seen_at
  from presence_private.last_seen l
 cross join presence_private.alive a
 cross join lateral (select coalesce(bool_or(x.expires_at > statement_timestamp()), false) as live, max(x.beat_at) as beat_at
                       from presence_private.session x
                      where x.room_id = l.room_id and x.user_id = l.user_id and x.ended_at is null) s
 where l.reason is null;
comment on view presence_private.open is 'presences that nobody ended; live: still renewed; seen_at: the last sign of life';

create or replace view presence_private.stay as
select v.room_id, v.user_id, v.began_at, v.ended_at, v.reason
  from presence_private.visit v
 union all
select o.room_id, o.user_id, o.began_at, case when o.live then 'infinity' else o.seen_at end, case when not o.live then 'expired' end
  from presence_private.open o;
comment on view presence_private.stay is 'who was where from when to when; ended_at is infinity and reason null for who is here';

-- Of those who were here when the unlogged data was lost and have not come back yet: the moment of the loss.
-- Inlined by the planner, hence no SET clause.
create or replace function presence_private.seen_at(last_seen_at timestamptz, reason text)
    returns timestamptz
    language sql stable
as $$
    select greatest(last_seen_at,
                    case when reason is null
                         then (select case when exists (select from presence_private.epoch) then a.lost_at else a.alive_at end
                                 from presence_private.alive a) end)
$$;
comment on function presence_private.seen_at is 'when somebody was last seen, as far as committed changes tell, also right after a loss';

-- How many were there at once: a sweep over the edges of all presences. People are counted once, in however many of
-- the rooms they are.
create or replace function presence_private.occupancy(room_ids presence.room_id[], from_at timestamptz, to_at timestamptz)
    returns table (peak integer, peak_at timestamptz, average double precision, people integer)
    language plpgsql stable
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    until_at constant timestamptz := least(coalesce(occupancy.to_at, statement_timestamp()), statement_timestamp());
    since_at constant timestamptz := coalesce(occupancy.from_at, until_at - interval '24 hours');
begin
    if since_at >= coalesce(occupancy.to_at, statement_timestamp()) then
        raise exception 'from_at must be before to_at' using errcode = 'PR400', hint = 'without them: the last 24 hours';
    elsif not (isfinite(since_at) and isfinite(until_at)) then
        raise exception 'from_at and to_at must be moments' using errcode = 'PR400', hint = 'without them: the last 24 hours';
    end if;
    return query
    with present as (
        select s.user_id, range_agg(tstzrange(greatest(s.began_at, since_at), least(s.ended_at, until_at))) as times
          from presence_private.stay s
         where s.room_id = any (occupancy.room_ids) and s.ended_at > since_at and s.began_at < until_at
         group by s.user_id
    ),
    edges as (
        select e.at, sum(e.step) as step
          from present p
         cross join lateral unnest(p.times) as t(span)
         cross join lateral (values (lower(t.span), 1), (upper(t.span), -1)) as e(at, step)
         group by e.at
    ),
    levels as (
        select e.at, sum(e.step) over (order by e.at) as level,
               extract(epoch from lead(e.at) over (order by e.at) - e.at) as lasts
          from edges e
    )
    select coalesce(max(l.level), 0)::integer, (array_agg(l.at order by l.level desc, l.at) filter (where l.level > 0))[1],
           coalesce(sum(l.level * l.lasts)::double precision / nullif(extract(epoch from until_at - since_at), 0), 0)::double precision,
           (select count(*)::integer from present)
      from levels l;
end
$$;
comment on function presence_private.occupancy is 'peak and average of unique people at once in some rooms, and how many there were';

-- sql/core/ring.sql
-- Rings: NOTIFY presence with keyed hashes of the rooms that changed, and nothing else (logouts have a name like theirs).

-- What a ring calls a room, so that listening tells nobody which rooms are busy. The service computes the same.
-- stable, since convert_to() is: declared immutable it would not be inlined.
create or replace function presence_private.ring_name(room_id presence.room_id, key bytea)
    returns text
    language sql stable
as $$
    select pg_catalog.substr(pg_catalog.encode(pg_catalog.sha256(key || pg_catalog.convert_to(room_id::text, 'UTF8')), 'hex'), 1, 16)
$$;
comment on function presence_private.ring_name is 'the first 16 hexadecimal digits of sha256(key, room id)';

create or replace function presence_private.ring()
    returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    payload text;
begin
    -- 17 bytes a room: 400 rooms stay below the 8000 bytes that a payload may have
    for payload in
        select string_agg(named.ring, ',')
          from (select presence_private.ring_name(r.room_id, k.key) as ring, (row_number() over () - 1) / 400 as part
                  from changed_room r
                 cross join (select s.key from presence_private.secret s
                              where s.kind = 'ring' order by s.made_at desc limit 1) k) named
         group by named.part
    loop
        perform pg_notify('presence', payload);
    end loop;
    return null;
end
$$;
comment on function presence_private.ring is 'trigger on room: rings every listener once a statement that changed what people see';

create or replace trigger room_ring
    after update on presence_private.room
    referencing new table as changed_room
    for each statement execute function presence_private.ring();
comment on trigger room_ring on presence_private.room is 'a change of what people see rings; a plain renewal never comes near this table';

-- sql/core/rotate_secrets.sql
-- Keys. Without pgcrypto on a bare server: sha256 over two random uuids, 244 bits from the server's own generator.
create or replace function presence_private.rotate_secrets()
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
begin
    insert into presence_private.secret (kind, key)
    select k.kind, sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))
      from unnest(array['ring', 'leave']) as k(kind);
    delete from presence_private.secret s
     where s.made_at < clock_timestamp() - interval '25 hours'
       and exists (select from presence_private.secret n where n.kind = s.kind and n.made_at > s.made_at);
    perform pg_notify('presence', '*');   -- nodes read their keys again
end
$$;
comment on function presence_private.rotate_secrets is 'makes a new key of each kind; leave tokens of the last day stay good';

do $$
begin
    if not exists (select from presence_private.secret) then
        perform presence_private.rotate_secrets();
    end if;
end
$$;

-- sql/core/lock_rooms.sql
-- Whoever decides what people see holds the rooms' rows first, in key order, and reads in a later statement.
--
-- wait false, for the service: a room that cannot be had at once is left out of the answer. Nothing is ever waited
-- for: a room without a row is made under an advisory lock, since inserting it would wait for whoever else does.
-- wait true, for a caller's own transaction: waits for all of them.
create or replace function presence_private.lock_rooms(room_ids presence.room_id[], wait boolean)
    returns presence.room_id[]
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    class   constant integer := 1886545267;   -- "pres": the advisory locks of rooms that are being made
    missing presence.room_id[];
    locked  presence.room_id[];
begin
    if not presence_private.ensure_epoch(lock_rooms.wait) then
        return '{}';
    end if;
    select array_agg(w.room_id order by w.room_id)
      into missing
      from (select distinct u.room_id from unnest(lock_rooms.room_ids) as u(room_id)) w
     where not exists (select from presence_private.room r where r.room_id = w.room_id);
    if missing is not null then
        if lock_rooms.wait then
            perform pg_advisory_xact_lock(class, hashtext(m.room_id::text)) from unnest(missing) as m(room_id);
        else
            select array_agg(m.room_id) into missing
              from unnest(missing) as m(room_id)
             where pg_try_advisory_xact_lock(class, hashtext(m.room_id::text));
        end if;
        insert into presence_private.room (room_id)
        select m.room_id from unnest(missing) as m(room_id) order by m.room_id
            on conflict (room_id) do nothing;
    end if;

    if lock_rooms.wait then
        perform from presence_private.room r
          where r.room_id = any (lock_rooms.room_ids)
          order by r.room_id
            for no key update;
        return lock_rooms.room_ids;
    end if;
    select array_agg(l.room_id)
      into locked
      from (select r.room_id
              from presence_private.room r
             where r.room_id = any (lock_rooms.room_ids)
               for no key update skip locked) l;
    return coalesce(locked, '{}');
end
$$;
comment on function presence_private.lock_rooms is 'locks rooms until the transaction ends, making their rows; returns those that it got';

-- sql/core/settle.sql
-- Makes member, room and change agree with session again, for the members touched: the only writer of what people
-- see. The caller holds the rooms' locks, and calls this in a statement after the one that changed the sessions.
--
-- Touched with reason 'reads differently': the application's own words of the member (role, name, picture) may have
-- changed, which stand in no table of ours, so the member counts as updated.
--
-- The merge: status by typing > busy > in_meeting > active > idle > away, status_until of the session that wins,
-- message, activity and data of the session that changed them last.
create or replace function presence_private.settle(touched presence_private.touch[], moment timestamptz)
    returns integer
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    changes integer;
begin
    with who as materialized (
        select t.room_id, t.user_id,
               (array_agg(t.reason order by t.seen_at desc) filter (where t.reason <> 'reads differently'))[1] as reason,
               max(t.seen_at) as seen_at,
               coalesce(bool_or(t.reason = 'reads differently'), false) as rereads
          from unnest(settle.touched) t
         group by t.room_id, t.user_id
    ),
    merged as materialized (
        select w.room_id, w.user_id, w.reason, w.seen_at, w.rereads, g.sessions,
               case when (g.speaker).typing_until is null then (g.speaker).status else 'typing' end as status,
               case when (g.speaker).typing_until is null then (g.speaker).status_until end as status_until,
               (g.teller).message, (g.teller).activity, (g.teller).data, g.since
          from who w
         cross join lateral (
               select count(*)::integer as sessions, min(s.joined_at) as since,   -- before now: put back after a loss
                      (array_agg(s order by s.typing_until is null,
                                            array_position(array['busy', 'in_meeting', 'active', 'idle', 'away'], s.status),
                                            s.status_until desc nulls first, s.session_id))[1] as speaker,
                      (array_agg(s order by s.changed_at desc nulls last, s.session_id))[1] as teller
                 from presence_private.session s
                where s.room_id = w.room_id and s.user_id = w.user_id and s.ended_at is null
               ) g
    ),
    verdict as materialized (
        select n.*, m.joined_at, n.sessions is distinct from m.sessions as recounted,
               case
                   when n.sessions > 0 and m.user_id is null then 'join'
                   when n.sessions = 0 and m.user_id is not null then 'leave'
                   when n.sessions > 0 and n.rereads then 'update'
                   when n.sessions > 0 and (n.status, n.status_until, n.message, n.activity, n.data)
                        is distinct from (m.status, m.status_until, m.message, m.activity, m.data) then 'update'
               end as what
          from merged n
          left join presence_private.member m on m.room_id = n.room_id and m.user_id = n.user_id
    ),
    shown as (
        insert into presence_private.member as m
               (joined_at, status_until, sessions, room_id, user_id, status, message, activity, data)
        select v.since, v.status_until, v.sessions, v.room_id, v.user_id, v.status, v.message, v.activity, v.data
          from verdict v
         where v.sessions > 0 and (v.what is not null or v.recounted)
            on conflict (room_id, user_id) do update
           set status_until = excluded.status_until, sessions = excluded.sessions, status = excluded.status,
               message = excluded.message, activity = excluded.activity, data = excluded.data
    ),
    hidden as (
        delete from presence_private.member m
         using verdict v
         where v.what = 'leave' and m.room_id = v.room_id and m.user_id = v.user_id
    ),
    bumped as (
        update presence_private.room r
           set revision = r.revision + 1, online_count = r.online_count + d.delta
          from (select v.room_id, sum(case v.what when 'join' then 1 when 'leave' then -1 else 0 end)::integer as delta
                  from verdict v
                 where v.what is not null
                 group by v.room_id) d
         where r.room_id = d.room_id
        returning r.room_id, r.revision
    ),
    logged as (
        insert into presence_private.change (revision, at, room_id, user_id, what, reason)
        select b.revision, settle.moment, v.room_id, v.user_id, v.what,
               case v.what when 'leave' then coalesce(v.reason, 'left') end
          from verdict v
          join bumped b on b.room_id = v.room_id
         where v.what is not null
    ),
    visited as (
        insert into presence_private.visit (began_at, ended_at, room_id, user_id, reason)
        select b.began_at, greatest(b.began_at, coalesce(v.seen_at, settle.moment)), v.room_id, v.user_id, coalesce(v.reason, 'left')
          from verdict v
         cross join lateral (
               select coalesce((select l.since from presence_private.last_seen l
                                 where l.room_id = v.room_id and l.user_id = v.user_id and l.reason is null),
                               v.joined_at) as began_at) b
         where v.what = 'leave'
            on conflict do nothing   -- the clock jumped back
    ),
    seen as (   -- who comes back soon after a loss goes on being there
        insert into presence_private.last_seen as l (last_seen_at, since, room_id, user_id, reason)
        select coalesce(v.seen_at, settle.moment), coalesce(v.joined_at, v.since, settle.moment), v.room_id, v.user_id,
               case v.what when 'leave' then coalesce(v.reason, 'left') end
          from verdict v
         where v.what in ('join', 'leave')
         order by v.room_id, v.user_id
            on conflict (room_id, user_id) do update
           set last_seen_at = greatest(l.last_seen_at, excluded.last_seen_at), reason = excluded.reason,
               since = case when l.reason is null then coalesce(l.since, excluded.since)
                            when excluded.reason is null then excluded.since
                            else l.since end
    )
    select count(v.what) into changes from verdict v;
    return changes;
end
$$;
comment on function presence_private.settle is 'compares the merge of the touched members'' sessions with what people see, and writes the difference; returns how many changed';

-- sql/core/by_hand.sql
-- Rows that somebody deletes by hand, and not by our functions. Those run as the owner, or are on the stack: for them
-- these triggers do nothing.

-- Whether what fires a trigger stands in a function of ours; context: of the trigger's own function.
create or replace function presence_private.is_ours(context text)
    returns boolean
    language sql immutable
as $$
    select context ~ E'\n.*presence_private\\.[a-z_]+\\('
$$;
comment on function presence_private.is_ours is 'whether a stack has a function of ours below its first line';

create or replace function presence_private.sessions_deleted()
    returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    context text;
    lost    presence_private.touch[];
begin
    get diagnostics context = pg_context;
    if presence_private.is_ours(context) then
        return null;
    end if;
    select array_agg(row(m.room_id, m.user_id, 'removed', null)::presence_private.touch)
      into lost
      from presence_private.member m
      left join (select s.room_id, s.user_id, count(*) as sessions
                   from presence_private.session s
                  where s.ended_at is null
                  group by s.room_id, s.user_id) l on l.room_id = m.room_id and l.user_id = m.user_id
     where m.sessions <> coalesce(l.sessions, 0);
    if lost is not null then
        perform set_config('synchronous_commit', 'off', true);
        perform presence_private.lock_rooms((select array_agg(distinct t.room_id) from unnest(lost) t), true);
        perform presence_private.settle(lost, statement_timestamp());
    end if;
    return null;
end
$$;
comment on function presence_private.sessions_deleted is 'trigger: whose sessions are deleted by hand is taken out of the room, and everybody is told';

create or replace trigger session_deleted after delete on presence_private.session
    for each statement when (current_user <> 'presence_owner') execute function presence_private.sessions_deleted();
comment on trigger session_deleted on presence_private.session is 'members follow what is deleted by hand';

create or replace function presence_private.member_deleted()
    returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    context text;
begin
    get diagnostics context = pg_context;
    if presence_private.is_ours(context)
       or not exists (select from presence_private.session s
                       where s.room_id = old.room_id and s.user_id = old.user_id and s.ended_at is null) then
        return old;
    end if;
    raise warning 'a member with a live session stays: it is what the sessions say'
        using hint = 'to take somebody out: select presence.remove_member(room_id, user_id)';
    return null;
end
$$;
comment on function presence_private.member_deleted is 'trigger: a member is no more than the merge of its sessions, and stays as long as they do';

create or replace trigger member_deleted before delete on presence_private.member
    for each row when (current_user <> 'presence_owner') execute function presence_private.member_deleted();
comment on trigger member_deleted on presence_private.member is 'who has a live session is not deleted by hand';

-- sql/core/logouts.sql
-- Logouts, beside the sessions that they end: open streams that hold no session end as well.

-- Remembers for a day when each of these users was logged out, and rings for nodes to ask. What says so is the end of a
-- session; of a user without any, the end of one that never was.
create or replace function presence_private.note_logouts(user_ids presence.user_id[], moment timestamptz)
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    if note_logouts.user_ids is null then
        return;
    end if;
    insert into presence_private.session
           (session_id, joined_at, beat_at, expires_at, ended_at, ended_as, room_id, user_id)
    select gen_random_uuid(), moment, moment, moment + interval '1 day', moment, 'logged_out', p.room_id, u.user_id
      from unnest(note_logouts.user_ids) as u(user_id)
     cross join lateral (
           select coalesce((select p.room_id from presence_host.participants() p where p.user_id = u.user_id limit 1),
                           (select r.room_id from presence_host.rooms() r limit 1)) as room_id) p
     where p.room_id is not null
       and not exists (select from presence_private.session s
                        where s.user_id = u.user_id and s.ended_as = 'logged_out' and s.ended_at = note_logouts.moment);
    -- a name like that of a room, which tells nobody who it was
    perform pg_notify('presence', (
        select substr(encode(sha256(s.key || '\x006c6f676f7574'), 'hex'), 1, 16)
          from presence_private.secret s where s.kind = 'ring' order by s.made_at desc limit 1));
end
$$;
comment on function presence_private.note_logouts is 'remembers logouts for a day, and rings for them';

-- sql/core/change_sessions.sql
-- Heartbeats that may change what people see: joins, new statuses, goings invisible. See apply_beats.
create or replace function presence_private.change_sessions(
        rest   presence_private.said[],
        wait   boolean,
        moment timestamptz,
        knobs  presence_private.setting)
    returns setof presence_private.beat
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    locked  presence.room_id[];
    beats   presence_private.beat[];
    touched presence_private.touch[];
begin
    perform set_config('synchronous_commit', 'off', true);   -- the NOTIFY lock must not be held across a WAL flush
    if change_sessions.wait then
        perform from presence_private.session s
           join unnest(rest) r on r.room_id = s.room_id and r.user_id = s.user_id and r.session_id = s.session_id
          order by s.room_id, s.user_id, s.session_id
            for no key update of s;
    end if;
    locked := presence_private.lock_rooms((select array_agg(r.room_id) from unnest(rest) r), wait);

    -- Who has been gone for a while, though nobody reaped them, leaves first: somebody may have seen the room without them.
    with over as materialized (
        select s.room_id, s.user_id, s.session_id
          from presence_private.session s
          join unnest(rest) r on r.room_id = s.room_id and r.user_id = s.user_id and r.session_id = s.session_id
         where s.ended_at is null and s.expires_at <= presence_private.gone_before(moment) and s.room_id = any (locked)
           for no key update of s skip locked
    ),
    gone as (
        delete from presence_private.session s
         using over o
         where s.room_id = o.room_id and s.user_id = o.user_id and s.session_id = o.session_id
        returning s.room_id, s.user_id, s.beat_at
    )
    select array_agg(row(g.room_id, g.user_id, 'expired', g.beat_at)::presence_private.touch) into touched from gone g;
    if touched is not null then
        perform presence_private.settle(touched, moment);
    end if;

    with mine as materialized (   -- one key twice in a batch: a later word wins, and both get the same answer
        select max(r.item) as item, r.room_id, r.user_id, r.session_id, max(r.seq) as seq,
               (array_agg(r.status order by r.item desc) filter (where r.status is not null))[1] as status,
               (array_agg(r.status_ttl order by r.item desc) filter (where r.status is not null))[1] as status_ttl,
               (array_agg(r.message order by r.item desc) filter (where r.message is not null))[1] as message,
               (array_agg(r.activity order by r.item desc) filter (where r.activity is not null))[1] as activity,
               (array_agg(r.data order by r.item desc) filter (where r.data is not null))[1] as data
          from unnest(rest) r
         where r.room_id = any (locked)
         group by r.room_id, r.user_id, r.session_id
    ),
    held as materialized (
        select s as was, s.room_id, s.user_id, s.session_id, s.ended_at, s.expires_at, s.seq
          from mine m
          join presence_private.session s
            on s.room_id = m.room_id and s.user_id = m.user_id and s.session_id = m.session_id
           for no key update of s skip locked
    ),
    judged as materialized (
        select m.*, h.session_id is not null and h.ended_at is null as alive,
               case when h.ended_at is null then h.was end as was,   -- as it is, where it is alive
               case
                   when h.session_id is null and exists (select from presence_private.session s
                                                          where s.room_id = m.room_id and s.user_id = m.user_id
                                                            and s.session_id = m.session_id) then 'busy'
                   when not exists (select from presence_private.room_access() a
                                     where a.room_id = m.room_id and a.user_id = m.user_id) then 'denied'
                   when h.session_id is not null and h.ended_at is null then 'ok'
                   when exists (select from presence_private.session s
                                 where s.user_id = m.user_id and s.session_id = m.session_id
                                   and s.ended_as = 'logged_out' and s.expires_at > moment) then 'ended'
                   when m.status = 'invisible' then 'ok'
                   when h.expires_at > moment and m.seq is not null
                        and (h.seq is null or m.seq <= h.seq) then 'stale'
                   else 'joins'
               end as verdict
          from mine m
          left join held h on h.room_id = m.room_id and h.user_id = m.user_id and h.session_id = m.session_id
    ),
    limited as materialized (
        select j.*,
               case
                   when j.verdict <> 'joins' then j.verdict
                   when (select count(*) from presence_private.session s
                          where s.room_id = j.room_id and s.user_id = j.user_id
                            and s.ended_at is null and s.expires_at > moment)
                        + row_number() over (partition by j.room_id, j.user_id, j.verdict order by j.item) > knobs.sessions_max
                        then 'too_many_sessions'
                   else 'ok'
               end as outcome
          from judged j
    ),
    next as materialized (   -- what is not said stays
        select l.item, l.room_id, l.user_id, l.session_id, l.alive, l.status is not distinct from 'invisible' as hides,
               greatest(l.seq, (l.was).seq) as seq,
               coalesce((l.was).joined_at, moment) as joined_at,
               coalesce(nullif(nullif(l.status, 'typing'), 'invisible'), (l.was).status, 'active') as status,
               case when coalesce(l.status, 'typing') = 'typing' then (l.was).status_until
                    when l.status <> 'active' then moment + l.status_ttl end as status_until,
               case when l.status is null then (l.was).typing_until
                    when l.status = 'typing'   -- nobody types for ever
                    then moment + least(coalesce(l.status_ttl, knobs.typing), interval '1 minute') end as typing_until,
               nullif(coalesce(l.message, (l.was).message), '') as message,
               nullif(coalesce(l.activity, (l.was).activity), '') as activity,
               nullif(coalesce(l.data, (l.was).data), '{}') as data,
               l.was
          from limited l
         where l.outcome = 'ok'
    ),
    vanished as (   -- nothing is kept of an invisible session, but the number of its going, where it had one
        delete from presence_private.session s
         using next n
         where n.hides and n.seq is null
           and s.room_id = n.room_id and s.user_id = n.user_id and s.session_id = n.session_id
           and s.ended_at is null
    ),
    written as (
        insert into presence_private.session as s
               (session_id, joined_at, beat_at, expires_at, changed_at, status_until, typing_until, ended_at, seq,
                room_id, user_id, status, ended_as, message, activity, data)
        select n.session_id, n.joined_at, moment, moment + case when n.hides then interval '2 minutes' else knobs.ttl end,
               case when (n.message, n.activity, n.data)
                         is not distinct from ((n.was).message, (n.was).activity, (n.was).data)
                    then (n.was).changed_at else clock_timestamp() end,
               n.status_until, n.typing_until, case when n.hides then moment end, n.seq,
               n.room_id, n.user_id, n.status, case when n.hides then 'left' end,
               case when not n.hides then n.message end,
               case when not n.hides then n.activity end,
               case when not n.hides then n.data end
          from next n
         where not n.hides or n.seq is not null
            on conflict (room_id, user_id, session_id) do update
           set joined_at = excluded.joined_at, beat_at = excluded.beat_at, expires_at = excluded.expires_at,
               changed_at = excluded.changed_at, status_until = excluded.status_until,
               typing_until = excluded.typing_until, ended_at = excluded.ended_at, seq = excluded.seq,
               holder = case when s.ended_at is null then nullif(s.holder, '00000000-0000-0000-0000-000000000000') end,
               status = excluded.status, ended_as = excluded.ended_as, message = excluded.message,
               activity = excluded.activity, data = excluded.data
        returning s.room_id, s.user_id, s.session_id, s.joined_at, s.expires_at,
                  presence_private.status_at(s.status, s.status_until, s.typing_until, moment) as status
    ),
    answers as (
        select r.item, coalesce(l.outcome, 'busy') as outcome, r.session_id, coalesce(n.hides, false) as hides,
               w.status, w.joined_at, w.expires_at
          from unnest(rest) r
          left join limited l on l.room_id = r.room_id and l.user_id = r.user_id and l.session_id = r.session_id
          left join next n on n.item = l.item
          left join written w on w.room_id = r.room_id and w.user_id = r.user_id and w.session_id = r.session_id
    )
    select (select array_agg(row(a.item, a.outcome, a.session_id,
                                 case when a.hides then 'invisible' else a.status end,
                                 case when not a.hides then a.joined_at end,
                                 case when not a.hides then a.expires_at end)::presence_private.beat) from answers a),
           (select array_agg(row(n.room_id, n.user_id, case when n.hides then 'left' end,
                                 case when n.hides then moment end)::presence_private.touch)
              from next n where n.alive or not n.hides)
      into beats, touched;

    if touched is not null then
        perform presence_private.settle(touched, moment);
    end if;
    return query select * from unnest(beats);
end
$$;
comment on function presence_private.change_sessions is 'heartbeats that are no plain renewal, under their rooms'' locks; one outcome an item';

-- sql/core/apply_beats.sql
-- Heartbeats, set-wise: what presence.heartbeat and presence.heartbeat_batch share.
--
-- A renewal that changes nothing that people see is one UPDATE and never touches its room. The rest locks its rooms,
-- and only then, in a statement of its own, looks at the sessions again and writes them: first and last tabs, limits,
-- access and earlier leaves are decided under the room's lock. Under it no session row is ever waited for.
--
-- wait false, for the service: a room or session that somebody holds gets the outcome busy, and nothing is done to it.
-- renew_only: what is no plain renewal gets the outcome busy too.
-- Outcomes: ok, denied, invalid, stale, ended, too_many_sessions, busy.
create or replace function presence_private.apply_beats(
        room_ids    presence.room_id[],
        user_ids    presence.user_id[],
        session_ids uuid[],
        statuses    text[],
        status_ttls interval[],
        messages    text[],
        activities  text[],
        datas       jsonb[],
        seqs        bigint[],
        renew_only  boolean,
        wait        boolean,
        at_time     timestamptz default null)
    returns setof presence_private.beat
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    moment constant timestamptz := coalesce(apply_beats.at_time, statement_timestamp());
    gone   constant timestamptz := presence_private.gone_before(moment);
    knobs  presence_private.setting;
    beats  presence_private.beat[];
    rest   presence_private.said[];
begin
    select * into knobs from presence_private.setting;

    with judged as materialized (
        select i.item::integer as item, i.room_id, i.user_id, i.session_id, i.status, i.status_ttl,
               i.message, i.activity, i.data, i.seq,
               case
                   when i.room_id is null or i.user_id is null or i.session_id is null
                     or i.status not in ('active', 'idle', 'away', 'busy', 'in_meeting', 'typing', 'invisible')
                     or i.status_ttl not between interval '0' and interval '366 days'
                     or char_length(i.message) > 140 or char_length(i.activity) > 80
                     or jsonb_typeof(i.data) <> 'object' or octet_length(i.data::text) > 1024
                     or i.seq < 0 then 'invalid'
                   when not exists (select from presence_private.room_access() a
                                     where a.room_id = i.room_id and a.user_id = i.user_id) then 'denied'
               end as refused
          from unnest(room_ids, user_ids, session_ids, statuses, status_ttls, messages, activities, datas, seqs)
               with ordinality as i(room_id, user_id, session_id, status, status_ttl, message, activity, data, seq, item)
    ),
    held as materialized (
        select j.item, j.seq, s.room_id, s.user_id, s.session_id,
               case when j.status = 'typing' and j.seq is not distinct from greatest(j.seq, s.seq)
                    then moment + least(coalesce(j.status_ttl, knobs.typing), interval '1 minute') else s.typing_until end as typing_until
          from judged j
          join presence_private.session s
            on s.room_id = j.room_id and s.user_id = j.user_id and s.session_id = j.session_id
         where j.refused is null
           and s.ended_at is null
           and s.expires_at > gone
           and (j.seq < s.seq      -- overtaken by a later heartbeat: still alive, but what it says is old
                or ((j.status is null
                     or (j.status = 'typing' and s.typing_until is not null)
                     or (j.status = s.status and j.status_ttl is null
                         and s.status_until is null and s.typing_until is null))
                    and (j.message is null or j.message = coalesce(s.message, ''))
                    and (j.activity is null or j.activity = coalesce(s.activity, ''))
                    and (j.data is null or j.data = coalesce(s.data, '{}'))))
           for no key update of s skip locked
    ),
    renewed as (
        update presence_private.session s
           set beat_at = moment,
               expires_at = moment + knobs.ttl,   -- not greatest(): a clock that jumped back must heal
               seq = greatest(s.seq, h.seq),
               holder = nullif(s.holder, '00000000-0000-0000-0000-000000000000'),   -- back within the grace
               typing_until = h.typing_until
          from held h
         where s.room_id = h.room_id and s.user_id = h.user_id and s.session_id = h.session_id
        returning h.item, s.session_id, s.joined_at, s.expires_at,
                  presence_private.status_at(s.status, s.status_until, s.typing_until, moment) as status
    )
    select array_agg(row(j.item, coalesce(j.refused, 'ok'), j.session_id, r.status, r.joined_at, r.expires_at)::presence_private.beat)
               filter (where j.refused is not null or r.item is not null),
           array_agg(row(j.item, j.room_id, j.user_id, j.session_id, j.status, j.status_ttl, j.message, j.activity, j.data, j.seq)::presence_private.said)
               filter (where j.refused is null and r.item is null)
      into beats, rest
      from judged j
      left join renewed r on r.item = j.item;

    return query select * from unnest(beats);
    if rest is null then
        return;
    end if;
    if apply_beats.renew_only then
        return query select r.item, 'busy', r.session_id, null::text, null::timestamptz, null::timestamptz from unnest(rest) r;
        return;
    end if;
    return query select * from presence_private.change_sessions(rest, apply_beats.wait, moment, knobs);
end
$$;
comment on function presence_private.apply_beats is 'renews and joins; one outcome an item';

-- sql/core/end_sessions.sql
-- Leaves, set-wise: what presence.leave and presence.leave_batch share.
--
-- A session that ends is remembered for two minutes, also where the leave overtook its own join: heartbeats numbered
-- up to the leave's number are refused meanwhile, and any numbered one where the leave had none. A leave that a later
-- heartbeat overtook does nothing. Strangers to a room have nothing to remember.
--
-- wait false, for the service: a room or session that somebody holds gets the outcome busy.
-- Outcomes: left, nothing, busy.
create or replace function presence_private.end_sessions(
        room_ids    presence.room_id[],
        user_ids    presence.user_id[],
        session_ids uuid[],
        seqs        bigint[],
        wait        boolean,
        at_time     timestamptz default null)
    returns table (item integer, outcome text)
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    moment  constant timestamptz := coalesce(end_sessions.at_time, statement_timestamp());
    items   presence_private.said[];
    locked  presence.room_id[];
    answers presence_private.beat[];
    touched presence_private.touch[];
begin
    select array_agg(row(i.item, i.room_id, i.user_id, i.session_id, null, null, null, null, null, i.seq)::presence_private.said)
      into items
      from unnest(room_ids, user_ids, session_ids, seqs) with ordinality as i(room_id, user_id, session_id, seq, item)
     where exists (select from presence_private.session s
                    where s.room_id = i.room_id and s.user_id = i.user_id and s.session_id = i.session_id)
        or exists (select from presence_private.room_access() a
                    where a.room_id = i.room_id and a.user_id = i.user_id);
    if items is not null then
        perform set_config('synchronous_commit', 'off', true);
        if end_sessions.wait then
            perform from presence_private.session s
               join unnest(items) i on i.room_id = s.room_id and i.user_id = s.user_id and i.session_id = s.session_id
              order by s.room_id, s.user_id, s.session_id
                for no key update of s;
        end if;
        locked := presence_private.lock_rooms((select array_agg(i.room_id) from unnest(items) i), wait);
    end if;

    with mine as materialized (
        select i.room_id, i.user_id, i.session_id,
               case when bool_and(i.seq is not null) then max(i.seq) end as seq
          from unnest(items) i
         where i.room_id = any (locked)
         group by i.room_id, i.user_id, i.session_id
    ),
    held as materialized (
        select s.*
          from mine m
          join presence_private.session s
            on s.room_id = m.room_id and s.user_id = m.user_id and s.session_id = m.session_id
           for no key update of s skip locked
    ),
    judged as materialized (
        select m.*,
               case
                   when h.session_id is null and exists (select from presence_private.session s
                                                          where s.room_id = m.room_id and s.user_id = m.user_id
                                                            and s.session_id = m.session_id) then 'busy'
                   when h.ended_as = 'logged_out' or h.seq > m.seq then 'nothing'
                   when h.session_id is null or h.ended_at is not null then 'remembered'
                   else 'left'
               end as outcome
          from mine m
          left join held h on h.room_id = m.room_id and h.user_id = m.user_id and h.session_id = m.session_id
    ),
    written as (
        insert into presence_private.session as s
               (session_id, joined_at, beat_at, expires_at, ended_at, seq, room_id, user_id, ended_as)
        select j.session_id, moment, moment, moment + interval '2 minutes', moment, j.seq, j.room_id, j.user_id, 'left'
          from judged j
         where j.outcome in ('left', 'remembered')
            on conflict (room_id, user_id, session_id) do update
           set expires_at = excluded.expires_at, ended_at = excluded.ended_at, ended_as = excluded.ended_as,
               seq = excluded.seq, changed_at = null, status_until = null, typing_until = null,
               message = null, activity = null, data = null
    )
    select (select array_agg(row(i.item, case j.outcome when 'remembered' then 'nothing' else coalesce(j.outcome, 'busy') end,
                                 null, null, null, null)::presence_private.beat)
              from unnest(items) i
              left join judged j on j.room_id = i.room_id and j.user_id = i.user_id and j.session_id = i.session_id),
           (select array_agg(row(j.room_id, j.user_id, 'left', moment)::presence_private.touch)
              from judged j where j.outcome = 'left')
      into answers, touched;

    if touched is not null then
        perform presence_private.settle(touched, moment);
    end if;
    return query
    select g.item::integer, coalesce(a.outcome, 'nothing')
      from generate_series(1, coalesce(cardinality(room_ids), 0)) as g(item)
      left join unnest(answers) a on a.item = g.item;
end
$$;
comment on function presence_private.end_sessions is 'leaves; one outcome an item';

-- All sessions that match: of a user everywhere, of a member, of a room. Null matches all.
-- logged_out is remembered for a day: those session ids may not return.
create or replace function presence_private.end_all(
        room_id presence.room_id,
        user_id presence.user_id,
        reason  text,
        at_time timestamptz default null)
    returns integer
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    moment  constant timestamptz := coalesce(end_all.at_time, statement_timestamp());
    rooms   presence.room_id[];
    touched presence_private.touch[];
    ended   integer;
begin
    perform set_config('synchronous_commit', 'off', true);
    select array_agg(distinct h.room_id)
      into rooms
      from (select s.room_id
              from presence_private.session s
             where (end_all.room_id is null or s.room_id = end_all.room_id)
               and (end_all.user_id is null or s.user_id = end_all.user_id)
             order by s.room_id, s.user_id, s.session_id
               for no key update) h;
    if end_all.reason = 'logged_out' and rooms is null then
        perform presence_private.note_logouts(array[end_all.user_id], moment);
    end if;
    if rooms is null then
        return 0;
    end if;
    perform presence_private.lock_rooms(rooms, true);
    with found as materialized (   -- skip locked: whoever began after our look holds its row for a moment only
        select s.room_id, s.user_id, s.session_id, s.ended_at is null as alive
          from presence_private.session s
         where s.room_id = any (rooms)
           and (end_all.user_id is null or s.user_id = end_all.user_id)
           for no key update skip locked
    ),
    gone as (
        update presence_private.session s
           set ended_at = moment, ended_as = end_all.reason,
               expires_at = moment + case end_all.reason when 'logged_out' then interval '1 day' else interval '2 minutes' end,
               changed_at = null, status_until = null, typing_until = null, message = null, activity = null, data = null
          from found f
         where s.room_id = f.room_id and s.user_id = f.user_id and s.session_id = f.session_id
           and (f.alive or end_all.reason = 'logged_out')
        returning s.room_id, s.user_id, f.alive
    )
    select array_agg(row(g.room_id, g.user_id, end_all.reason, moment)::presence_private.touch) filter (where g.alive),
           count(*) filter (where g.alive)
      into touched, ended
      from gone g;
    if touched is not null then
        perform presence_private.settle(touched, moment);
    end if;
    if end_all.reason = 'logged_out' then
        perform presence_private.note_logouts(array[end_all.user_id], moment);
    end if;
    return ended;
end
$$;
comment on function presence_private.end_all is 'ends all sessions that match; returns how many were alive';

-- sql/core/end_due.sql
-- What the reaper does while nobody else is at it.
--
-- One scan finds what is due: leases past their end, statuses and typing past theirs, remembered ends that may be
-- forgotten, leases beyond now + TTL (the clock jumped back). A session that is being renewed is skipped: it is not
-- dead. So is one whose room is locked: the next call finds it again.
-- It also keeps the diary: that it is alive, what a loss left open, and the partitions of history.

-- Whether a lease that ran out is over: clients need one interval to renew after the server was away, and whoever was
-- heard of since had it. Inlined by the planner, hence no SET clause.
create or replace function presence_private.is_over(expires_at timestamptz, beat_at timestamptz, moment timestamptz, heartbeat interval)
    returns boolean
    language sql stable
as $$
    select expires_at <= moment
           and (beat_at > pg_catalog.pg_postmaster_start_time() or moment > pg_catalog.pg_postmaster_start_time() + heartbeat)
$$;
comment on function presence_private.is_over is 'whether a lease that ran out may be ended: nobody is within one heartbeat of the server''s start who was not heard of since';

create or replace function presence_private.end_due(max_rows integer, moment timestamptz)
    returns integer
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    knobs   presence_private.setting;
    diary   presence_private.alive;
    due     tid[];
    all_due boolean := true;
    rooms   presence.room_id[];
    locked  presence.room_id[];
    touched presence_private.touch[];
    ended   integer := 0;
begin
    select * into knobs from presence_private.setting;
    select * into diary from presence_private.alive;
    if diary.alive_at not between moment - interval '8 seconds' and moment then
        update presence_private.alive set alive_at = moment;
    end if;
    if diary.keep_at <= moment or diary.keep_at > moment + interval '2 hours' then
        if presence_private.keep_history(moment) then
            return 0;   -- others wait for its locks: sessions are the next call's
        end if;
    end if;
    if diary.close_at <= moment then
        perform presence_private.close_lost(end_due.max_rows, moment);
    end if;

    with found as materialized (
        select s.ctid as tid, s.room_id, s.ended_at is null as alive
          from presence_private.session s
         where s.expires_at <= moment
            or s.status_until <= moment
            or s.typing_until <= moment
            or (s.expires_at > moment + knobs.ttl and s.ended_at is null)
         limit end_due.max_rows
           for no key update skip locked
    )
    select array_agg(f.tid), array_agg(distinct f.room_id) filter (where f.alive), count(*) < end_due.max_rows
      into due, rooms, all_due
      from found f;

    if due is not null then
        locked := coalesce(presence_private.lock_rooms(rooms, false), '{}');
        all_due := all_due and cardinality(locked) = coalesce(cardinality(rooms), 0);
        with mine as materialized (
            select s.ctid as tid, s.*,
                   case when s.ended_at is null then presence_private.is_over(s.expires_at, s.beat_at, moment, knobs.heartbeat)
                        else s.expires_at <= moment end as over
              from presence_private.session s
             where s.ctid = any (due)
               and (s.ended_at is not null or s.room_id = any (locked))
        ),
        gone as (
            delete from presence_private.session s
             using mine m
             where s.ctid = m.tid and m.over
            returning s.room_id, s.user_id, m.ended_at is null as alive, m.beat_at,
                      case when m.holder = '00000000-0000-0000-0000-000000000000' then 'disconnected' else 'expired' end as reason
        ),
        settled as (
            update presence_private.session s
               set status = case when m.status_until <= moment then 'active' else m.status end,
                   status_until = case when m.status_until > moment then m.status_until end,
                   typing_until = case when m.typing_until > moment then m.typing_until end,
                   expires_at = least(m.expires_at, moment + knobs.ttl)
              from mine m
             where s.ctid = m.tid and not m.over
               and (m.status_until <= moment or m.typing_until <= moment or m.expires_at > moment + knobs.ttl)
            returning s.room_id, s.user_id
        )
        select array_agg(t.touch), count(*) filter (where t.alive)
          into touched, ended
          from (select row(g.room_id, g.user_id, g.reason, g.beat_at)::presence_private.touch as touch, g.alive
                  from gone g where g.alive
                 union all
                select row(u.room_id, u.user_id, null, null)::presence_private.touch, false from settled u) t;
        if touched is not null then
            perform presence_private.settle(touched, moment);
        end if;
    end if;

    if all_due then
        update presence_private.epoch e
           set reaped_at = moment
         where e.ctid = any (array(select x.ctid from presence_private.epoch x for no key update skip locked));
    end if;
    -- whole revisions at a time: all rows of one carry the same moment
    delete from presence_private.change c where c.at < moment - interval '2 minutes';
    return ended;
end
$$;
comment on function presence_private.end_due is 'ends what is due, and keeps the diary; returns how many sessions ended';

-- sql/core/end_without_space.sql
-- On a full disk: ends whom nobody renews, and writes nothing that needs a new page. Rows of session and member are
-- deleted; rows of room, alive and last_seen are rewritten within their pages, which are made with room to spare.
--
-- No change is logged, so each room skips a revision: that is a gap, and streams are told the whole room.
-- A presence ends once all its sessions are over, so that the merge of those who stay is as it was; a timed status is
-- settled, and one tab of several ends, once there is space. When each was last seen is noted now, and the visit written
-- later, by presence_private.close_lost. Where that does not fit into its page the presence ends in a later call, when
-- what this one replaced is gone from there; where none of them fits they end all the same, and were last seen now.
create or replace function presence_private.end_without_space(max_rows integer, moment timestamptz)
    returns integer
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    knobs  presence_private.setting;
    due    tid[];
    rooms  presence.room_id[];
    locked presence.room_id[];
    one    presence_private.touch;
    over   presence_private.touch[];
    late   presence_private.touch[];
    ended  integer;
begin
    select * into knobs from presence_private.setting;
    update presence_private.alive set alive_at = moment where alive_at not between moment - interval '8 seconds' and moment;
    -- so that their place is free
    delete from presence_private.session s where s.ended_at is not null and s.expires_at <= moment;
    delete from presence_private.change c where c.at < moment - interval '2 minutes';

    with found as materialized (
        select s.ctid as tid, s.room_id
          from presence_private.session s
         where s.ended_at is null
           and presence_private.is_over(s.expires_at, s.beat_at, moment, knobs.heartbeat)
         limit least(end_without_space.max_rows, 1000)
           for no key update skip locked
    )
    select array_agg(f.tid), array_agg(distinct f.room_id) into due, rooms from found f;
    if due is null then
        return 0;
    end if;
    locked := presence_private.lock_rooms(rooms, false);

    for one in
        select s.room_id, s.user_id, 'expired', max(s.beat_at)
          from presence_private.session s
         where s.ctid = any (due) and s.room_id = any (locked)
         group by s.room_id, s.user_id
        having count(*) = (select count(*) from presence_private.session x
                            where x.room_id = s.room_id and x.user_id = s.user_id and x.ended_at is null)
    loop
        begin
            update presence_private.last_seen l
               set last_seen_at = greatest(l.last_seen_at, one.seen_at)
             where l.room_id = one.room_id and l.user_id = one.user_id and l.reason is null;
            over := over || one;
        exception
            when disk_full then
                late := late || one;
        end;
    end loop;
    -- '-infinity': they are closed at the moment that was noted
    update presence_private.alive
       set lost_at = case when over is null and late is not null then greatest(lost_at, moment) else coalesce(lost_at, '-infinity') end,
           close_at = coalesce(close_at, moment);
    over := coalesce(over, late);

    with gone as (
        delete from presence_private.session s
         using unnest(over) o
         where s.ctid = any (due) and s.room_id = o.room_id and s.user_id = o.user_id
        returning s.session_id
    ),
    hidden as (
        delete from presence_private.member m
         using unnest(over) o
         where m.room_id = o.room_id and m.user_id = o.user_id
        returning m.room_id
    ),
    bumped as (
        update presence_private.room r
           set revision = r.revision + 1, online_count = r.online_count - h.members
          from (select h.room_id, count(*)::integer as members from hidden h group by h.room_id) h
         where r.room_id = h.room_id
    )
    select count(*) into ended from gone;
    if ended > 0 then
        raise warning 'no space is left: % sessions end without a line in history, which follows once there is', ended;
    end if;
    return ended;
end
$$;
comment on function presence_private.end_without_space is 'on a full disk: ends presences without a log of changes and without visits, which follow; returns how many sessions ended';

-- sql/core/reap_sessions.sql
-- The reaper: time becomes a change in one place. See presence.reap.
--
-- On a full disk nothing can be written that needs a new page, as the log of changes and visits do: what is due ends
-- without them, see presence_private.end_without_space.
-- Returns how many sessions ended; -1: another one is at it.
create or replace function presence_private.reap_sessions(max_rows integer, at_time timestamptz default null)
    returns integer
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    moment constant timestamptz := coalesce(reap_sessions.at_time, statement_timestamp());
begin
    -- a lock on a table of ours, since anybody who can connect may take an advisory one, and keep it
    begin
        lock table presence_private.alive in share update exclusive mode nowait;
    exception
        when lock_not_available then
            return -1;
    end;
    perform set_config('synchronous_commit', 'off', true);
    if not presence_private.ensure_epoch(wait => false) then
        return -1;
    end if;
    begin
        return presence_private.end_due(reap_sessions.max_rows, moment);
    exception
        when disk_full then
            return presence_private.end_without_space(reap_sessions.max_rows, moment);
    end;
end
$$;
comment on function presence_private.reap_sessions is 'ends leases and settles timed statuses; returns how many sessions ended, -1 while another one is at it';

-- sql/core/host_changes.sql
-- Triggers on the application's own tables, made by presence.watch_table. They only append to the eviction queue: the
-- application's transactions never NOTIFY and never take a presence lock. Nothing depends on a column of the table: it may
-- be renamed, altered or dropped, and a change of the table is never refused (a watched column that is gone notes nothing).
-- Arguments: the room's column, the user's column ('' where there is none), whether a row that goes is a logout, the column
-- with the end of a login (''), and the other columns whose change matters. Times without a zone are UTC, as the tools that
-- make such columns write them.

create or replace function presence_private.note_gone()
    returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    set timezone = 'UTC'
as $$
begin
    if tg_op = 'TRUNCATE' then
        insert into presence_private.eviction (logout) values (tg_argv[2]::boolean);
        return null;
    end if;
    insert into presence_private.eviction (room_id, user_id, logout)
    select distinct (r.gone ->> tg_argv[0])::presence.room_id, (r.gone ->> tg_argv[1])::presence.user_id, tg_argv[2]::boolean
      from (select to_jsonb(g) as gone from gone g) r
     where (tg_argv[0] = '' or r.gone ? tg_argv[0])
       and (tg_argv[1] = '' or r.gone ? tg_argv[1])
       -- an application that sweeps logins which ended long ago signs nobody out
       and coalesce((r.gone ->> tg_argv[3])::timestamptz > now(), true);
    return null;
exception
    when data_exception then   -- a row that is no JSON (json with \u0000): the application goes on, access is looked at anew
        insert into presence_private.eviction default values;
        return null;
end
$$;
comment on function presence_private.note_gone is 'trigger on tables of the application: rows are gone, somebody may have lost access';

create or replace function presence_private.note_changed()
    returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    set timezone = 'UTC'
as $$
declare
    was    jsonb;
    is_now jsonb;
begin
    begin
        was := to_jsonb(old);
        is_now := to_jsonb(new);
    exception
        when data_exception then
            return null;   -- a row that is no JSON (json with \u0000): the application goes on
    end;
    if (tg_argv[0] = '' or was ? tg_argv[0])
       and (tg_argv[1] = '' or was ? tg_argv[1])
       and (was -> tg_argv[0] is distinct from is_now -> tg_argv[0]
            or was -> tg_argv[1] is distinct from is_now -> tg_argv[1]
            or exists (select from unnest(tg_argv[4]::name[]) as w(name) where was -> w.name::text is distinct from is_now -> w.name::text)
            -- a login that is prolonged ends nothing
            or (was ->> tg_argv[3])::timestamptz > now() and (is_now ->> tg_argv[3])::timestamptz <= now()) then
        insert into presence_private.eviction (room_id, user_id, logout)
        values ((was ->> tg_argv[0])::presence.room_id, (was ->> tg_argv[1])::presence.user_id, tg_argv[2]::boolean);
    end if;
    return null;
end
$$;
comment on function presence_private.note_changed is 'trigger on tables of the application: a row reads differently, somebody may have lost access';

-- sql/core/evict_queued.sql
-- Takes from the queue that the application's triggers fill. See presence.evict.
create or replace function presence_private.evict_queued(max_rows integer, at_time timestamptz default null)
    returns integer
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    moment  constant timestamptz := coalesce(evict_queued.at_time, statement_timestamp());
    taken   presence_private.eviction[];
    rooms   presence.room_id[];
    locked  presence.room_id[];
    touched presence_private.touch[];
    ended   integer;
begin
    perform set_config('synchronous_commit', 'off', true);
    with t as (
        delete from presence_private.eviction e
         where e.ctid = any (array(select q.ctid from presence_private.eviction q
                                    limit evict_queued.max_rows for update skip locked))
        returning e
    )
    select array_agg(t.e) into taken from t;
    perform presence_private.note_logouts(
        (select array_agg(distinct t.user_id) from unnest(taken) t where t.logout and t.user_id is not null), moment);
    select array_agg(distinct f.room_id)
      into rooms
      from (select t.room_id from unnest(taken) t where t.room_id is not null
             union all
            select s.room_id from presence_private.session s
              join unnest(taken) t on t.room_id is null and (t.user_id is null or s.user_id = t.user_id)
             where s.ended_at is null
             union all
            select r.room_id from presence_private.room r
             where exists (select from unnest(taken) t where t.room_id is null and t.user_id is null)) f;
    if rooms is null then
        return 0;
    end if;
    locked := presence_private.lock_rooms(rooms, false);

    with suspect as materialized (
        select s.room_id, s.user_id, s.session_id, bool_or(t.logout) as logout
          from unnest(taken) t
          join presence_private.session s
            on (t.room_id is null or s.room_id = t.room_id) and (t.user_id is null or s.user_id = t.user_id)
         where s.ended_at is null
           and s.room_id = any (locked)
         group by s.room_id, s.user_id, s.session_id
        having bool_or(t.logout)
            or not exists (select from presence_private.room_access() a
                            where a.room_id = s.room_id and a.user_id = s.user_id)
    ),
    held as materialized (
        select s.room_id, s.user_id, s.session_id, u.logout
          from suspect u
          join presence_private.session s
            on s.room_id = u.room_id and s.user_id = u.user_id and s.session_id = u.session_id
           for no key update of s skip locked
    ),
    gone as (
        update presence_private.session s
           set ended_at = moment, ended_as = case when h.logout then 'logged_out' else 'revoked' end,
               expires_at = moment + case when h.logout then interval '1 day' else interval '2 minutes' end,
               changed_at = null, status_until = null, typing_until = null, message = null, activity = null, data = null
          from held h
         where s.room_id = h.room_id and s.user_id = h.user_id and s.session_id = h.session_id
        returning s.room_id, s.user_id, s.ended_as
    ),
    later as (   -- what somebody holds is looked at again
        insert into presence_private.eviction (room_id, user_id, logout)
        select t.room_id, t.user_id, t.logout
          from unnest(taken) t
         where (t.room_id is not null and t.room_id <> all (locked))
            or (t.room_id is null and exists (select from unnest(rooms) r where r <> all (locked)))
            or exists (select from suspect u
                        where (t.room_id is null or u.room_id = t.room_id) and (t.user_id is null or u.user_id = t.user_id)
                          and not exists (select from held h where h.room_id = u.room_id and h.user_id = u.user_id
                                                               and h.session_id = u.session_id))
    )
    select array_agg(row(g.room_id, g.user_id, g.ended_as, moment)::presence_private.touch), count(*)
      into touched, ended
      from gone g;
    -- who stays may read differently now: another role, another name
    select touched || array_agg(row(m.room_id, m.user_id, 'reads differently', null)::presence_private.touch)
      into touched
      from presence_private.member m
     where m.room_id = any (locked)
       and exists (select from unnest(taken) t
                    where t.user_id = m.user_id and (t.room_id is null or t.room_id = m.room_id) and not t.logout);
    if touched is not null then
        perform presence_private.settle(touched, moment);
    end if;
    -- rings also where nobody was: whoever watches is asked again
    update presence_private.room r set revision = r.revision where r.room_id = any (locked);
    return ended;
end
$$;
comment on function presence_private.evict_queued is 'ends sessions without access in the rooms of the queue, and rings these rooms; returns how many sessions ended';

-- sql/api/absent_members.sql
-- Participants who may enter, are not here, and were seen: the grey faces beside a room's members.
create or replace function presence.absent_members(viewer presence.user_id, room_id presence.room_id, max_rows integer default 20)
    returns table (user_id presence.user_id, name text, avatar_url text, role text, last_seen_at timestamptz)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
begin
    return query
    select a.user_id, u.name, u.avatar_url, a.role, presence_private.seen_at(l.last_seen_at, l.reason) as last_seen_at
      from presence_private.last_seen l
     cross join lateral (select a.user_id, a.role from presence_private.room_access() a
                          where a.room_id = l.room_id and a.user_id = l.user_id limit 1) a
      left join lateral (select u.name, u.avatar_url from presence_host.users() u
                          where u.user_id = l.user_id limit 1) u on true
     where l.room_id = absent_members.room_id
       and exists (select from presence_private.room_access() v
                    where v.room_id = absent_members.room_id and v.user_id = absent_members.viewer)
       and not exists (select from presence_private.member m where m.room_id = l.room_id and m.user_id = l.user_id)
     order by last_seen_at desc, l.user_id
     limit case when absent_members.max_rows > 0 then absent_members.max_rows when absent_members.max_rows <= 0 then 0 end;
end
$$;
comment on function presence.absent_members is 'participants of a room who may enter, are absent and were seen, the latest first; no row where the viewer may not enter';
grant execute on function presence.absent_members to presence_service, presence_app;

-- sql/api/configure.sql
-- Settings that SQL goes by. Null leaves one as it is.
create or replace function presence.configure(
        ttl          interval default null,
        heartbeat    interval default null,
        typing       interval default null,
        sessions_max integer  default null,
        retention    interval default null)
    returns void
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    broken text;
begin
    update presence_private.setting k
       set ttl = coalesce(configure.ttl, k.ttl),
           heartbeat = coalesce(configure.heartbeat, k.heartbeat),
           typing = coalesce(configure.typing, k.typing),
           sessions_max = coalesce(configure.sessions_max, k.sessions_max),
           retention = coalesce(configure.retention, k.retention);
    perform pg_notify('presence', '*');   -- nodes read their settings again
exception
    when check_violation then
        get stacked diagnostics broken = constraint_name;
        raise exception '%', case broken
                when 'setting_ttl' then 'ttl must be 500 ms to 1 hour'
                when 'setting_heartbeat' then 'heartbeat must be 100 ms to 10 minutes'
                when 'setting_typing' then 'typing must be 500 ms to 1 minute'
                when 'setting_sessions_max' then 'sessions_max must be 1 to 1000'
                when 'setting_retention' then 'retention must be 1 day to 10 years'
                else 'ttl must be at least 2.5 times heartbeat' end
            using errcode = 'PR400', hint = 'give ttl and heartbeat in one call where both change';
end
$$;
comment on function presence.configure is
    'sets what SQL goes by: ttl (500 ms to 1 h, at least 2.5 x heartbeat), heartbeat (100 ms to 10 min), typing (500 ms to 1 min), sessions_max (1 to 1000), retention (1 day to 10 years); null leaves one as it is';
grant execute on function presence.configure to presence_service;

-- sql/api/event_counts.sql
-- How many people each event has now, by the clock, however many of its rooms they are in.
create or replace function presence.event_counts(event_ids presence.event_id[] default null)
    returns table (event_id presence.event_id, online_count integer)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
begin
    return query
    with rooms as materialized (
        select distinct r.event_id, r.room_id
          from presence_host.rooms() r
         where r.event_id is not null
           and (event_counts.event_ids is null or r.event_id = any (event_counts.event_ids))
    ),
    people as (
        select r.event_id, count(distinct s.user_id)::integer as online_count
          from rooms r
          join presence_private.session s on s.room_id = r.room_id
         where s.ended_at is null and s.expires_at > statement_timestamp()
         group by r.event_id
    )
    select k.event_id, coalesce(p.online_count, 0)
      from (select r.event_id from rooms r
             union
            select e.event_id from presence_host.events() e
             where event_counts.event_ids is null or e.event_id = any (event_counts.event_ids)) k
      left join people p on p.event_id = k.event_id;
end
$$;
comment on function presence.event_counts is
    'events with the number of people there now, each counted once: the given ones, or all; events that are not there are left out';
grant execute on function presence.event_counts to presence_service, presence_app;

-- sql/api/event_occupancy.sql
-- How full an event was, over all its rooms; people are counted once.
create or replace function presence.event_occupancy(
        event_id presence.event_id,
        from_at  timestamptz default null,
        to_at    timestamptz default null)
    returns table (peak integer, peak_at timestamptz, average double precision, people integer)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
begin
    return query
    select * from presence_private.occupancy(
        array(select r.room_id from presence_host.rooms() r where r.event_id = event_occupancy.event_id), from_at, to_at);
end
$$;
comment on function presence.event_occupancy is
    'how full an event was, over all its rooms and with each person counted once, between from_at (default: 24 hours before to_at) and to_at (default: now); one row as presence.room_occupancy';
grant execute on function presence.event_occupancy to presence_service, presence_app;

-- sql/api/event_snapshot.sql
-- The dashboard of an event for one viewer: every person who may enter one of the rooms that the viewer may see.
create or replace function presence.event_snapshot(viewer presence.user_id, event_id presence.event_id)
    returns table (event_name text, coordinator_id presence.user_id, online_count integer,
                   room_id presence.room_id, room_name text, kind text, room_online_count integer,
                   user_id presence.user_id, name text, avatar_url text, role text, online boolean,
                   status text, status_until timestamptz, message text, activity text, data jsonb,
                   joined_at timestamptz, last_seen_at timestamptz)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
    return query
    with visible as materialized (
        select h.room_id, h.name, h.kind
          from presence_host.rooms() h
         where h.event_id = event_snapshot.event_id
           and exists (select from presence_private.room_access() a
                        where a.room_id = h.room_id and a.user_id = event_snapshot.viewer)
    ),
    people as materialized (
        select v.room_id, a.user_id, a.role, m.user_id is not null as online,
               m.status, m.status_until, m.message, m.activity, m.data, m.joined_at
          from visible v
         cross join lateral (select distinct on (a.user_id) a.user_id, a.role from presence_private.room_access() a
                              where a.room_id = v.room_id order by a.user_id) a
          left join lateral (
               select * from presence_private.shown m
                where m.room_id = v.room_id and m.user_id = a.user_id
                limit 1) m on true
    )
    select e.name, e.coordinator_id, (select count(distinct o.user_id)::integer from people o where o.online),
           v.room_id, v.name, v.kind, (count(*) filter (where p.online) over (partition by v.room_id))::integer,
           p.user_id, u.name, u.avatar_url, p.role, coalesce(p.online, false), p.status, p.status_until,
           p.message, p.activity, p.data, p.joined_at, l.last_seen_at
      from visible v
      left join lateral (select e.name, e.coordinator_id from presence_host.events() e
                          where e.event_id = event_snapshot.event_id limit 1) e on true
      left join people p on p.room_id = v.room_id
      left join lateral (select u.name, u.avatar_url from presence_host.users() u
                          where u.user_id = p.user_id limit 1) u on true
      left join lateral (select presence_private.seen_at(l.last_seen_at, l.reason) as last_seen_at from presence_private.last_seen l
                          where l.room_id = p.room_id and l.user_id = p.user_id limit 1) l on true
     order by v.name, v.room_id, p.user_id;
end
$$;
comment on function presence.event_snapshot is
    'an event as a viewer sees it: one row a room and person, only rooms that the viewer may enter; online_count counts unique people; no row: nothing that the viewer may see';
grant execute on function presence.event_snapshot to presence_service, presence_app;

-- sql/api/evict.sql
-- Ends what the application's own changes ended, and rings the rooms, so that every node asks again who may see them.
-- The service calls it twice a second; a room or session that somebody holds goes back into the queue.
create or replace function presence.evict(max_rows integer default 1000)
    returns integer
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
begin
    if not exists (select from presence_private.eviction) then
        return 0;
    end if;
    return presence_private.evict_queued(greatest(evict.max_rows, 1));
end
$$;
comment on function presence.evict is 'ends sessions that the application''s own tables no longer allow, as presence.watch_table noticed; returns how many';
grant execute on function presence.evict to presence_service, presence_app;

-- sql/api/heartbeat.sql
-- One heartbeat, in the caller's own transaction: joins or renews.
create or replace function presence.heartbeat(
        room_id    presence.room_id,
        user_id    presence.user_id,
        session_id uuid,
        status     text     default null,
        status_ttl interval default null,
        message    text     default null,
        activity   text     default null,
        data       jsonb    default null,
        seq        bigint   default null)
    returns setof presence.lease
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    beat presence_private.beat;
begin
    select * into beat
      from presence_private.apply_beats(
               array[heartbeat.room_id], array[heartbeat.user_id], array[heartbeat.session_id],
               array[heartbeat.status], array[heartbeat.status_ttl], array[heartbeat.message],
               array[heartbeat.activity], array[heartbeat.data], array[heartbeat.seq],
               renew_only => false, wait => true) b;
    case beat.outcome
        when 'ok' then
            return next row(beat.session_id, beat.status, beat.joined_at, beat.expires_at)::presence.lease;
        when 'denied' then
            raise exception 'no such room' using errcode = 'PR404',
                hint = 'select * from presence.why(user_id, room_id) says what is missing';
        when 'stale' then
            raise exception 'this heartbeat was overtaken by its session''s leave' using errcode = 'PR409',
                hint = 'number heartbeats and leaves of one session upwards';
        when 'ended' then
            raise exception 'this session was logged out' using errcode = 'PR410',
                hint = 'begin a new session with a new session_id';
        when 'too_many_sessions' then
            raise exception 'too many sessions of one user in one room' using errcode = 'PR429',
                hint = 'presence.configure(sessions_max => ...) sets how many';
        when 'busy' then
            raise exception 'this session is being changed by somebody else' using errcode = '55P03',
                hint = 'try again';
        else
            raise exception 'a part of this heartbeat is not valid' using errcode = 'PR400',
                hint = 'status: active, idle, away, busy, in_meeting, typing or invisible; status_ttl: 0 to 366 days; '
                       'message: 140 characters; activity: 80; data: a JSON object of 1 KiB; seq: not negative';
    end case;
end
$$;
comment on function presence.heartbeat is
    'joins a room or renews the lease of one session: one row, or PR404 (not allowed), PR409 (overtaken), PR410 (logged out), PR429 (too many sessions), PR400 (not valid). Absent arguments leave things as they are, '''' and ''{}'' clear them';
grant execute on function presence.heartbeat to presence_service, presence_app;

-- sql/api/heartbeat_batch.sql
-- Heartbeats of many, set-wise, for the service: one outcome an item, in any order.
-- A room or session that somebody holds is skipped and reported as busy: nothing is waited for.
create or replace function presence.heartbeat_batch(
        room_ids    presence.room_id[],
        user_ids    presence.user_id[],
        session_ids uuid[],
        statuses    text[]     default null,
        status_ttls interval[] default null,
        messages    text[]     default null,
        activities  text[]     default null,
        datas       jsonb[]    default null,
        seqs        bigint[]   default null,
        renew_only  boolean    default false)
    returns table (item integer, outcome text, session_id uuid, status text, joined_at timestamptz, expires_at timestamptz)
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
begin
    return query
    select * from presence_private.apply_beats(
        heartbeat_batch.room_ids, heartbeat_batch.user_ids, heartbeat_batch.session_ids, heartbeat_batch.statuses,
        heartbeat_batch.status_ttls, heartbeat_batch.messages, heartbeat_batch.activities, heartbeat_batch.datas,
        heartbeat_batch.seqs, heartbeat_batch.renew_only, wait => false);
end
$$;
comment on function presence.heartbeat_batch is
    'heartbeats of many, one outcome an item: ok, denied, invalid, stale, ended, too_many_sessions, busy (somebody holds the room: nothing was done, try again). renew_only: what would change anything that people see is busy as well';
grant execute on function presence.heartbeat_batch to presence_service;

-- sql/api/hold_batch.sql
-- What open streams hold, renewed in bulk: for the service. One UPDATE that never inserts: who was kicked or logged out
-- stays so, and a session that another stream took over is that one's. One that nobody holds (its client left and came
-- back by a heartbeat) is held again. It is no sign of life of the client: beat_at stays, and where that is older than
-- silence_max the lease is left to run out; it is still the stream's, and renewed again once the client is heard.
-- A lease that ran out a while ago is gone, reaped or not: nobody comes back without a join.
-- take: the stream begins to hold the session, whoever held it.
create or replace function presence.hold_batch(
        room_ids    presence.room_id[],
        user_ids    presence.user_id[],
        session_ids uuid[],
        holders     uuid[],
        take        boolean[],
        silence_max interval)
    returns table (item integer, outcome text)
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    moment constant timestamptz := statement_timestamp();
    gone   constant timestamptz := presence_private.gone_before(moment);
    heard  constant timestamptz := moment - hold_batch.silence_max;   -- a sign of life before this is too old
    lasts  constant interval := (select k.ttl from presence_private.setting k);
begin
    return query
    with asked as materialized (
        select i.*
          from unnest(room_ids, user_ids, session_ids, holders, take)
               with ordinality as i(room_id, user_id, session_id, holder, take, item)
    ),
    held as materialized (
        select a.item, a.holder, s.room_id, s.user_id, s.session_id
          from asked a
          join presence_private.session s
            on s.room_id = a.room_id and s.user_id = a.user_id and s.session_id = a.session_id
         where s.ended_at is null
           and s.expires_at > gone
           and (a.take or (coalesce(s.holder, a.holder) = a.holder and s.beat_at > heard))
           for no key update of s skip locked
    ),
    renewed as (
        update presence_private.session s
           set expires_at = moment + lasts, holder = h.holder
          from held h
         where s.room_id = h.room_id and s.user_id = h.user_id and s.session_id = h.session_id
        returning h.item
    )
    select a.item::integer,
           case when r.item is not null then 'held'
                when s.session_id is null then 'missing'
                when s.ended_at is not null then s.ended_as
                when s.expires_at <= gone then 'gone'
                when a.take then 'busy'
                when s.holder <> a.holder then 'gone'
                when s.beat_at > heard then 'busy'
                else 'held' end
      from asked a
      left join renewed r on r.item = a.item
      left join lateral (select s.* from presence_private.session s   -- the few that were not renewed
                          where r.item is null and s.room_id = a.room_id and s.user_id = a.user_id and s.session_id = a.session_id
                          limit 1) s on true;
end
$$;
comment on function presence.hold_batch is
    'for the service: renews what its streams hold, one outcome an item: held (also where a silent client''s lease is left to run out), busy (somebody changes the session: try again), or why it is held no more: missing (it ran out, or the data was lost), gone, left, revoked, removed, logged_out';
grant execute on function presence.hold_batch to presence_service;

-- sql/api/leave.sql
-- One leave, in the caller's own transaction.
create or replace function presence.leave(
        room_id    presence.room_id,
        user_id    presence.user_id,
        session_id uuid,
        seq        bigint default null)
    returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
declare
    what text;
begin
    select e.outcome into what
      from presence_private.end_sessions(array[leave.room_id], array[leave.user_id], array[leave.session_id],
                                         array[leave.seq], wait => true) e;
    if what = 'busy' then
        raise exception 'this session is being changed by somebody else' using errcode = '55P03', hint = 'try again';
    end if;
    return what = 'left';
end
$$;
comment on function presence.leave is
    'ends one session; false: there was nothing to leave. Heartbeats of it numbered up to seq (any numbered one, without seq) are refused for two minutes';
grant execute on function presence.leave to presence_service, presence_app;

-- sql/api/leave_batch.sql
-- Leaves of many, set-wise, for the service: one outcome an item.
create or replace function presence.leave_batch(
        room_ids    presence.room_id[],
        user_ids    presence.user_id[],
        session_ids uuid[],
        seqs        bigint[] default null)
    returns table (item integer, outcome text)
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
begin
    return query
    select * from presence_private.end_sessions(leave_batch.room_ids, leave_batch.user_ids, leave_batch.session_ids,
                                                leave_batch.seqs, wait => false);
end
$$;
comment on function presence.leave_batch is 'leaves of many, one outcome an item: left, nothing, busy (somebody holds the room: try again)';
grant execute on function presence.leave_batch to presence_service;

-- sql/api/leave_everywhere.sql
-- Logout: all sessions of a user end, and their ids may not return.
create or replace function presence.leave_everywhere(user_id presence.user_id)
    returns integer
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
begin
    if leave_everywhere.user_id is null then
        return 0;
    end if;
    return presence_private.end_all(null, leave_everywhere.user_id, 'logged_out');
end
$$;
comment on function presence.leave_everywhere is 'logout: ends all sessions of a user; those session ids may not return (PR410). Returns how many ended';
grant execute on function presence.leave_everywhere to presence_service, presence_app;

-- sql/api/logged_out_at.sql
-- When each of these users was logged out last, within a day; who was not has no row. For the service: a stream that was
-- open before ends.
create or replace function presence.logged_out_at(user_ids presence.user_id[])
    returns table (user_id presence.user_id, at timestamptz)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
    return query
    select u.user_id, l.at
      from unnest(logged_out_at.user_ids) as u(user_id)
     cross join lateral (
           select max(s.ended_at) as at
             from presence_private.session s
            where s.user_id = u.user_id and s.ended_as = 'logged_out') l
     where l.at is not null;
end
$$;
comment on function presence.logged_out_at is 'for the service: when each of these users was logged out last, within a day';
grant execute on function presence.logged_out_at to presence_service;

-- sql/api/map_gateway.sql
-- A login that speaks for many users, and where it says for whom. Whoever can connect as that login can name any user:
-- an operator decides that, and nobody else can. For the owner alone: set role presence_owner first.
create or replace function presence.map_gateway(
        login   name,
        setting text default 'request.jwt.claims',
        claim   text default 'sub')
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    role oid;
begin
    if map_gateway.setting is null then
        delete from presence_private.gateway g where g.login = map_gateway.login;
        return;
    end if;
    select r.oid into role from pg_roles r where r.rolname = map_gateway.login and r.rolcanlogin;
    if not found then
        raise exception 'there is no login %', map_gateway.login using errcode = 'PR400',
            hint = 'name the login with which the gateway connects, not the role that it takes';
    end if;
    if map_gateway.setting !~ '^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)+$' then
        raise exception 'a setting''s name has a dot and no odd characters: %', map_gateway.setting using errcode = 'PR400',
            hint = 'PostgREST and Supabase: request.jwt.claims';
    end if;
    delete from presence_private.login l where l.login = map_gateway.login;
    insert into presence_private.gateway as g (login, role, setting, claim)
    values (map_gateway.login, role, map_gateway.setting, nullif(map_gateway.claim, ''))
        on conflict (login) do update set role = excluded.role, setting = excluded.setting, claim = excluded.claim;
end
$$;
comment on function presence.map_gateway is
    'says that a login speaks for many users, whom it names in a setting: by this claim of its JSON, or, claim null, by the setting itself; setting null: not any more. For presence_owner alone';

-- sql/api/map_login.sql
-- Which user an end user's own login is. For the owner alone: set role presence_owner first, as for the mapping.
create or replace function presence.map_login(login name, user_id presence.user_id)
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    role oid;
begin
    if map_login.user_id is null then
        delete from presence_private.login l where l.login = map_login.login;
        return;
    end if;
    select r.oid into role from pg_roles r where r.rolname = map_login.login and r.rolcanlogin;
    if not found then
        raise exception 'there is no login %', map_login.login using errcode = 'PR400',
            hint = 'name the role that the end user connects as';
    end if;
    if exists (select from presence_private.gateway g where g.login = map_login.login) then
        raise exception 'the login % is mapped as a gateway', map_login.login using errcode = 'PR400',
            hint = 'presence.map_gateway(login, null) ends that';
    end if;
    insert into presence_private.login as l (login, role, user_id)
    values (map_login.login, role, map_login.user_id)
        on conflict (login) do update set role = excluded.role, user_id = excluded.user_id;
end
$$;
comment on function presence.map_login is
    'says which user an end user''s own login is, for presence.whoami(); user_id null: nobody any more. For presence_owner alone';

-- sql/api/node_epoch.sql
-- Which epoch it is, beginning one where the data is new, was lost or came from elsewhere. For the service, which puts
-- back what it knows before it reads anything of a new one.
create or replace function presence.node_epoch()
    returns uuid
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    if not presence_private.ensure_epoch(false) then
        return null;
    end if;
    return (select e.epoch from presence_private.epoch e);
end
$$;
comment on function presence.node_epoch is 'for the service: the current epoch, which it begins where there is none; null: somebody else is at it';
grant execute on function presence.node_epoch to presence_service;

-- sql/api/node_secrets.sql
-- Keys that every node of this database shares: how rings name rooms, how leave tokens are signed.
create or replace function presence.node_secrets()
    returns table (kind text, key bytea)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
begin
    return query select s.kind, s.key from presence_private.secret s order by s.kind, s.made_at desc;
end
$$;
comment on function presence.node_secrets is 'for the service: keys by kind, the newest first';
grant execute on function presence.node_secrets to presence_service;

-- sql/api/node_settings.sql
-- What a node must know of this installation before it serves.
create or replace function presence.node_settings()
    returns table (user_id_type text, room_id_type text, event_id_type text,
                   ttl_ms bigint, heartbeat_ms bigint, typing_ms bigint, sessions_max integer)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
begin
    return query
    select (select format_type(t.typbasetype, null) from pg_type t where t.oid = 'presence.user_id'::regtype),
           (select format_type(t.typbasetype, null) from pg_type t where t.oid = 'presence.room_id'::regtype),
           (select format_type(t.typbasetype, null) from pg_type t where t.oid = 'presence.event_id'::regtype),
           (extract(epoch from k.ttl) * 1000)::bigint, (extract(epoch from k.heartbeat) * 1000)::bigint,
           (extract(epoch from k.typing) * 1000)::bigint, k.sessions_max
      from presence_private.setting k;
end
$$;
comment on function presence.node_settings is 'for the service: the id types and the settings in force';
grant execute on function presence.node_settings to presence_service;

-- sql/api/put_back_batch.sql
-- After a loss of the unlogged data: nodes put back the sessions that they know to have been here. For the service.
-- Access is asked again, and what has come back by itself is never overwritten. A lease lasts as long as it would have,
-- which for what a stream holds is a whole TTL.
create or replace function presence.put_back_batch(
        room_ids      presence.room_id[],
        user_ids      presence.user_id[],
        session_ids   uuid[],
        holders       uuid[],
        lasts         interval[],
        joined_ats    timestamptz[],
        statuses      text[],
        status_untils timestamptz[],
        messages      text[],
        activities    text[],
        datas         jsonb[])
    returns table (item integer, outcome text)
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    moment  constant timestamptz := statement_timestamp();
    ttl     constant interval := (select k.ttl from presence_private.setting k);
    locked  presence.room_id[];
    answers presence_private.beat[];
    touched presence_private.touch[];
begin
    perform set_config('synchronous_commit', 'off', true);
    locked := presence_private.lock_rooms(put_back_batch.room_ids, false);

    with asked as materialized (
        select i.*, i.room_id = any (locked) as is_locked
          from unnest(room_ids, user_ids, session_ids, holders, lasts, joined_ats, statuses, status_untils, messages, activities, datas)
               with ordinality as i(room_id, user_id, session_id, holder, lasts, joined_at, status, status_until, message,
                                    activity, data, item)
    ),
    judged as materialized (
        select a.*,
               case when not exists (select from presence_private.room_access() x
                                      where x.room_id = a.room_id and x.user_id = a.user_id) then 'denied'
                    when not a.is_locked then 'busy'
                    when exists (select from presence_private.session s
                                  where s.room_id = a.room_id and s.user_id = a.user_id and s.session_id = a.session_id) then 'there'
                    else 'back' end as outcome
          from asked a
    ),
    written as (
        insert into presence_private.session
               (session_id, holder, joined_at, beat_at, expires_at, status_until, room_id, user_id, status, message, activity, data)
        select j.session_id, j.holder, least(j.joined_at, moment), moment + least(j.lasts, ttl) - ttl, moment + least(j.lasts, ttl), j.status_until,
               j.room_id, j.user_id, j.status, j.message, j.activity, j.data
          from judged j
         where j.outcome = 'back' and j.lasts > interval '0'
            on conflict do nothing   -- given twice
        returning room_id, user_id
    )
    select (select array_agg(row(j.item::integer, j.outcome, null, null, null, null)::presence_private.beat) from judged j),
           (select array_agg(row(w.room_id, w.user_id, null, null)::presence_private.touch) from written w)
      into answers, touched;

    if touched is not null then
        perform presence_private.settle(touched, moment);
    end if;
    return query select a.item, a.outcome from unnest(answers) a;
end
$$;
comment on function presence.put_back_batch is
    'for the service: after a loss of the unlogged data puts back sessions that a node knows to have been here, one outcome an item: back, there (it is back already), denied, busy (somebody holds the room: try again)';
grant execute on function presence.put_back_batch to presence_service;

-- sql/api/read_rooms.sql
-- Many rooms at once for a node's streams, in ONE statement: what became of each room since a cursor, or the whole of
-- it, and which of the given viewers may still see it.
--
-- Questions come by position: room_ids, epochs, revisions; a null epoch asks for the whole room. The same room may be
-- asked about with several cursors. A cursor of another epoch, ahead of the head, or with a revision missing from the
-- log since, is answered with the whole room; a room of more members than detail_max (null: any number) with its count
-- alone. Viewers come as pairs. A room that none of its viewers may see is answered with a snapshot without a member:
-- nobody is told, and it takes no longer than a room that there is not.
--
-- Rows, question by question:
--   head     what = diff, snapshot or count; epoch, revision, online_count
--   member   what = joined, updated or left (of a diff), present (of a snapshot)
-- and, with question 0:
--   viewer   room_id and user_id of a pair that may see
create or replace function presence.read_rooms(
        room_ids     presence.room_id[],
        epochs       uuid[],
        revisions    bigint[],
        viewer_rooms presence.room_id[],
        viewers      presence.user_id[],
        detail_max   integer[] default null)
    returns table (question integer, kind text, what text, room_id presence.room_id, epoch uuid, revision bigint,
                   online_count integer, user_id presence.user_id, name text, avatar_url text, role text, status text,
                   status_until timestamptz, message text, activity text, data jsonb, joined_at timestamptz,
                   reason text, last_seen_at timestamptz)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
    return query
    with viewer as materialized (
        select v.room_id, v.user_id,
               exists (select from presence_private.room_access() a
                        where a.room_id = v.room_id and a.user_id = v.user_id) as may_see
          from (select distinct w.room_id, w.user_id
                  from unnest(read_rooms.viewer_rooms, read_rooms.viewers) as w(room_id, user_id)) v
    ),
    unseen as materialized (
        select v.room_id from viewer v group by v.room_id having not bool_or(v.may_see)
    ),
    head as materialized (
        select q.question::integer as question, q.room_id, q.revision as since,
               coalesce(r.online_count, 0) > q.detail_max as counts_only,
               q.room_id in (select u.room_id from unseen u) as unseen,
               coalesce(e.epoch, '00000000-0000-0000-0000-000000000000') as epoch,
               coalesce(r.revision, 0) as revision, coalesce(r.online_count, 0) as online_count,
               coalesce(e.epoch = q.epoch and r.revision >= q.revision and r.revision - q.revision <= 1000, false)
               or coalesce(e.epoch = q.epoch and r.room_id is null and q.revision = 0, false) as comparable
          from unnest(read_rooms.room_ids, read_rooms.epochs, read_rooms.revisions, read_rooms.detail_max)
               with ordinality as q(room_id, epoch, revision, detail_max, question)
          left join (select e.epoch from presence_private.epoch e limit 1) e on true
          left join presence_private.room r on r.room_id = q.room_id
    ),
    log as materialized (
        select h.question, h.room_id, c.user_id, c.revision, c.what, c.reason
          from head h
         cross join lateral (
               select c.user_id, c.revision, c.what, c.reason
                 from presence_private.change c
                where c.room_id = h.room_id and c.revision > h.since) c
         where h.comparable and h.counts_only is not true and not h.unseen
    ),
    judged as materialized (
        select h.*,
               case when h.counts_only then 'count'
                    when h.unseen then 'snapshot'
                    when h.comparable and h.revision - h.since = coalesce(k.revisions, 0)
                    then 'diff' else 'snapshot' end as answer
          from head h
          left join (select l.question, count(distinct l.revision) as revisions from log l group by l.question) k
            on k.question = h.question
    ),
    -- who is to be told of, per question, and whether they were there before
    told as (
        select j.question, j.room_id, j.answer, l.user_id,
               (array_agg(l.what order by l.revision))[1] <> 'join' as was,
               (array_agg(l.reason order by l.revision desc))[1] as reason
          from judged j
          join log l on l.question = j.question
         where j.answer = 'diff'
         group by j.question, j.room_id, j.answer, l.user_id
         union all
        select j.question, j.room_id, j.answer, m.user_id, false, null
          from judged j
         cross join lateral (select m.user_id from presence_private.shown m where m.room_id = j.room_id) m
         where j.answer = 'snapshot' and not j.unseen
    )
    select j.question, 'head', j.answer, j.room_id, j.epoch, j.revision, j.online_count,
           null::presence.user_id, null::text, null::text, null::text, null::text, null::timestamptz, null::text,
           null::text, null::jsonb, null::timestamptz, null::text, null::timestamptz
      from judged j
     union all
    select t.question, 'member',
           case when t.answer = 'snapshot' then 'present'
                when m.user_id is null then 'left'
                when t.was then 'updated'
                else 'joined' end,
           t.room_id, null, null, null, t.user_id, u.name, u.avatar_url, p.role, m.status, m.status_until,
           m.message, m.activity, m.data, m.joined_at,
           case when m.user_id is null then t.reason end, case when m.user_id is null then l.last_seen_at end
      from told t
      -- each fenced by a limit, or the generic plan hashes whole tables
      left join lateral (select * from presence_private.member m
                          where m.room_id = t.room_id and m.user_id = t.user_id limit 1) m on true
      left join lateral (select u.name, u.avatar_url from presence_host.users() u
                          where u.user_id = t.user_id and m.user_id is not null limit 1) u on true
      left join lateral (select p.role from presence_host.participants() p
                          where p.room_id = t.room_id and p.user_id = t.user_id and m.user_id is not null limit 1) p on true
      left join lateral (select l.last_seen_at from presence_private.last_seen l
                          where l.room_id = t.room_id and l.user_id = t.user_id and m.user_id is null limit 1) l on true
     where t.was or m.user_id is not null
     union all
    select 0, 'viewer', null, v.room_id, null, null, null, v.user_id, null, null, null, null, null, null, null, null, null, null, null
      from viewer v
     where v.may_see;
end
$$;
comment on function presence.read_rooms is
    'for the service: changes since cursors, or whole rooms, and which viewers may see them, in one statement';
grant execute on function presence.read_rooms to presence_service;

-- sql/api/reap.sql
-- Ends leases that ran out and settles timed statuses. The service calls it every second; pg_cron may.
create or replace function presence.reap(max_rows integer default 5000)
    returns integer
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
begin
    return presence_private.reap_sessions(greatest(reap.max_rows, 1));
end
$$;
comment on function presence.reap is
    'ends leases that ran out and settles timed statuses, at most max_rows at a time; returns how many sessions ended, -1 while another one is at it';
grant execute on function presence.reap to presence_service, presence_app;

-- sql/api/release_batch.sql
-- Streams that closed: what they still hold ends after the grace, unless the client comes back meanwhile. For the service.
-- So does what nobody holds: the stream had joined and was closed before it took hold, or the client came back by a
-- heartbeat while it was open. Whoever was heard of since the close goes on by heartbeats, and keeps the lease of the last.
create or replace function presence.release_batch(
        room_ids    presence.room_id[],
        user_ids    presence.user_id[],
        session_ids uuid[],
        holders     uuid[],
        closed      interval[],
        grace       interval)
    returns table (item integer, outcome text)
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    moment constant timestamptz := statement_timestamp();
begin
    return query
    with asked as materialized (
        select i.*
          from unnest(room_ids, user_ids, session_ids, holders, closed)
               with ordinality as i(room_id, user_id, session_id, holder, closed, item)
    ),
    held as materialized (
        select a.item, s.room_id, s.user_id, s.session_id, s.beat_at > moment - a.closed as goes_on
          from asked a
          join presence_private.session s
            on s.room_id = a.room_id and s.user_id = a.user_id and s.session_id = a.session_id
         where s.ended_at is null and coalesce(s.holder, a.holder) = a.holder
           for no key update of s skip locked
    ),
    released as (   -- the socket was its last sign of life; the zero uuid says how it ends
        update presence_private.session s
           set expires_at = case when h.goes_on then s.expires_at else least(s.expires_at, moment + release_batch.grace) end,
               beat_at = case when h.goes_on then s.beat_at else moment end,
               holder = case when not h.goes_on then '00000000-0000-0000-0000-000000000000'::uuid end
          from held h
         where s.room_id = h.room_id and s.user_id = h.user_id and s.session_id = h.session_id
        returning h.item
    )
    select a.item::integer,
           case when r.item is not null then 'released'
                when exists (select from presence_private.session s
                              where s.room_id = a.room_id and s.user_id = a.user_id and s.session_id = a.session_id
                                and s.ended_at is null and coalesce(s.holder, a.holder) = a.holder) then 'busy'
                else 'gone' end
      from asked a
      left join released r on r.item = a.item;
end
$$;
comment on function presence.release_batch is
    'for the service: streams that closed; what they still hold ends after the grace, with reason disconnected; one outcome an item: released, busy (try again), gone';
grant execute on function presence.release_batch to presence_service;

-- sql/api/remove_member.sql
-- A kick: all sessions of one user in one room end.
create or replace function presence.remove_member(room_id presence.room_id, user_id presence.user_id)
    returns integer
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
begin
    if remove_member.room_id is null or remove_member.user_id is null then
        return 0;
    end if;
    return presence_private.end_all(remove_member.room_id, remove_member.user_id, 'removed');
end
$$;
comment on function presence.remove_member is
    'ends all sessions of one user in one room, with reason removed; returns how many. Who may still enter may come back: take the participant away first';
grant execute on function presence.remove_member to presence_service, presence_app;

-- sql/api/remove_room.sql
-- Clears a room.
create or replace function presence.remove_room(room_id presence.room_id)
    returns integer
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
begin
    if remove_room.room_id is null then
        return 0;
    end if;
    return presence_private.end_all(remove_room.room_id, null, 'removed');
end
$$;
comment on function presence.remove_room is 'ends all sessions in one room, with reason removed; returns how many';
grant execute on function presence.remove_room to presence_service, presence_app;

-- sql/api/room_counts.sql
-- The sidebar: how lively each room is.
create or replace function presence.room_counts(viewer presence.user_id, room_ids presence.room_id[] default null)
    returns table (room_id presence.room_id, name text, kind text, event_id presence.event_id, online_count integer)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
begin
    return query
    select w.room_id, h.name, h.kind, h.event_id,
           case when (select presence_private.is_reaped(statement_timestamp()))
                then coalesce((select r.online_count from presence_private.room r where r.room_id = w.room_id), 0)
                else (select count(*)::integer from presence_private.shown m where m.room_id = w.room_id)
           end
      from (select distinct a.room_id
              from presence_private.room_access() a
             where a.user_id = room_counts.viewer
               and (room_counts.room_ids is null or a.room_id = any (room_counts.room_ids))) w
     cross join lateral (select h.name, h.kind, h.event_id from presence_host.rooms() h
                          where h.room_id = w.room_id limit 1) h
     order by h.name, w.room_id;
end
$$;
comment on function presence.room_counts is
    'rooms with the number of their members: the given ones, or all of the viewer; rooms that the viewer may not enter are left out';
grant execute on function presence.room_counts to presence_service, presence_app;

-- sql/api/room_occupancy.sql
-- How full a room was.
create or replace function presence.room_occupancy(
        room_id presence.room_id,
        from_at timestamptz default null,
        to_at   timestamptz default null)
    returns table (peak integer, peak_at timestamptz, average double precision, people integer)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
begin
    return query
    select * from presence_private.occupancy(array[room_occupancy.room_id], from_at, to_at);
end
$$;
comment on function presence.room_occupancy is
    'how full a room was between from_at (default: 24 hours before to_at) and to_at (default: now): the most members at once and when that was first so, the average over the time, and how many people in all; one row';
grant execute on function presence.room_occupancy to presence_service, presence_app;

-- sql/api/snapshot.sql
-- A whole room for one viewer, in one statement, so that members and revision agree.
create or replace function presence.snapshot(viewer presence.user_id, room_id presence.room_id)
    returns table (epoch uuid, revision bigint, online_count integer, user_id presence.user_id, name text,
                   avatar_url text, role text, status text, status_until timestamptz, message text, activity text,
                   data jsonb, joined_at timestamptz)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
    return query
    select coalesce(e.epoch, '00000000-0000-0000-0000-000000000000'), coalesce(r.revision, 0),
           (count(m.user_id) over ())::integer,
           m.user_id, u.name, u.avatar_url, p.role, m.status, m.status_until, m.message, m.activity, m.data, m.joined_at
      from (select where exists (select from presence_private.room_access() a
                                  where a.room_id = snapshot.room_id and a.user_id = snapshot.viewer)) allowed
      left join (select e.epoch from presence_private.epoch e limit 1) e on true
      left join presence_private.room r on r.room_id = snapshot.room_id
      left join presence_private.shown m on m.room_id = snapshot.room_id
      left join lateral (select u.name, u.avatar_url from presence_host.users() u
                          where u.user_id = m.user_id limit 1) u on true
      left join lateral (select p.role from presence_host.participants() p
                          where p.room_id = m.room_id and p.user_id = m.user_id limit 1) p on true;
end
$$;
comment on function presence.snapshot is
    'a room as a viewer sees it: one row a member, one row with user_id null where nobody is there, no row where the viewer may not enter';
grant execute on function presence.snapshot to presence_service, presence_app;

-- sql/api/spend_ticket.sql
-- Uses up a ticket, which opens one stream on whatever node. For the service, which has checked that it made the ticket
-- and that its 30 s are not over: this only says that nobody was here with it before. Two at once: the primary key
-- decides, and the later one waits for the earlier.
--
-- A ticket is forgotten after 10 min, far beyond its end by any node's clock. Each call forgets a few old ones, so that
-- the table stays small without anybody's help. It commits like any other: a ticket is not used twice across a crash.
create or replace function presence.spend_ticket(ticket_id uuid)
    returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
begin
    delete from presence_private.spent_ticket t
     where t.ticket_id in (select o.ticket_id
                             from presence_private.spent_ticket o
                            where o.spent_at < statement_timestamp() - interval '10 min'
                            order by o.spent_at
                            limit 4
                              for update skip locked);

    insert into presence_private.spent_ticket (ticket_id, spent_at)
    values (spend_ticket.ticket_id, statement_timestamp())
        on conflict do nothing;
    return found;
end
$$;
comment on function presence.spend_ticket is 'for the service: uses up a ticket for a stream; false: it was used before';
grant execute on function presence.spend_ticket to presence_service;

-- sql/api/visits.sql
-- Who was in a room from when to when: "who was there at 14:05".
create or replace function presence.visits(
        room_id presence.room_id,
        from_at timestamptz default null,
        to_at   timestamptz default null)
    returns table (user_id presence.user_id, began_at timestamptz, ended_at timestamptz, reason text)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
begin
    return query
    select s.user_id, s.began_at, nullif(s.ended_at, 'infinity'), s.reason
      from presence_private.stay s
     where s.room_id = visits.room_id
       and s.ended_at > coalesce(visits.from_at, coalesce(visits.to_at, statement_timestamp()) - interval '24 hours')
       and s.began_at <= coalesce(visits.to_at, statement_timestamp())
     order by s.began_at, s.user_id;
end
$$;
comment on function presence.visits is
    'who was in a room at any time between from_at (default: 24 hours before to_at) and to_at (default: now); ended_at and reason are null for who is here';
grant execute on function presence.visits to presence_service, presence_app;

-- sql/api/watch_table.sql
-- Has presence end within a second where the application's own tables say so. To be run as presence_owner, like the
-- mapping; presence_owner needs the TRIGGER right on the table.
create or replace function presence.watch_table(
        relation       regclass,
        room_column    name    default null,
        user_column    name    default null,
        also           name[]  default '{}',
        logout         boolean default false,
        expires_column name    default null)
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
declare
    arguments text := format('%L, %L, %L, %L, %L', coalesce(watch_table.room_column, ''), coalesce(watch_table.user_column, ''),
                             watch_table.logout, coalesce(watch_table.expires_column, ''), watch_table.also);
    missing   name;
begin
    if watch_table.room_column is null and watch_table.user_column is null then
        raise exception 'name the room''s column, the user''s column, or both' using errcode = 'PR400',
            hint = 'participants have both, rooms the room''s, users and logins the user''s';
    end if;
    if watch_table.logout and watch_table.user_column is null then
        raise exception 'a logout needs the user''s column' using errcode = 'PR400',
            hint = 'name the column that says whose login it is, as user_column';
    end if;
    select w.name into missing
      from unnest(watch_table.also || array[watch_table.room_column, watch_table.user_column, watch_table.expires_column]) as w(name)
     where w.name is not null
       and not exists (select from pg_attribute a
                        where a.attrelid = watch_table.relation and a.attname = w.name and a.attnum > 0 and not a.attisdropped
                          and (w.name is distinct from watch_table.expires_column
                               or a.atttypid in ('timestamptz'::regtype, 'timestamp'::regtype)));
    if found then
        raise exception 'the table % has no column %, or it is not of the right type', relation, missing using errcode = 'PR400',
            hint = 'expires_column, the moment at which a login ends, is timestamptz or timestamp';
    end if;
    execute format('create or replace trigger presence_gone after delete on %s referencing old table as gone
                    for each statement execute function presence_private.note_gone(%s)', relation, arguments);
    execute format('create or replace trigger presence_truncated after truncate on %s
                    for each statement execute function presence_private.note_gone(%s)', relation, arguments);
    -- no column is named here: that would forbid the application to alter or drop it; *<> compares values of any type
    execute format('create or replace trigger presence_changed after update on %s
                    for each row when (old.* operator(pg_catalog.*<>) new.*) execute function presence_private.note_changed(%s)', relation, arguments);
end
$$;
comment on function presence.watch_table is
    'triggers on a table of the application, so that presence ends within a second of its changes: participants (room and user column; also: role), rooms (room column; also: kind, vendor), users (user column), logins (user column, logout => true, expires_column: the moment at which a login ends)';

-- sql/api/where_now.sql
-- Where a person is, as far as one viewer may know: through rooms that both may enter.
create or replace function presence.where_now(viewer presence.user_id, user_id presence.user_id)
    returns table (whom presence.user_id, name text, avatar_url text, room_id presence.room_id, online boolean,
                   status text, last_seen_at timestamptz)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
    return query
    select where_now.user_id, u.name, u.avatar_url, b.room_id, m.status is not null, m.status, l.last_seen_at
      from (select distinct a.room_id
              from presence_private.room_access() a
             where a.user_id = where_now.user_id
               and exists (select from presence_private.room_access() v
                            where v.room_id = a.room_id and v.user_id = where_now.viewer)
             union all
            select null::presence.room_id where where_now.viewer = where_now.user_id) b
      left join lateral (select u.name, u.avatar_url from presence_host.users() u
                          where u.user_id = where_now.user_id limit 1) u on true
      left join lateral (
           select m.status from presence_private.shown m
            where m.room_id = b.room_id and m.user_id = where_now.user_id
            limit 1) m on true
      left join lateral (select presence_private.seen_at(l.last_seen_at, l.reason) as last_seen_at from presence_private.last_seen l
                          where l.room_id = b.room_id and l.user_id = where_now.user_id limit 1) l on true
     order by b.room_id;
end
$$;
comment on function presence.where_now is
    'where a user is: one row a room that the viewer may enter too; of oneself also one row without a room; no row: nobody that the viewer may know of';
grant execute on function presence.where_now to presence_service, presence_app;

-- sql/api/whoami.sql
-- Which user of the application the caller is: by the login with which the connection was made, never by anything that
-- the caller can set. Only where an operator mapped the login as a gateway (a server that speaks for many users, such as
-- PostgREST) is a setting believed.
create or replace function presence.whoami()
    returns presence.user_id
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
declare
    me    constant oid := (select r.oid from pg_roles r where r.rolname = session_user);
    gate  presence_private.gateway;
    claim text;
begin
    -- by oid as well: a login that was dropped and made again is somebody else
    select * into gate from presence_private.gateway g where g.login = session_user and g.role = me;
    if not found then
        return (select l.user_id from presence_private.login l where l.login = session_user and l.role = me);
    end if;
    claim := nullif(current_setting(gate.setting, true), '');
    if gate.claim is not null then
        claim := nullif(claim::jsonb ->> gate.claim, '');
    end if;
    return claim::presence.user_id;
exception
    when data_exception or statement_too_complex then   -- no JSON (or too deep), or no id of the installed type: nobody
        return null;
end
$$;
comment on function presence.whoami is
    'the user that the caller''s login is mapped to, or that a gateway''s claims name; null: nobody';
grant execute on function presence.whoami to presence_viewer, presence_app;

-- sql/api/why.sql
-- "Why is she offline?": every reason, whether it holds, and the detail.
create or replace function presence.why(user_id presence.user_id, room_id presence.room_id)
    returns table (reason text, holds boolean, detail text)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    moment constant timestamptz := statement_timestamp();
begin
    return query
    select 'the room exists', exists (select from presence_host.rooms() r where r.room_id = why.room_id),
           (select 'kind ' || coalesce(r.kind, 'null') || coalesce(', vendor ' || r.vendor_id::text, '')
              from presence_host.rooms() r where r.room_id = why.room_id limit 1)
     union all
    select 'the user takes part', exists (select from presence_host.participants() p
                                           where p.room_id = why.room_id and p.user_id = why.user_id),
           (select string_agg('role ' || coalesce(p.role, 'null'), ', ') from presence_host.participants() p
             where p.room_id = why.room_id and p.user_id = why.user_id)
     union all
    select 'the user may enter', exists (select from presence_private.room_access() a
                                          where a.room_id = why.room_id and a.user_id = why.user_id),
           'a vendor may enter a vendor room only where it is their own'
     union all
    select 'a session is live', exists (select from presence_private.session s
                                         where s.room_id = why.room_id and s.user_id = why.user_id
                                           and s.ended_at is null and s.expires_at > moment),
           (select string_agg(s.session_id::text || ': '
                              || case when s.ended_at is not null then s.ended_as || ' ' || date_trunc('second', moment - s.ended_at)::text || ' ago'
                                      when s.expires_at > moment then s.status || ', ends in ' || date_trunc('second', s.expires_at - moment)::text
                                      else 'ran out ' || date_trunc('second', moment - s.expires_at)::text || ' ago' end,
                              '; ' order by s.beat_at desc)
              from presence_private.session s where s.room_id = why.room_id and s.user_id = why.user_id)
     union all
    select 'the user is shown', exists (select from presence_private.member m
                                         where m.room_id = why.room_id and m.user_id = why.user_id),
           (select m.status || ' since ' || m.joined_at::text from presence_private.member m
             where m.room_id = why.room_id and m.user_id = why.user_id)
     union all
    select 'the user was seen', exists (select from presence_private.last_seen l
                                         where l.room_id = why.room_id and l.user_id = why.user_id),
           (select l.last_seen_at::text || coalesce(', ' || l.reason, ', still here') from presence_private.last_seen l
             where l.room_id = why.room_id and l.user_id = why.user_id);
end
$$;
comment on function presence.why is 'why a user is shown in a room or not: every reason, whether it holds, and the detail';
grant execute on function presence.why to presence_service, presence_app;

-- sql/view/members.sql
-- Who is here, by the clock: right also where no service and no reaper runs. The same merge as settle's, of the
-- sessions that are live at this moment. A view's functions run with the reader's rights, so it calls built-in ones only.
create or replace view presence.members as
select replace(replace(l.room_id::text, E'\\', E'\\\\'), '.', E'\\.') || '.' || l.user_id::text as id,
       l.room_id, l.user_id, l.status, l.status_until, l.message, l.activity, l.data, m.joined_at, l.sessions
  from (select s.room_id, s.user_id, count(*)::integer as sessions,
               (array['typing', 'busy', 'in_meeting', 'active', 'idle', 'away'])[min(s.rank)] as status,
               (array_agg(s.until order by s.rank, s.until desc nulls first, s.session_id))[1] as status_until,
               (array_agg(s.message order by s.changed_at desc nulls last, s.session_id))[1] as message,
               (array_agg(s.activity order by s.changed_at desc nulls last, s.session_id))[1] as activity,
               (array_agg(s.data order by s.changed_at desc nulls last, s.session_id))[1] as data
          from (select x.room_id, x.user_id, x.session_id, x.changed_at, x.message, x.activity, x.data,
                       case when x.typing_until > statement_timestamp() then 1
                            when x.status_until <= statement_timestamp() then 4
                            else array_position(array['typing', 'busy', 'in_meeting', 'active', 'idle', 'away'], x.status)
                       end as rank,
                       case when x.typing_until > statement_timestamp() then null
                            when x.status_until > statement_timestamp() then x.status_until end as until
                  from presence_private.session x
                 where x.ended_at is null and x.expires_at > statement_timestamp()) s
         group by s.room_id, s.user_id) l
  join presence_private.member m on m.room_id = l.room_id and m.user_id = l.user_id;
comment on view presence.members is 'who is here now, for trusted backends: one row a user and room; id is unique';
grant select on presence.members to presence_app;

-- sql/view/sessions.sql
-- The live leases behind members, by the clock.
create or replace view presence.sessions as
select replace(replace(s.room_id::text, E'\\', E'\\\\'), '.', E'\\.') || '.' || s.user_id::text || '.' || s.session_id::text as id,
       s.room_id, s.user_id, s.session_id,
       case when s.typing_until > statement_timestamp() then 'typing'
            when s.status_until <= statement_timestamp() then 'active'
            else s.status end as status,
       s.joined_at, s.expires_at
  from presence_private.session s
 where s.ended_at is null and s.expires_at > statement_timestamp();
comment on view presence.sessions is 'one row a live session (tab or device), for trusted backends; id is unique';
grant select on presence.sessions to presence_app;

-- sql/view/rooms.sql
-- How lively each room is, by the clock. Rooms that never had a member are not listed.
create or replace view presence.rooms as
select r.room_id::text as id, r.room_id,
       (select count(*)::integer
          from presence_private.member m
         where m.room_id = r.room_id
           and exists (select from presence_private.session s
                        where s.room_id = m.room_id and s.user_id = m.user_id
                          and s.ended_at is null and s.expires_at > statement_timestamp())) as online_count
  from presence_private.room r;
comment on view presence.rooms is 'rooms that ever had a member, with the number of members now, for trusted backends; id is unique';
grant select on presence.rooms to presence_app;

-- sql/view/last_seen.sql
-- When somebody was last seen where, by the clock: of who is here now, their last sign of life.
create or replace view presence.last_seen as
select replace(replace(l.room_id::text, E'\\', E'\\\\'), '.', E'\\.') || '.' || l.user_id::text as id,
       l.room_id, l.user_id, l.last_seen_at, l.reason
  from (select c.room_id, c.user_id, c.last_seen_at, c.reason
          from presence_private.last_seen c
         where c.reason is not null
         union all
        select o.room_id, o.user_id, o.seen_at, case when not o.live then 'expired' end
          from presence_private.open o) l;
comment on view presence.last_seen is 'when a user was last seen in a room and how that ended (null: still here), for trusted backends; id is unique';
grant select on presence.last_seen to presence_app;

-- sql/view/events.sql
-- How many people each event has now, by the clock, each counted once. Over a function, since it reads the application's
-- tables and a view would read them with its reader's rights; a filter does not reach into it: presence.event_counts does.
create or replace view presence.events as
select e.event_id::text as id, e.event_id, e.online_count
  from presence.event_counts() e;
comment on view presence.events is 'the application''s events with the number of people there now, for trusted backends; id is unique';
grant select on presence.events to presence_app;

-- sql/view/activity_24h.sql
-- Who was active where in the last 24 hours, by the clock, those included who are here.
create or replace view presence.activity_24h as
select replace(replace(s.room_id::text, E'\\', E'\\\\'), '.', E'\\.') || '.' || s.user_id::text as id,
       s.room_id, s.user_id, count(*)::integer as visits,
       sum(least(s.ended_at, statement_timestamp())
           - greatest(s.began_at, statement_timestamp() - interval '24 hours')) as present,
       min(s.began_at) as first_at,
       max(least(s.ended_at, statement_timestamp())) as last_at
  from presence_private.stay s
 where s.ended_at > statement_timestamp() - interval '24 hours'
 group by s.room_id, s.user_id;
comment on view presence.activity_24h is 'who was active in which room in the last 24 hours, how often and for how long, for trusted backends; id is unique';
grant select on presence.activity_24h to presence_app;

-- sql/api/visible_members.sql
-- Who is here now, as far as the caller's own login may see. The function decides and the view of the same name shows
-- it: neither EXPLAIN nor a leaky condition gets to see more. A filter does not reach into it; its argument does.
create or replace function presence.visible_members(room presence.room_id default null)
    returns table (id text, room_id presence.room_id, user_id presence.user_id, name text, avatar_url text, role text,
                   status text, status_until timestamptz, message text, activity text, data jsonb, joined_at timestamptz)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
    rows 100   -- so that joins with the application's tables take its indexes
as $$
#variable_conflict use_column
declare
    me constant presence.user_id := presence.whoami();
begin
    return query
    with mine as materialized (
        select distinct a.room_id
          from presence_private.room_access() a
         where a.user_id = me and (visible_members.room is null or a.room_id = visible_members.room)
    )
    select m.id, m.room_id, m.user_id, u.name, u.avatar_url, p.role, m.status, m.status_until,
           m.message, m.activity, m.data, m.joined_at
      from mine w
     -- offset 0 keeps it a query a room: flattened, it merges the sessions of all rooms there are
     cross join lateral (select * from presence.members m where m.room_id = w.room_id offset 0) m
      left join lateral (select u.name, u.avatar_url from presence_host.users() u
                          where u.user_id = m.user_id limit 1) u on true
      left join lateral (select p.role from presence_host.participants() p
                          where p.room_id = m.room_id and p.user_id = m.user_id limit 1) p on true;
end
$$;
comment on function presence.visible_members is
    'who is here now in the rooms that the caller''s login may enter (see presence.whoami), or in one of them; no row of any other';
grant execute on function presence.visible_members to presence_viewer;
create or replace view presence.visible_members as
select * from presence.visible_members();
comment on view presence.visible_members is 'who is here now in the rooms that the reader''s own login may enter; id is unique';
grant select on presence.visible_members to presence_viewer;

-- sql/api/visible_rooms.sql
-- The rooms that the caller's own login may enter, and how lively each is. See visible_members.
create or replace function presence.visible_rooms(room presence.room_id default null)
    returns table (id text, room_id presence.room_id, event_id presence.event_id, name text, kind text, online_count integer)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
    rows 100   -- so that joins with the application's tables take its indexes
as $$
#variable_conflict use_column
declare
    me constant presence.user_id := presence.whoami();
begin
    return query
    select w.room_id::text, w.room_id, h.event_id, h.name, h.kind,
           (select count(distinct s.user_id)::integer from presence_private.session s
             where s.room_id = w.room_id and s.ended_at is null and s.expires_at > statement_timestamp())
      from (select distinct a.room_id
              from presence_private.room_access() a
             where a.user_id = me and (visible_rooms.room is null or a.room_id = visible_rooms.room)) w
     cross join lateral (select h.event_id, h.name, h.kind from presence_host.rooms() h
                          where h.room_id = w.room_id limit 1) h;
end
$$;
comment on function presence.visible_rooms is
    'the rooms that the caller''s login may enter (see presence.whoami), or one of them, with the number of members now';
grant execute on function presence.visible_rooms to presence_viewer;
create or replace view presence.visible_rooms as
select * from presence.visible_rooms();
comment on view presence.visible_rooms is 'the rooms that the reader''s own login may enter, with the number of members now; id is unique';
grant select on presence.visible_rooms to presence_viewer;

-- sql/api/visible_events.sql
-- The events of which the caller's own login may enter a room, and how many people are in those rooms, each counted once.
-- See visible_members.
create or replace function presence.visible_events(event presence.event_id default null)
    returns table (id text, event_id presence.event_id, name text, coordinator_id presence.user_id, online_count integer)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
    rows 100   -- so that joins with the application's tables take its indexes
as $$
#variable_conflict use_column
declare
    me constant presence.user_id := presence.whoami();
begin
    return query
    with mine as materialized (
        select distinct h.event_id, a.room_id
          from presence_private.room_access() a
         cross join lateral (select h.event_id from presence_host.rooms() h where h.room_id = a.room_id limit 1) h
         where a.user_id = me
           and h.event_id is not null
           and (visible_events.event is null or h.event_id = visible_events.event)
    )
    select w.event_id::text, w.event_id, e.name, e.coordinator_id,
           (select count(distinct s.user_id)::integer
              from mine r
              join presence_private.session s on s.room_id = r.room_id
             where r.event_id = w.event_id and s.ended_at is null and s.expires_at > statement_timestamp())
      from (select distinct m.event_id from mine m) w
      left join lateral (select e.name, e.coordinator_id from presence_host.events() e
                          where e.event_id = w.event_id limit 1) e on true;
end
$$;
comment on function presence.visible_events is
    'the events of which the caller''s login may enter a room (see presence.whoami), or one of them, with the number of people now in those rooms';
grant execute on function presence.visible_events to presence_viewer;
create or replace view presence.visible_events as
select * from presence.visible_events();
comment on view presence.visible_events is 'the events of which the reader''s own login may enter a room, with the number of people now in those rooms; id is unique';
grant select on presence.visible_events to presence_viewer;

-- sql/api/visible_last_seen.sql
-- When those who share a room with the caller's own login were last seen there. See visible_members.
create or replace function presence.visible_last_seen(room presence.room_id default null)
    returns table (id text, room_id presence.room_id, user_id presence.user_id, name text, avatar_url text,
                   last_seen_at timestamptz, reason text)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
    rows 100   -- so that joins with the application's tables take its indexes
as $$
#variable_conflict use_column
declare
    me constant presence.user_id := presence.whoami();
begin
    return query
    with mine as materialized (
        select distinct a.room_id
          from presence_private.room_access() a
         where a.user_id = me and (visible_last_seen.room is null or a.room_id = visible_last_seen.room)
    )
    select l.id, l.room_id, l.user_id, u.name, u.avatar_url, l.last_seen_at, l.reason
      from mine w
     cross join lateral (select * from presence.last_seen l where l.room_id = w.room_id offset 0) l
      left join lateral (select u.name, u.avatar_url from presence_host.users() u
                          where u.user_id = l.user_id limit 1) u on true
     -- who takes part no more is no longer a name for others
     where exists (select from presence_private.room_access() a
                    where a.room_id = l.room_id and a.user_id = l.user_id);
end
$$;
comment on function presence.visible_last_seen is
    'when those who may enter the rooms that the caller''s login may enter (see presence.whoami), or one of them, were last seen there';
grant execute on function presence.visible_last_seen to presence_viewer;
create or replace view presence.visible_last_seen as
select * from presence.visible_last_seen();
comment on view presence.visible_last_seen is 'when those who share a room with the reader''s own login were last seen there; id is unique';
grant select on presence.visible_last_seen to presence_viewer;

-- what was installed
comment on table presence_private.migration is 'the migrations of shape that were applied';
insert into presence_private.installed (behaviour, catalog, version)
values ('b7e03137f7ecf79b94db495813775a6b5197f19dd2029666a2e1dae7a37f7694', (select md5(string_agg(md5(o.name || o.shape || o.detail), '' order by o.name collate "C"))
           from (with ours as (
    select n.oid, n.nspname as name, n.nspowner, n.nspacl
      from pg_namespace n
     where n.nspname in ('presence', 'presence_private', 'presence_host')
), relation as (
    select c.*, o.name as schema, o.name || '.' || c.relname as full_name
      from pg_class c join ours o on o.oid = c.relnamespace
     where not c.relispartition or pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT'
), object (name, shape, detail) as (
    select 'role ' || r.rolname,
           concat_ws(e'\n', case when r.rolsuper then 'superuser' end, case when r.rolcanlogin then 'login' end,
                     case when r.rolbypassrls then 'bypassrls' end, case when r.rolcreaterole then 'createrole' end),
           shobj_description(r.oid, 'pg_authid')
      from pg_roles r
     where r.rolname in ('presence_owner', 'presence_service', 'presence_app', 'presence_viewer')
     union all
    select 'schema ' || o.name, concat_ws(e'\n', case when o.nspowner::regrole::text <> 'presence_owner' then 'owner ' || o.nspowner::regrole end, (select string_agg(format('grant %s to %s', g.rights, g.who), e'\n' order by g.who collate "C")
                from (select coalesce((select r.rolname::text from pg_roles r where r.oid = a.grantee), 'public') as who,
                             string_agg(lower(a.privilege_type) || case when a.is_grantable then ' with grant option' else '' end,
                                        ', ' order by a.privilege_type) as rights
                        from aclexplode(coalesce(o.nspacl, acldefault('n', o.nspowner))) a
                       where a.grantee <> o.nspowner
                         and (a.grantee = 0 or o.name = 'presence_private'
                              or a.grantee in (select r.oid from pg_roles r
                                                where r.rolname in ('presence_service', 'presence_app', 'presence_viewer')))
                       group by 1) g)), obj_description(o.oid, 'pg_namespace')
      from ours o
     union all
    select case t.typtype when 'd' then 'domain ' else 'type ' end || o.name || '.' || t.typname,
           concat_ws(e'\n', case when t.typowner::regrole::text <> 'presence_owner' then 'owner ' || t.typowner::regrole end, case when t.typtype = 'd' then 'as ' || format_type(t.typbasetype, t.typtypmod) end,
                     (select string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), e'\n' order by a.attnum)
                        from pg_attribute a where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped)),
           concat_ws(e'\n', t.typacl::text, obj_description(t.oid, 'pg_type'), obj_description(t.typrelid, 'pg_class'))
      from pg_type t
      join ours o on o.oid = t.typnamespace
      left join pg_class c on c.oid = t.typrelid
     where t.typtype in ('d', 'e') or c.relkind = 'c'
     union all
    select case when c.relkind = 'v' then 'view ' when c.relkind = 'S' then 'sequence ' when c.relpersistence = 'u' then 'unlogged table '
                when c.relkind = 'p' then 'partitioned table ' else 'table ' end || c.full_name,
           concat_ws(e'\n', case when c.relowner::regrole::text <> 'presence_owner' then 'owner ' || c.relowner::regrole end,
                     'partition by ' || pg_get_partkeydef(c.oid),
                     (select 'partition of ' || i.inhparent::regclass || ' ' || pg_get_expr(c.relpartbound, c.oid)
                        from pg_inherits i where i.inhrelid = c.oid),
                     'with ' || array_to_string(c.reloptions, ', '),
                     (select string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end,
                                                  'default ' || pg_get_expr(d.adbin, d.adrelid), a.attacl::text), e'\n' order by a.attnum)
                        from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
                       where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
                     (select string_agg('constraint ' || n.conname || ' ' || pg_get_constraintdef(n.oid), e'\n' order by n.conname collate "C")
                        from pg_constraint n where n.conrelid = c.oid and n.contype in ('p', 'c', 'u', 'f', 'x')),
                     (select string_agg('policy ' || y.polname, e'\n' order by y.polname collate "C") from pg_policy y where y.polrelid = c.oid),
                     (select string_agg(format('grant %s to %s', g.rights, g.who), e'\n' order by g.who collate "C")
                from (select coalesce((select r.rolname::text from pg_roles r where r.oid = a.grantee), 'public') as who,
                             string_agg(lower(a.privilege_type) || case when a.is_grantable then ' with grant option' else '' end,
                                        ', ' order by a.privilege_type) as rights
                        from aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a
                       where a.grantee <> c.relowner
                         and (a.grantee = 0 or c.schema = 'presence_private'
                              or a.grantee in (select r.oid from pg_roles r
                                                where r.rolname in ('presence_service', 'presence_app', 'presence_viewer')))
                       group by 1) g)),
           concat_ws(e'\n', case when c.relkind = 'v' then pg_get_viewdef(c.oid) end, obj_description(c.oid, 'pg_class'),
                     (select string_agg(x.objsubid || x.description, e'\n' order by x.objsubid)
                        from pg_description x where x.classoid = 'pg_class'::regclass and x.objoid = c.oid and x.objsubid > 0))
      from relation c
     where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
     union all
    select 'index ' || i.full_name, pg_get_indexdef(i.oid), null
      from relation i
      join pg_index x on x.indexrelid = i.oid
     where not exists (select from pg_constraint n where n.conindid = i.oid and n.contype in ('p', 'u', 'x'))
     union all
    select 'trigger ' || t.tgname || ' on ' || c.full_name, pg_get_triggerdef(t.oid) || case when t.tgenabled <> 'O' then ' disabled' else '' end,
           obj_description(t.oid, 'pg_trigger')
      from relation c join pg_trigger t on t.tgrelid = c.oid
     where not t.tgisinternal
     union all
    select 'function ' || o.name || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
           concat_ws(e'\n', case when p.proowner::regrole::text <> 'presence_owner' then 'owner ' || p.proowner::regrole end,
                     'arguments ' || nullif(pg_get_function_arguments(p.oid), pg_get_function_identity_arguments(p.oid)),
                     'returns ' || pg_get_function_result(p.oid),
                     concat_ws(' ', 'language', l.lanname, case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
                               case when p.proisstrict then 'strict' end, case when p.prosecdef then 'security definer' end,
                               case p.proparallel when 's' then 'parallel safe' when 'r' then 'parallel restricted' end),
                     'set ' || array_to_string(p.proconfig, e'\nset '),
                     (select string_agg(format('grant %s to %s', g.rights, g.who), e'\n' order by g.who collate "C")
                from (select coalesce((select r.rolname::text from pg_roles r where r.oid = a.grantee), 'public') as who,
                             string_agg(lower(a.privilege_type) || case when a.is_grantable then ' with grant option' else '' end,
                                        ', ' order by a.privilege_type) as rights
                        from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
                       where a.grantee <> p.proowner
                         and (a.grantee = 0 or o.name = 'presence_private'
                              or a.grantee in (select r.oid from pg_roles r
                                                where r.rolname in ('presence_service', 'presence_app', 'presence_viewer')))
                       group by 1) g)),
           concat_ws(e'\n', case when p.prokind = 'f' then pg_get_functiondef(p.oid) end, obj_description(p.oid, 'pg_proc'))
      from pg_proc p
      join ours o on o.oid = p.pronamespace
      join pg_language l on l.oid = p.prolang
)
select name, coalesce(shape, '') as shape, coalesce(detail, '') as detail from object) o
          where o.name not like 'role %' and o.name not like '%presence_host%'), '0.1.0')
on conflict (one) do update set behaviour = excluded.behaviour, catalog = excluded.catalog,
version = excluded.version, at = clock_timestamp();

-- done
commit;

-- rows
set role presence_owner;
create or replace function presence_host.users()
    returns table (user_id presence.user_id, name text, avatar_url text) language sql stable
as $$ values ('alice'::presence.user_id, 'Alice', null::text), ('bob', 'Bob', null), ('carol', 'Carol', null) $$;
create or replace function presence_host.rooms()
    returns table (room_id presence.room_id, event_id presence.event_id, name text, kind text, vendor_id presence.user_id) language sql stable
as $$ values ('general'::presence.room_id, 'gala'::presence.event_id, 'General', 'chat', null::presence.user_id) $$;
create or replace function presence_host.participants()
    returns table (room_id presence.room_id, user_id presence.user_id, role text) language sql stable
as $$ values ('general'::presence.room_id, 'alice'::presence.user_id, 'coordinator'), ('general', 'bob', 'collaborator'), ('general', 'carol', 'vendor') $$;
reset role;

select presence.configure(ttl => interval '3 minutes', heartbeat => interval '50 seconds', sessions_max => 7, retention => interval '30 days');
-- Two tabs of alice; bob, who leaves again, and is logged out; carol, who is removed and leaves a queue entry behind.
select presence.heartbeat('general', 'alice', '00000000-0000-4000-8000-000000000001', 'busy', interval '1 hour', 'at the venue', 'viewing budget', '{"page": 3}', 1);
select presence.heartbeat('general', 'alice', '00000000-0000-4000-8000-000000000002', 'typing');
select presence.heartbeat('general', 'bob', '00000000-0000-4000-8000-000000000003', seq => 4);
select presence.heartbeat('general', 'carol', '00000000-0000-4000-8000-000000000004');
select presence.leave('general', 'bob', '00000000-0000-4000-8000-000000000003', 5);
select presence.remove_member('general', 'carol');
insert into presence_private.eviction (room_id, user_id) values ('general', 'carol');
select presence.leave_everywhere('bob');
-- Who reads with a login of their own, and one that speaks for many; a ticket that was used.
insert into presence_private.login (login, role, user_id) select r.rolname, r.oid, 'alice' from pg_roles r where r.rolname = session_user;
insert into presence_private.gateway (login, role, setting, claim) select r.rolname, r.oid, 'request.jwt.claims', 'sub' from pg_roles r where r.rolname = 'presence_viewer';
select presence.spend_ticket('00000000-0000-4000-8000-000000000009');

-- What the first landed version left in a database: all that it installed, a mapping, and rows of every kind.
--
-- Every file of this folder is loaded into an empty database and migrated by a test (`earlier`): current, the schema
-- that a fresh install has, no row lost. To add one, before a change of shape or of a function lands:
--   1. `pg-presence migrate print > tests/earlier/vN.sql` with the binary of the version that is to be kept, N the number
--      of its last migration; then this header, and the part from "rows" on, which is SQL of that version's own.
--   2. Nothing else: the test takes each file that it finds here. Never edit one that is there.
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

-- what was applied
create table if not exists presence_private.migration (version int4 primary key, name varchar(255), applied_on varchar(255), checksum varchar(255));
insert into presence_private.migration values (1, 'presence', to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '83638670267824427');

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

-- sql/core/gone_before.sql
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
declare
    key constant integer := hashtext('presence.epoch');
begin
    if presence_private.epoch_is_ours() then
        return true;
    end if;
    if ensure_epoch.wait then
        perform pg_advisory_xact_lock(key);
    elsif not pg_try_advisory_xact_lock(key) then
        return false;
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

-- sql/core/ring.sql
-- Rings: NOTIFY presence with keyed hashes of the rooms that changed, and nothing else.

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
               (array_agg(t.reason order by t.seen_at desc) filter (where t.reason is not null))[1] as reason,
               max(t.seen_at) as seen_at
          from unnest(settle.touched) t
         group by t.room_id, t.user_id
    ),
    merged as materialized (
        select w.room_id, w.user_id, w.reason, w.seen_at, g.sessions,
               case when (g.speaker).typing_until is null then (g.speaker).status else 'typing' end as status,
               case when (g.speaker).typing_until is null then (g.speaker).status_until end as status_until,
               (g.teller).message, (g.teller).activity, (g.teller).data
          from who w
         cross join lateral (
               select count(*)::integer as sessions,
                      (array_agg(s order by s.typing_until is null,
                                            array_position(array['busy', 'in_meeting', 'active', 'idle', 'away'], s.status),
                                            s.status_until desc nulls first, s.session_id))[1] as speaker,
                      (array_agg(s order by s.changed_at desc nulls last, s.session_id))[1] as teller
                 from presence_private.session s
                where s.room_id = w.room_id and s.user_id = w.user_id and s.ended_at is null
               ) g
    ),
    verdict as materialized (
        select n.*, n.sessions is distinct from m.sessions as recounted,
               case
                   when n.sessions > 0 and m.user_id is null then 'join'
                   when n.sessions = 0 and m.user_id is not null then 'leave'
                   when n.sessions > 0 and (n.status, n.status_until, n.message, n.activity, n.data)
                        is distinct from (m.status, m.status_until, m.message, m.activity, m.data) then 'update'
               end as what
          from merged n
          left join presence_private.member m on m.room_id = n.room_id and m.user_id = n.user_id
    ),
    shown as (
        insert into presence_private.member as m
               (joined_at, status_until, sessions, room_id, user_id, status, message, activity, data)
        select settle.moment, v.status_until, v.sessions, v.room_id, v.user_id, v.status, v.message, v.activity, v.data
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
    seen as (
        insert into presence_private.last_seen as l (last_seen_at, room_id, user_id, reason)
        select coalesce(v.seen_at, settle.moment), v.room_id, v.user_id,
               case v.what when 'leave' then coalesce(v.reason, 'left') end
          from verdict v
         where v.what in ('join', 'leave')
         order by v.room_id, v.user_id
            on conflict (room_id, user_id) do update
           set last_seen_at = greatest(l.last_seen_at, excluded.last_seen_at), reason = excluded.reason
    )
    select count(v.what) into changes from verdict v;
    return changes;
end
$$;
comment on function presence_private.settle is 'compares the merge of the touched members'' sessions with what people see, and writes the difference; returns how many changed';

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
    return ended;
end
$$;
comment on function presence_private.end_all is 'ends all sessions that match; returns how many were alive';

-- sql/core/reap_sessions.sql
-- The reaper: time becomes a change in one place. See presence.reap.
--
-- One scan finds what is due: leases past their end, statuses and typing past theirs, remembered ends that may be
-- forgotten, leases beyond now + TTL (the clock jumped back). A session that is being renewed is skipped: it is not
-- dead. So is one whose room is locked: the next call finds it again.
-- Returns how many sessions ended; -1: another one is at it.
create or replace function presence_private.reap_sessions(max_rows integer, at_time timestamptz default null)
    returns integer
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    moment  constant timestamptz := coalesce(reap_sessions.at_time, statement_timestamp());
    knobs   presence_private.setting;
    due     tid[];
    rooms   presence.room_id[];
    locked  presence.room_id[];
    touched presence_private.touch[];
    ended   integer := 0;
begin
    if not pg_try_advisory_xact_lock(hashtext('presence.reap')) then
        return -1;
    end if;
    perform set_config('synchronous_commit', 'off', true);
    if not presence_private.ensure_epoch(wait => false) then
        return -1;
    end if;
    select * into knobs from presence_private.setting;

    with found as materialized (
        select s.ctid as tid, s.room_id, s.ended_at is null as alive
          from presence_private.session s
         where s.expires_at <= moment
            or s.status_until <= moment
            or s.typing_until <= moment
            or (s.expires_at > moment + knobs.ttl and s.ended_at is null)
         limit reap_sessions.max_rows
           for no key update skip locked
    )
    select array_agg(f.tid), array_agg(distinct f.room_id) filter (where f.alive)
      into due, rooms
      from found f;

    if due is not null then
        locked := coalesce(presence_private.lock_rooms(rooms, false), '{}');
        with mine as materialized (
            select s.ctid as tid, s.*,
                   -- clients need one interval to renew after the server was away
                   s.expires_at <= moment
                   and (s.ended_at is not null or moment > pg_postmaster_start_time() + knobs.heartbeat) as over
              from presence_private.session s
             where s.ctid = any (due)
               and (s.ended_at is not null or s.room_id = any (locked))
        ),
        gone as (
            delete from presence_private.session s
             using mine m
             where s.ctid = m.tid and m.over
            returning s.room_id, s.user_id, m.ended_at is null as alive, m.beat_at
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
          from (select row(g.room_id, g.user_id, 'expired', g.beat_at)::presence_private.touch as touch, g.alive
                  from gone g where g.alive
                 union all
                select row(u.room_id, u.user_id, null, null)::presence_private.touch, false from settled u) t;
        if touched is not null then
            perform presence_private.settle(touched, moment);
        end if;
    end if;

    -- whole revisions at a time: all rows of one carry the same moment
    delete from presence_private.change c where c.at < moment - interval '2 minutes';
    return ended;
end
$$;
comment on function presence_private.reap_sessions is 'ends leases and settles timed statuses; returns how many sessions ended, -1 while another one is at it';

-- sql/core/host_changes.sql
-- Triggers on the application's own tables, made by presence.watch_table. They only append to the eviction queue: the
-- application's transactions never NOTIFY and never take a presence lock. Arguments: the room's column, the user's
-- column ('' where there is none), and whether a row that goes is a logout.

create or replace function presence_private.note_gone()
    returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'TRUNCATE' then
        insert into presence_private.eviction (room_id) values (null);
        return null;
    end if;
    execute format(
        'insert into presence_private.eviction (room_id, user_id, logout) select distinct %s, %s, %L::boolean from gone g',
        case tg_argv[0] when '' then 'null::presence.room_id' else format('g.%I::presence.room_id', tg_argv[0]) end,
        case tg_argv[1] when '' then 'null::presence.user_id' else format('g.%I::presence.user_id', tg_argv[1]) end,
        tg_argv[2]);
    return null;
end
$$;
comment on function presence_private.note_gone is 'trigger on tables of the application: rows are gone, somebody may have lost access';

create or replace function presence_private.note_changed()
    returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    execute format(
        'insert into presence_private.eviction (room_id, user_id, logout) select %s, %s, %L::boolean',
        case tg_argv[0] when '' then 'null::presence.room_id' else format('($1).%I::presence.room_id', tg_argv[0]) end,
        case tg_argv[1] when '' then 'null::presence.user_id' else format('($1).%I::presence.user_id', tg_argv[1]) end,
        tg_argv[2]) using old;
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
    select a.user_id, u.name, u.avatar_url, a.role, l.last_seen_at
      from presence_private.last_seen l
     cross join lateral (select a.user_id, a.role from presence_private.room_access() a
                          where a.room_id = l.room_id and a.user_id = l.user_id limit 1) a
      left join lateral (select u.name, u.avatar_url from presence_host.users() u
                          where u.user_id = l.user_id limit 1) u on true
     where l.room_id = absent_members.room_id
       and exists (select from presence_private.room_access() v
                    where v.room_id = absent_members.room_id and v.user_id = absent_members.viewer)
       and not exists (select from presence_private.member m where m.room_id = l.room_id and m.user_id = l.user_id)
     order by l.last_seen_at desc, l.user_id
     limit absent_members.max_rows;
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
               select * from presence_private.member m
                where m.room_id = v.room_id and m.user_id = a.user_id
                  and exists (select from presence_private.session s
                               where s.room_id = m.room_id and s.user_id = m.user_id and s.ended_at is null
                                 and s.expires_at > (select presence_private.gone_before(statement_timestamp())))
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
      left join lateral (select l.last_seen_at from presence_private.last_seen l
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

-- sql/api/read_rooms.sql
-- Many rooms at once for a node's streams, in ONE statement: what became of each room since a cursor, or the whole of
-- it, and which of the given viewers may still see it.
--
-- Questions come by position: room_ids, epochs, revisions; a null epoch asks for the whole room. The same room may be
-- asked about with several cursors. A cursor of another epoch, ahead of the head, or with a revision missing from the
-- log since, is answered with the whole room. Viewers come as pairs.
--
-- Rows, question by question:
--   head     what = diff or snapshot; epoch, revision, online_count
--   member   what = joined, updated or left (of a diff), present (of a snapshot)
-- and, with question 0:
--   viewer   room_id and user_id of a pair that may see
create or replace function presence.read_rooms(
        room_ids     presence.room_id[],
        epochs       uuid[],
        revisions    bigint[],
        viewer_rooms presence.room_id[],
        viewers      presence.user_id[])
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
    with head as materialized (
        select q.question::integer as question, q.room_id, q.revision as since,
               coalesce(e.epoch, '00000000-0000-0000-0000-000000000000') as epoch,
               coalesce(r.revision, 0) as revision, coalesce(r.online_count, 0) as online_count,
               coalesce(e.epoch = q.epoch and r.revision >= q.revision and r.revision - q.revision <= 1000, false)
               or coalesce(e.epoch = q.epoch and r.room_id is null and q.revision = 0, false) as comparable
          from unnest(read_rooms.room_ids, read_rooms.epochs, read_rooms.revisions)
               with ordinality as q(room_id, epoch, revision, question)
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
         where h.comparable
    ),
    judged as materialized (
        select h.*,
               case when h.comparable and h.revision - h.since = coalesce(k.revisions, 0)
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
         cross join lateral (
               select m.user_id from presence_private.member m
                where m.room_id = j.room_id
                  and exists (select from presence_private.session s
                               where s.room_id = m.room_id and s.user_id = m.user_id and s.ended_at is null
                                 and s.expires_at > (select presence_private.gone_before(statement_timestamp())))) m
         where j.answer = 'snapshot'
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
      from (select distinct w.room_id, w.user_id
              from unnest(read_rooms.viewer_rooms, read_rooms.viewers) as w(room_id, user_id)) v
     where exists (select from presence_private.room_access() a
                    where a.room_id = v.room_id and a.user_id = v.user_id);
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
           (select count(*)::integer
              from presence_private.member m
             where m.room_id = w.room_id
               and exists (select from presence_private.session s
                            where s.room_id = m.room_id and s.user_id = m.user_id and s.ended_at is null
                              and s.expires_at > (select presence_private.gone_before(statement_timestamp()))))
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
      left join presence_private.member m
             on m.room_id = snapshot.room_id
            -- no reaper is running, where even this lease has been over for so long
            and exists (select from presence_private.session s
                         where s.room_id = m.room_id and s.user_id = m.user_id and s.ended_at is null
                           and s.expires_at > (select presence_private.gone_before(statement_timestamp())))
      left join lateral (select u.name, u.avatar_url from presence_host.users() u
                          where u.user_id = m.user_id limit 1) u on true
      left join lateral (select p.role from presence_host.participants() p
                          where p.room_id = m.room_id and p.user_id = m.user_id limit 1) p on true;
end
$$;
comment on function presence.snapshot is
    'a room as a viewer sees it: one row a member, one row with user_id null where nobody is there, no row where the viewer may not enter';
grant execute on function presence.snapshot to presence_service, presence_app;

-- sql/api/watch_table.sql
-- Has presence end within a second where the application's own tables say so. To be run as presence_owner, like the
-- mapping; presence_owner needs the TRIGGER right on the table.
create or replace function presence.watch_table(
        relation    regclass,
        room_column name    default null,
        user_column name    default null,
        also        name[]  default '{}',
        logout      boolean default false)
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
declare
    arguments text := format('%L, %L, %L', coalesce(watch_table.room_column, ''), coalesce(watch_table.user_column, ''),
                             watch_table.logout);
    watched   name[] := array_remove(array[watch_table.room_column, watch_table.user_column], null) || watch_table.also;
    differs   text;
    columns   text;
begin
    if watch_table.room_column is null and watch_table.user_column is null then
        raise exception 'name the room''s column, the user''s column, or both' using errcode = 'PR400',
            hint = 'participants have both, rooms the room''s, users and logins the user''s';
    end if;
    if watch_table.logout and watch_table.user_column is null then
        raise exception 'a logout needs the user''s column' using errcode = 'PR400';
    end if;
    select string_agg(format('old.%I is distinct from new.%I', w.name, w.name), ' or '), string_agg(format('%I', w.name), ', ')
      into differs, columns
      from unnest(watched) as w(name);
    execute format('create or replace trigger presence_gone after delete on %s referencing old table as gone
                    for each statement execute function presence_private.note_gone(%s)', relation, arguments);
    execute format('create or replace trigger presence_truncated after truncate on %s
                    for each statement execute function presence_private.note_gone(%s)', relation, arguments);
    -- with a column list and WHEN, so that the application's other updates cost nothing
    execute format('create or replace trigger presence_changed after update of %s on %s
                    for each row when (%s) execute function presence_private.note_changed(%s)', columns, relation, differs, arguments);
end
$$;
comment on function presence.watch_table is
    'triggers on a table of the application, so that presence ends within a second of its changes: participants (room and user column; also: role), rooms (room column; also: kind, vendor), users (user column), logins (user column, logout => true; also: their expiry)';

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
           select m.status from presence_private.member m
            where m.room_id = b.room_id and m.user_id = where_now.user_id
              and exists (select from presence_private.session s
                           where s.room_id = m.room_id and s.user_id = m.user_id and s.ended_at is null
                             and s.expires_at > (select presence_private.gone_before(statement_timestamp())))
            limit 1) m on true
      left join lateral (select l.last_seen_at from presence_private.last_seen l
                          where l.room_id = b.room_id and l.user_id = where_now.user_id limit 1) l on true
     order by b.room_id;
end
$$;
comment on function presence.where_now is
    'where a user is: one row a room that the viewer may enter too; of oneself also one row without a room; no row: nobody that the viewer may know of';
grant execute on function presence.where_now to presence_service, presence_app;

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
select quote_ident(l.room_id::text) || '.' || quote_ident(l.user_id::text) as id,
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
select quote_ident(s.room_id::text) || '.' || quote_ident(s.user_id::text) || '.' || s.session_id::text as id,
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
select quote_ident(r.room_id::text) as id, r.room_id,
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
-- When somebody was last seen where. Of who is here now: the join, with reason null.
create or replace view presence.last_seen as
select quote_ident(l.room_id::text) || '.' || quote_ident(l.user_id::text) as id,
       l.room_id, l.user_id, l.last_seen_at, l.reason
  from presence_private.last_seen l;
comment on view presence.last_seen is 'when a user was last seen in a room and how that ended (null: still here), for trusted backends; id is unique';
grant select on presence.last_seen to presence_app;

-- what was installed
comment on table presence_private.migration is 'the migrations of shape that were applied';
insert into presence_private.installed (behaviour, catalog, version)
values ('b2e06e194812eebb967be2822c7359b9a5a4f99275bec124bcd2ed1a650bb657', (select md5(string_agg(d.line, e'\n' order by d.line collate "C"))
  from (select pg_get_functiondef(p.oid) as line
          from pg_proc p
         where p.pronamespace in ('presence'::regnamespace, 'presence_private'::regnamespace) and p.prokind = 'f'
         union all
        select c.relname || pg_get_viewdef(c.oid)
          from pg_class c
         where c.relnamespace = 'presence'::regnamespace and c.relkind = 'v'
         union all
        select pg_get_triggerdef(t.oid) || t.tgenabled::text
          from pg_trigger t join pg_class c on c.oid = t.tgrelid
         where c.relnamespace = 'presence_private'::regnamespace and not t.tgisinternal
         union all
        select c.relname || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || a.attnotnull
          from pg_attribute a join pg_class c on c.oid = a.attrelid
         where c.relnamespace = 'presence_private'::regnamespace and c.relkind in ('r', 'p')
           and a.attnum > 0 and not a.attisdropped
         union all
        select pg_get_indexdef(i.indexrelid)
          from pg_index i join pg_class c on c.oid = i.indrelid
         where c.relnamespace = 'presence_private'::regnamespace
         union all
        select n.conname || ' ' || pg_get_constraintdef(n.oid)
          from pg_constraint n
         where n.connamespace = 'presence_private'::regnamespace and n.contype in ('p', 'c', 'u', 'f')) d), '0.1.0')
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
-- Two tabs of alice; bob, who leaves again; carol, who is removed and leaves a queue entry behind.
select presence.heartbeat('general', 'alice', '00000000-0000-4000-8000-000000000001', 'busy', interval '1 hour', 'at the venue', 'viewing budget', '{"page": 3}', 1);
select presence.heartbeat('general', 'alice', '00000000-0000-4000-8000-000000000002', 'typing');
select presence.heartbeat('general', 'bob', '00000000-0000-4000-8000-000000000003', seq => 4);
select presence.heartbeat('general', 'carol', '00000000-0000-4000-8000-000000000004');
select presence.leave('general', 'bob', '00000000-0000-4000-8000-000000000003', 5);
select presence.remove_member('general', 'carol');
insert into presence_private.eviction (room_id, user_id) values ('general', 'carol');

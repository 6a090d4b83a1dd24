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

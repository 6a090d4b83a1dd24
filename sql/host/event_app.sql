-- The reference application: what `dev`, the tests and the page show. An application of one's own replaces all of it.
-- Idempotent. Ids are of the types that presence was installed with; the cast loads where they are text.
create schema if not exists event_app;
comment on schema event_app is 'the reference application of pg-presence';

do $$
declare
    user_type  text := (select format_type(t.typbasetype, null) from pg_type t where t.oid = 'presence.user_id'::regtype);
    room_type  text := (select format_type(t.typbasetype, null) from pg_type t where t.oid = 'presence.room_id'::regtype);
    event_type text := (select format_type(t.typbasetype, null) from pg_type t where t.oid = 'presence.event_id'::regtype);
begin
    execute format($ddl$
        create table if not exists event_app.users (
            id         %1$s primary key,
            name       text not null,
            avatar_url text,
            email      text
        );
        create table if not exists event_app.events (
            id             %3$s primary key,
            name           text not null,
            coordinator_id %1$s references event_app.users (id) on delete set null
        );
        create table if not exists event_app.rooms (
            id        %2$s primary key,
            event_id  %3$s references event_app.events (id) on delete cascade,
            name      text not null,
            kind      text not null default 'chat',
            vendor_id %1$s references event_app.users (id) on delete set null,
            constraint rooms_kind check (kind in ('chat', 'vendor'))
        );
        create table if not exists event_app.room_participants (
            room_id %2$s not null references event_app.rooms (id) on delete cascade,
            user_id %1$s not null references event_app.users (id) on delete cascade,
            role    text not null default 'collaborator',
            primary key (room_id, user_id),
            constraint room_participants_role check (role in ('coordinator', 'collaborator', 'vendor'))
        );
    $ddl$, user_type, room_type, event_type);
end
$$;
comment on table event_app.users is 'people';
comment on table event_app.events is 'what is planned';
comment on table event_app.rooms is 'where people talk about an event; a vendor room belongs to one vendor';
comment on table event_app.room_participants is 'who takes part in a room, and as what';
create index if not exists rooms_event_id on event_app.rooms (event_id);
create index if not exists room_participants_user_id on event_app.room_participants (user_id);

-- The mapping: four functions and the columns that they read, all as the role that owns presence.
grant usage on schema event_app to presence_owner;
grant select (id, name, avatar_url) on event_app.users to presence_owner;
grant select (id, event_id, name, kind, vendor_id) on event_app.rooms to presence_owner;
grant select (room_id, user_id, role) on event_app.room_participants to presence_owner;
grant select (id, name, coordinator_id) on event_app.events to presence_owner;

grant trigger on event_app.room_participants, event_app.rooms to presence_owner;

set role presence_owner;
create or replace function presence_host.users()
    returns table (user_id presence.user_id, name text, avatar_url text)
    language sql stable
as $$
    -- pg-presence: the reference application
    select u.id, u.name, u.avatar_url from event_app.users u
$$;
create or replace function presence_host.rooms()
    returns table (room_id presence.room_id, event_id presence.event_id, name text, kind text, vendor_id presence.user_id)
    language sql stable
as $$
    -- pg-presence: the reference application
    select r.id, r.event_id, r.name, r.kind, r.vendor_id from event_app.rooms r
$$;
create or replace function presence_host.participants()
    returns table (room_id presence.room_id, user_id presence.user_id, role text)
    language sql stable
as $$
    -- pg-presence: the reference application
    select p.room_id, p.user_id, p.role from event_app.room_participants p
$$;
create or replace function presence_host.events()
    returns table (event_id presence.event_id, name text, coordinator_id presence.user_id)
    language sql stable
as $$
    -- pg-presence: the reference application
    select e.id, e.name, e.coordinator_id from event_app.events e
$$;

-- Presence ends within a second where these tables say so.
select presence.watch_table('event_app.room_participants', room_column => 'room_id', user_column => 'user_id', also => '{role}');
select presence.watch_table('event_app.rooms', room_column => 'id', also => '{kind,vendor_id}');
reset role;

-- The cast. Victor takes part in vera-catering by mistake: the rule for vendor rooms keeps him out.
do $$
begin
    if exists (select from pg_type t
                where t.oid in ('presence.user_id'::regtype, 'presence.room_id'::regtype, 'presence.event_id'::regtype)
                  and t.typbasetype <> 'text'::regtype) then
        return;
    end if;
    insert into event_app.users (id, name, email) values
        ('alice', 'Alice Adams', 'alice@example.com'), ('bob', 'Bob Brandt', 'bob@example.com'),
        ('carol', 'Carol Cruz', 'carol@example.com'), ('vera', 'Vera Vance', 'vera@example.com'),
        ('victor', 'Victor Voss', 'victor@example.com'), ('dave', 'Dave Dunn', 'dave@example.com')
        on conflict do nothing;
    insert into event_app.events (id, name, coordinator_id) values
        ('gala', 'Summer Gala', 'alice'), ('expo', 'Design Expo', 'carol')
        on conflict do nothing;
    insert into event_app.rooms (id, event_id, name, kind, vendor_id) values
        ('general', 'gala', 'General', 'chat', null), ('planning', 'gala', 'Planning', 'chat', null),
        ('vera-catering', 'gala', 'Vera Catering', 'vendor', 'vera'), ('expo-floor', 'expo', 'Expo Floor', 'chat', null)
        on conflict do nothing;
    insert into event_app.room_participants (room_id, user_id, role) values
        ('general', 'alice', 'coordinator'), ('general', 'bob', 'collaborator'), ('general', 'carol', 'collaborator'),
        ('planning', 'alice', 'coordinator'), ('planning', 'bob', 'collaborator'),
        ('vera-catering', 'alice', 'coordinator'), ('vera-catering', 'vera', 'vendor'), ('vera-catering', 'victor', 'vendor'),
        ('expo-floor', 'carol', 'collaborator'), ('expo-floor', 'victor', 'vendor')
        on conflict do nothing;
end
$$;

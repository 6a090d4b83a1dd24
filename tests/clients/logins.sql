-- The logins of an application, as its migrations make them: a backend, a gateway that speaks for many users, and two
-- end users with logins of their own. Run as the login that migrated; no superuser is needed.
create role backend login password :'password';
create role gateway login password :'password';
create role alice   login password :'password';
create role dave    login password :'password';

grant presence_app to backend;
grant presence_viewer to gateway, alice, dave;

-- The application's own tables, which presence never touches.
create table event_app.messages (
    id        bigint generated always as identity primary key,
    room_id   text not null references event_app.rooms (id),
    author_id text not null references event_app.users (id),
    body      text not null,
    sent_at   timestamptz not null default now()
);
grant usage on schema event_app to backend;
grant select on all tables in schema event_app to backend;
grant insert on event_app.messages to backend;

-- Which user is who: an operator says so, once.
begin;
set local role presence_owner;
select presence.map_login('alice', 'alice');
select presence.map_login('dave', 'dave');
select presence.map_gateway('gateway');
commit;

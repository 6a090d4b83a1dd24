-- All that a stock Django project needs: users, groups as rooms, and who is in which group.
grant select (id, username) on auth_user to presence_owner;
grant select (id, name) on auth_group to presence_owner;
grant select (group_id, user_id), trigger on auth_user_groups to presence_owner;
set role presence_owner;
create or replace function presence_host.users() returns table (user_id presence.user_id, name text, avatar_url text) language sql stable as $$ select u.id, u.username, null from public.auth_user u $$;
create or replace function presence_host.rooms() returns table (room_id presence.room_id, event_id presence.event_id, name text, kind text, vendor_id presence.user_id) language sql stable as $$ select g.id, null::bigint, g.name, 'chat', null::bigint from public.auth_group g $$;
create or replace function presence_host.participants() returns table (room_id presence.room_id, user_id presence.user_id, role text) language sql stable as $$ select p.group_id, p.user_id, 'collaborator' from public.auth_user_groups p $$;
select presence.watch_table('auth_user_groups', room_column => 'group_id', user_column => 'user_id');

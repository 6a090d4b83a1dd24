-- All that a stock better-auth with organizations needs: organizations as rooms, and their members.
grant select (id, name, image) on "user" to presence_owner;
grant select (id, name) on organization to presence_owner;
grant select ("organizationId", "userId", role) on member to presence_owner;
grant trigger on session, member to presence_owner;
set role presence_owner;
create or replace function presence_host.users() returns table (user_id presence.user_id, name text, avatar_url text) language sql stable as $$ select u.id, u.name, u.image from public."user" u $$;
create or replace function presence_host.rooms() returns table (room_id presence.room_id, event_id presence.event_id, name text, kind text, vendor_id presence.user_id) language sql stable as $$ select o.id, null, o.name, 'chat', null from public.organization o $$;
create or replace function presence_host.participants() returns table (room_id presence.room_id, user_id presence.user_id, role text) language sql stable as $$ select m."organizationId", m."userId", m.role from public.member m $$;
select presence.watch_table('member', 'organizationId', 'userId', '{role}'), presence.watch_table('session', user_column => 'userId', logout => true, expires_column => 'expiresAt');

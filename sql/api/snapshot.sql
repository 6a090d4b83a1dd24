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

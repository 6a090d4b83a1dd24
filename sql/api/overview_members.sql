-- Who is in a room, or came last into any, for operators, who may see everybody: no viewer's right is asked.
create or replace function presence.overview_members(of_room presence.room_id default null, max_rows integer default 100)
    returns table (room_id presence.room_id, user_id presence.user_id, name text, status text, status_until timestamptz,
                   message text, activity text, joined_at timestamptz, sessions integer)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    many constant integer := least(greatest(coalesce(overview_members.max_rows, 100), 0), 1000);
begin
    return query
    select f.room_id, f.user_id, h.name, f.status, f.status_until, f.message, f.activity, f.joined_at, f.sessions
      from (select m.*
              from presence_private.member m
             where overview_members.of_room is null or m.room_id = overview_members.of_room
             order by m.joined_at desc, m.room_id, m.user_id
             limit many) f
      left join lateral (select x.name from presence_host.users() x where x.user_id = f.user_id limit 1) h on true
     order by f.joined_at desc, f.room_id, f.user_id;
end
$$;
comment on function presence.overview_members is
    'who is in a room, for operators, the latest first; of all rooms where of_room is null; max_rows (default 100, at most 1000)';
grant execute on function presence.overview_members to presence_service, presence_app;

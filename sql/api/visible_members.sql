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

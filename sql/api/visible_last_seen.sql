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

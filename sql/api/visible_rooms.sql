-- The rooms that the caller's own login may enter, and how lively each is. See visible_members.
create or replace function presence.visible_rooms(room presence.room_id default null)
    returns table (id text, room_id presence.room_id, event_id presence.event_id, name text, kind text, online_count integer)
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
    select w.room_id::text, w.room_id, h.event_id, h.name, h.kind,
           (select count(distinct s.user_id)::integer from presence_private.session s
             where s.room_id = w.room_id and s.ended_at is null and s.expires_at > statement_timestamp())
      from (select distinct a.room_id
              from presence_private.room_access() a
             where a.user_id = me and (visible_rooms.room is null or a.room_id = visible_rooms.room)) w
     cross join lateral (select h.event_id, h.name, h.kind from presence_host.rooms() h
                          where h.room_id = w.room_id limit 1) h;
end
$$;
comment on function presence.visible_rooms is
    'the rooms that the caller''s login may enter (see presence.whoami), or one of them, with the number of members now';
grant execute on function presence.visible_rooms to presence_viewer;
create or replace view presence.visible_rooms as
select * from presence.visible_rooms();
comment on view presence.visible_rooms is 'the rooms that the reader''s own login may enter, with the number of members now; id is unique';
grant select on presence.visible_rooms to presence_viewer;

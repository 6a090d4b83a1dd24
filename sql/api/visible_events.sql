-- The events of which the caller's own login may enter a room, and how many people are in those rooms, each counted once.
-- See visible_members.
create or replace function presence.visible_events(event presence.event_id default null)
    returns table (id text, event_id presence.event_id, name text, coordinator_id presence.user_id, online_count integer)
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
        select distinct h.event_id, a.room_id
          from presence_private.room_access() a
         cross join lateral (select h.event_id from presence_host.rooms() h where h.room_id = a.room_id limit 1) h
         where a.user_id = me
           and h.event_id is not null
           and (visible_events.event is null or h.event_id = visible_events.event)
    )
    select w.event_id::text, w.event_id, e.name, e.coordinator_id,
           (select count(distinct s.user_id)::integer
              from mine r
              join presence_private.session s on s.room_id = r.room_id
             where r.event_id = w.event_id and s.ended_at is null and s.expires_at > statement_timestamp())
      from (select distinct m.event_id from mine m) w
      left join lateral (select e.name, e.coordinator_id from presence_host.events() e
                          where e.event_id = w.event_id limit 1) e on true;
end
$$;
comment on function presence.visible_events is
    'the events of which the caller''s login may enter a room (see presence.whoami), or one of them, with the number of people now in those rooms';
grant execute on function presence.visible_events to presence_viewer;
create or replace view presence.visible_events as
select * from presence.visible_events();
comment on view presence.visible_events is 'the events of which the reader''s own login may enter a room, with the number of people now in those rooms; id is unique';
grant select on presence.visible_events to presence_viewer;

-- What became of an event in the last hours, as far as one viewer may see its rooms.
create or replace function presence.event_activity(viewer presence.user_id, event_id presence.event_id, hours integer default 24)
    returns setof presence.activity
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    visible presence.room_id[];
begin
    perform presence_private.check_hours(event_activity.hours);
    select array_agg(distinct h.room_id)
      into visible
      from presence_host.rooms() h
     where h.event_id = event_activity.event_id
       and exists (select from presence_private.room_access() a
                    where a.room_id = h.room_id and a.user_id = event_activity.viewer);
    if visible is not null then
        return query select * from presence_private.activity(visible, event_activity.hours);
    end if;
end
$$;
comment on function presence.event_activity is
    'an event in the last hours (1 to 168, and no more than the retention), over the rooms that the viewer may enter: see the type presence.activity. People are counted once, and at most 1000 named. No row where there is nothing that the viewer may see; PR400 (hours)';
grant execute on function presence.event_activity to presence_service, presence_app;

-- What became of a room in the last hours, for one viewer.
create or replace function presence.room_activity(viewer presence.user_id, room_id presence.room_id, hours integer default 24)
    returns setof presence.activity
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
begin
    perform presence_private.check_hours(room_activity.hours);
    if exists (select from presence_private.room_access() a
                where a.room_id = room_activity.room_id and a.user_id = room_activity.viewer) then
        return query
        select * from presence_private.activity(array[room_activity.room_id], room_activity.hours) a where a.kind <> 'room';
    end if;
end
$$;
comment on function presence.room_activity is
    'a room in the last hours (1 to 168, and no more than the retention): see the type presence.activity, without rows of kind room. At most 1000 people are named. No row where the viewer may not enter; PR400 (hours)';
grant execute on function presence.room_activity to presence_service, presence_app;

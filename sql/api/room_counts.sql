-- The sidebar: how lively each room is.
create or replace function presence.room_counts(viewer presence.user_id, room_ids presence.room_id[] default null)
    returns table (room_id presence.room_id, name text, kind text, event_id presence.event_id, online_count integer)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
begin
    return query
    select w.room_id, w.name, w.kind, w.event_id,
           case when exists (select from presence_private.reaped)
                then coalesce((select r.online_count from presence_private.room r where r.room_id = w.room_id), 0)
                else (select count(*)::integer from presence_private.shown m where m.room_id = w.room_id)
           end
      from (select distinct on (a.room_id) a.room_id, a.name, a.kind, a.event_id
              from presence_private.accessible_rooms() a
             where a.user_id = room_counts.viewer
               and (room_counts.room_ids is null or a.room_id = any (room_counts.room_ids))) w
     order by w.name, w.room_id;
end
$$;
comment on function presence.room_counts is
    'rooms with the number of their members: the given ones, or all of the viewer; rooms that the viewer may not enter are left out';
grant execute on function presence.room_counts to presence_service, presence_app;

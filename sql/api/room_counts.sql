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
    select w.room_id, h.name, h.kind, h.event_id,
           case when (select presence_private.is_reaped(statement_timestamp()))
                then coalesce((select r.online_count from presence_private.room r where r.room_id = w.room_id), 0)
                else (select count(*)::integer from presence_private.shown m where m.room_id = w.room_id)
           end
      from (select distinct a.room_id
              from presence_private.room_access() a
             where a.user_id = room_counts.viewer
               and (room_counts.room_ids is null or a.room_id = any (room_counts.room_ids))) w
     cross join lateral (select h.name, h.kind, h.event_id from presence_host.rooms() h
                          where h.room_id = w.room_id limit 1) h
     order by h.name, w.room_id;
end
$$;
comment on function presence.room_counts is
    'rooms with the number of their members: the given ones, or all of the viewer; rooms that the viewer may not enter are left out';
grant execute on function presence.room_counts to presence_service, presence_app;

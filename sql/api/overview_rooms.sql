-- The fullest rooms, for operators, who may see all of them: no viewer's right is asked.
create or replace function presence.overview_rooms(max_rows integer default 20)
    returns table (room_id presence.room_id, name text, kind text, event_id presence.event_id, members integer, sessions bigint)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
begin
    return query
    select f.room_id, h.name, h.kind, h.event_id, f.online_count,
           (select sum(m.sessions) from presence_private.member m where m.room_id = f.room_id)::bigint
      from (select r.room_id, r.online_count
              from presence_private.room r
             where r.online_count > 0
             order by r.online_count desc, r.room_id
             limit least(greatest(coalesce(overview_rooms.max_rows, 20), 0), 1000)) f
      left join lateral (select x.name, x.kind, x.event_id from presence_host.rooms() x
                          where x.room_id = f.room_id limit 1) h on true
     order by f.online_count desc, f.room_id;
end
$$;
comment on function presence.overview_rooms is
    'the fullest rooms, for operators, with members and the sessions behind them: max_rows (default 20, at most 1000) of those that somebody is in';
grant execute on function presence.overview_rooms to presence_service, presence_app;

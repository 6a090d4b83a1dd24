-- What people in a room are at, and how many at each: "3 people on budget".
create or replace function presence.activity_counts(room_id presence.room_id, viewer presence.user_id)
    returns table (activity text, online_count integer)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
    return query
    select c.activity, c.online_count
      from (select where exists (select from presence_private.room_access() a
                                  where a.room_id = activity_counts.room_id and a.user_id = activity_counts.viewer)) allowed
      left join (select m.activity, count(*)::integer as online_count
                   from presence_private.shown m
                  where m.room_id = activity_counts.room_id and m.activity is not null
                  group by m.activity
                  order by online_count desc, m.activity collate "C"
                  limit 100) c on true
     order by c.online_count desc, c.activity collate "C";
end
$$;
comment on function presence.activity_counts is
    'activities of a room''s members and how many are at each, the most first, at most 100; one row of nulls where nobody says any, no row where the viewer may not enter';
grant execute on function presence.activity_counts to presence_service, presence_app;

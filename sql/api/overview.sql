-- All of presence in one row, for operators: as people are shown it, and whether time becomes a change in time.
-- It counts, and names nobody. It scans leases and members: ask seldom where there are hundreds of thousands of them.
create or replace function presence.overview()
    returns table (at timestamptz, epoch uuid, rooms bigint, members bigint, people bigint, sessions bigint,
                   overdue bigint, overdue_ms bigint, reaped_ms bigint, evictions bigint, last_minute jsonb)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    moment constant timestamptz := statement_timestamp();
begin
    return query
    select moment, e.epoch, r.rooms, r.members, p.people, s.sessions, s.overdue,
           (extract(epoch from moment - s.overdue_since) * 1000)::bigint,
           greatest(0, (extract(epoch from moment - e.reaped_at) * 1000)::bigint),
           (select count(*) from (select from presence_private.eviction limit 10000) q),
           coalesce((select jsonb_object_agg(c.what, c.many)
                       from (select coalesce(x.reason, x.what) as what, count(*) as many
                               from presence_private.change x
                              where x.at > moment - interval '1 minute'
                              group by 1) c), '{}')
      from (select count(*) as rooms, coalesce(sum(x.online_count), 0)::bigint as members
              from presence_private.room x where x.online_count > 0) r,
           (select count(*) as people
              from (select from presence_private.member x group by x.user_id) u) p,   -- along the index, unlike count(distinct)
           (select count(*) filter (where x.expires_at > moment) as sessions,
                   count(*) filter (where x.expires_at <= moment) as overdue,
                   min(x.expires_at) filter (where x.expires_at <= moment) as overdue_since
              from presence_private.session x
             where x.ended_at is null) s
      left join (select x.epoch, x.reaped_at from presence_private.epoch x limit 1) e on true;
end
$$;
comment on function presence.overview is
    'all of presence in one row, for operators: rooms with somebody in them, members, people, live sessions; leases that ran out and wait for the reaper, for how long the oldest, and how long ago all that was due had been ended; changes of the application''s tables that wait; and what changed within the last minute, by kind and reason';
grant execute on function presence.overview to presence_service, presence_app;

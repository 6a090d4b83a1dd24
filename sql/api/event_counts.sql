-- How many people each event has now, by the clock, however many of its rooms they are in.
create or replace function presence.event_counts(event_ids presence.event_id[] default null)
    returns table (event_id presence.event_id, online_count integer)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
begin
    return query
    with rooms as materialized (
        select distinct r.event_id, r.room_id
          from presence_host.rooms() r
         where r.event_id is not null
           and (event_counts.event_ids is null or r.event_id = any (event_counts.event_ids))
    ),
    people as (
        select r.event_id, count(distinct s.user_id)::integer as online_count
          from rooms r
          join presence_private.session s on s.room_id = r.room_id
         where s.ended_at is null and s.expires_at > statement_timestamp()
         group by r.event_id
    )
    select k.event_id, coalesce(p.online_count, 0)
      from (select r.event_id from rooms r
             union
            select e.event_id from presence_host.events() e
             where event_counts.event_ids is null or e.event_id = any (event_counts.event_ids)) k
      left join people p on p.event_id = k.event_id;
end
$$;
comment on function presence.event_counts is
    'events with the number of people there now, each counted once: the given ones, or all; events that are not there are left out';
grant execute on function presence.event_counts to presence_service, presence_app;

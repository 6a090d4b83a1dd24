-- What waits to be told to those who want to be told. For the service, which makes figures of it.
create or replace function presence.untold()
    returns table (edges bigint, oldest_ms bigint, deliveries bigint)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    moment constant timestamptz := statement_timestamp();
begin
    return query
    select e.edges, coalesce((extract(epoch from moment - e.since) * 1000)::bigint, 0), d.deliveries
      from (select count(*) as edges, min(x.at) as since
              from (select x.at from presence_private.edge x
                     where x.what <> 'user.offline' or x.at < moment - interval '10 seconds'   -- until then they are not due
                     order by x.edge_id limit 10000) x) e,
           (select count(*) as deliveries
              from (select from presence_private.delivery x where x.ended_at is null limit 100000) x) d;
end
$$;
comment on function presence.untold is
    'for the service: how many joins and leaves are due to be told (10000 at most), for how long the oldest has waited, and how many deliveries of webhooks wait or are under way (100000 at most)';
grant execute on function presence.untold to presence_service;

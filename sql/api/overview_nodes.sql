-- The nodes of the service that told of themselves within the last five minutes, for operators.
create or replace function presence.overview_nodes()
    returns table (node_id text, version text, uptime_ms bigint, seen_ms bigint, figures jsonb)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    moment constant timestamptz := statement_timestamp();
begin
    return query
    select n.node_id, n.version, (extract(epoch from n.seen_at - n.started_at) * 1000)::bigint,
           greatest(0, (extract(epoch from moment - n.seen_at) * 1000)::bigint), n.figures
      from presence_private.node n
     where n.seen_at > moment - interval '5 minutes'
     order by n.started_at, n.node_id
     limit 200;
end
$$;
comment on function presence.overview_nodes is
    'the nodes of the service, for operators: since when, how long ago each told of itself, and what; one that is silent for more than 15 s has died or is cut off';
grant execute on function presence.overview_nodes to presence_service, presence_app;

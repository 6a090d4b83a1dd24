-- A node tells how it fares, every few seconds. Nothing of presence hangs on it.
create or replace function presence.node_beat(node_id text, version text, uptime_ms bigint, figures jsonb)
    returns void
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    perform set_config('synchronous_commit', 'off', true);
    insert into presence_private.node as n (started_at, seen_at, node_id, version, figures)
    values (statement_timestamp() - node_beat.uptime_ms * interval '1 millisecond', statement_timestamp(),
            node_beat.node_id, node_beat.version, node_beat.figures)
        on conflict (node_id) do update
       set seen_at = excluded.seen_at, version = excluded.version, figures = excluded.figures;
end
$$;
comment on function presence.node_beat is 'a node of the service tells how it fares, for operators';
grant execute on function presence.node_beat to presence_service;

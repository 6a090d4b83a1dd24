-- Keys that every node of this database shares: how rings name rooms, how leave tokens are signed.
create or replace function presence.node_secrets()
    returns table (kind text, key bytea)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
begin
    return query select s.kind, s.key from presence_private.secret s order by s.kind, s.made_at desc;
end
$$;
comment on function presence.node_secrets is 'for the service: keys by kind, the newest first';
grant execute on function presence.node_secrets to presence_service;

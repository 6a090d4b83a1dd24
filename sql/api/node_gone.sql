-- A node that stops says so: one that is listed and silent has died.
create or replace function presence.node_gone(node_id text)
    returns void
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    delete from presence_private.node n where n.node_id = node_gone.node_id;
end
$$;
comment on function presence.node_gone is 'a node of the service says that it stops';
grant execute on function presence.node_gone to presence_service;

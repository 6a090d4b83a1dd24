-- For the service: what became of deliveries that a node sent.
create or replace function presence.settle_deliveries(
        delivery_ids bigint[],
        attempts     integer[],
        statuses     integer[],
        errors       text[],
        waits        integer[])
    returns setof bigint
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
begin
    return query
    select s.*
      from presence_private.settle_deliveries(settle_deliveries.delivery_ids, settle_deliveries.attempts,
                                              settle_deliveries.statuses, settle_deliveries.errors,
                                              settle_deliveries.waits) as s(webhook_id);
end
$$;
comment on function presence.settle_deliveries is
    'for the service: notes the answers to deliveries of webhooks (status null: none, error says why); returns endpoints that were disabled by it';
grant execute on function presence.settle_deliveries to presence_service;

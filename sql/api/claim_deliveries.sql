-- For the service: what a node sends next.
create or replace function presence.claim_deliveries(
        max_rows   integer,
        max_of_one integer,
        busy       bigint[] default '{}')
    returns table (delivery_id bigint, webhook_id bigint, attempt integer, url text, message_id text, sent_at_s bigint,
                   payload text, secrets bytea[])
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
as $$
begin
    return query
    select c.*
      from presence_private.claim_deliveries(claim_deliveries.max_rows, claim_deliveries.max_of_one, claim_deliveries.busy) c;
end
$$;
comment on function presence.claim_deliveries is
    'for the service: takes up to max_rows deliveries of webhooks that are due, max_of_one an endpoint less those in busy, for a minute each';
grant execute on function presence.claim_deliveries to presence_service;

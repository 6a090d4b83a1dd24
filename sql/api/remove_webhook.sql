-- Ends an endpoint. Its deliveries go with it, a thousand at a time, by whatever node asks for work.
create or replace function presence.remove_webhook(webhook_id bigint)
    returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    gone boolean;
begin
    update presence_private.webhook w
       set removed_at = statement_timestamp()
     where w.webhook_id = remove_webhook.webhook_id and w.removed_at is null;
    gone := found;
    delete from presence_private.webhook_secret s where s.webhook_id = remove_webhook.webhook_id;
    return gone;
end
$$;
comment on function presence.remove_webhook is 'removes an endpoint, its secrets and its deliveries; returns whether there was one';
grant execute on function presence.remove_webhook to presence_service;

-- Tells an endpoint nothing until it is enabled.
create or replace function presence.disable_webhook(webhook_id bigint, why text default 'by hand')
    returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    was_enabled boolean := (presence_private.hold_webhook(disable_webhook.webhook_id)).disabled_at is null;
begin
    update presence_private.webhook w
       set disabled_at = statement_timestamp(), disabled_why = coalesce(left(disable_webhook.why, 200), 'by hand')
     where w.webhook_id = disable_webhook.webhook_id and w.disabled_at is null;
    return was_enabled;
end
$$;
comment on function presence.disable_webhook is
    'tells an endpoint nothing more and queues nothing for it; what waits is kept for presence.enable_webhook; returns whether it was enabled';
grant execute on function presence.disable_webhook to presence_service;

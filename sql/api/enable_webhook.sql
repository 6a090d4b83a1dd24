-- Tells an endpoint again, what waits at once.
create or replace function presence.enable_webhook(webhook_id bigint)
    returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    was_disabled boolean := (presence_private.hold_webhook(enable_webhook.webhook_id)).disabled_at is not null;
begin
    update presence_private.webhook w
       set disabled_at = null, disabled_why = null, failing_since = null
     where w.webhook_id = enable_webhook.webhook_id;
    update presence_private.delivery d
       set attempts = 0, due_at = statement_timestamp()
     where d.webhook_id = enable_webhook.webhook_id and d.due_at is not null and d.state = 'waiting';
    return was_disabled;
end
$$;
comment on function presence.enable_webhook is
    'tells an endpoint again: what waits is due at once, with all its attempts; returns whether it was disabled. What happened meanwhile was not queued';
grant execute on function presence.enable_webhook to presence_service;

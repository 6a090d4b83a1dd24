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
    -- bounded, since this holds the endpoint; whoever has more calls again
    update presence_private.delivery d
       set attempts = 0, due_at = statement_timestamp(), hurry_at = null
     where d.delivery_id = any (array(select o.delivery_id
                                        from presence_private.delivery o
                                       where o.webhook_id = enable_webhook.webhook_id and o.due_at is not null
                                         and o.state = 'waiting' and (o.attempts > 0 or o.due_at > statement_timestamp())
                                       order by o.due_at
                                       limit 10000));
    return was_disabled;
end
$$;
comment on function presence.enable_webhook is
    'tells an endpoint again: what waits is due at once, with all its attempts, at most 10000 deliveries a call; returns whether it was disabled. What happened meanwhile was not queued';
grant execute on function presence.enable_webhook to presence_service;

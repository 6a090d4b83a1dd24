-- A delivery that says nothing, to see whether one arrives.
create or replace function presence.test_webhook(webhook_id bigint)
    returns bigint
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    made bigint;
begin
    if (presence_private.hold_webhook(test_webhook.webhook_id)).disabled_at is not null then
        raise exception 'webhook % is disabled', test_webhook.webhook_id using errcode = 'PR400',
            hint = 'presence.enable_webhook tells it again';
    end if;
    insert into presence_private.delivery (webhook_id, at, due_at, type, lane, payload)
    values (test_webhook.webhook_id, statement_timestamp(), statement_timestamp(), 'webhook.test',
            'test ' || gen_random_uuid()::text,
            json_build_object('type', 'webhook.test',
                              'timestamp', to_char(statement_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                              'data', json_build_object('webhook_id', test_webhook.webhook_id::text))::text)
    returning delivery_id into made;
    return made;
end
$$;
comment on function presence.test_webhook is
    'queues a delivery of type webhook.test, whatever the filters; returns its number: presence.webhook_deliveries says what became of it';
grant execute on function presence.test_webhook to presence_service;

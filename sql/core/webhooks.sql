-- Endpoints: what those have in common that operators call.

-- sha256 over two random uuids, as for our own keys: 244 bits from the server's own generator, in the 32 bytes that
-- HMAC-SHA256 wants.
create or replace function presence_private.make_webhook_secret(webhook_id bigint)
    returns text
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
declare
    fresh constant bytea := sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'));
begin
    insert into presence_private.webhook_secret (webhook_id, key) values (make_webhook_secret.webhook_id, fresh);
    return 'whsec_' || encode(fresh, 'base64');
end
$$;
comment on function presence_private.make_webhook_secret is 'makes a key for an endpoint, and returns it as its owner is told it: once';

-- The endpoint, held until the transaction ends; an error where there is none.
create or replace function presence_private.hold_webhook(webhook_id bigint)
    returns presence_private.webhook
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    hook presence_private.webhook;
begin
    select * into hook
      from presence_private.webhook w
     where w.webhook_id = hold_webhook.webhook_id and w.removed_at is null
       for no key update;
    if not found then
        raise exception 'there is no webhook %', hold_webhook.webhook_id using errcode = 'PR400',
            hint = 'select * from presence.webhooks() lists them';
    end if;
    return hook;
end
$$;
comment on function presence_private.hold_webhook is 'holds an endpoint; raises PR400 where there is none';

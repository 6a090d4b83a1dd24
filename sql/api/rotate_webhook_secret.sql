-- A new secret beside those that are good, which go on for a while: whoever verifies by either is never shut out.
create or replace function presence.rotate_webhook_secret(webhook_id bigint, keep interval default '24 hours')
    returns text
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    moment constant timestamptz := statement_timestamp();
begin
    if rotate_webhook_secret.keep is null or rotate_webhook_secret.keep not between interval '0' and interval '30 days' then
        raise exception 'keep must be 0 to 30 days' using errcode = 'PR400', hint = 'as long as the endpoint needs to learn the new one';
    end if;
    perform presence_private.hold_webhook(rotate_webhook_secret.webhook_id);
    delete from presence_private.webhook_secret s
     where s.webhook_id = rotate_webhook_secret.webhook_id and s.until_at <= moment;
    update presence_private.webhook_secret s
       set until_at = least(s.until_at, moment + rotate_webhook_secret.keep)
     where s.webhook_id = rotate_webhook_secret.webhook_id;
    if (select count(*) from presence_private.webhook_secret s
         where s.webhook_id = rotate_webhook_secret.webhook_id and s.until_at > moment) >= 5 then
        raise exception 'five secrets of this webhook are good' using errcode = 'PR400',
            hint = 'with keep => ''0'' the new one replaces them at once';
    end if;
    return presence_private.make_webhook_secret(rotate_webhook_secret.webhook_id);
end
$$;
comment on function presence.rotate_webhook_secret is
    'makes a new secret of an endpoint and returns it this once; those before it sign as well for so long (0 to 30 days)';
grant execute on function presence.rotate_webhook_secret to presence_service;

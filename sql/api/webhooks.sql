-- All endpoints, and how they do. No secret is among it.
create or replace function presence.webhooks()
    returns table (webhook_id bigint, url text, description text, types text[], room_ids text[], event_ids text[],
                   user_ids text[], secrets integer, created_at timestamptz, delivered_at timestamptz,
                   failing_since timestamptz, last_error text, disabled_at timestamptz, disabled_why text,
                   waiting bigint, failed bigint)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
begin
    return query
    select w.webhook_id, w.url, w.description, w.types, w.room_ids::text[], w.event_ids::text[], w.user_ids::text[],
           (select count(*)::integer from presence_private.webhook_secret s
             where s.webhook_id = w.webhook_id and (s.until_at is null or s.until_at > statement_timestamp())),
           w.created_at, w.delivered_at, w.failing_since, w.last_error, w.disabled_at, w.disabled_why,
           (select count(*) from presence_private.delivery d where d.webhook_id = w.webhook_id and d.ended_at is null),
           (select count(*) from presence_private.delivery d where d.webhook_id = w.webhook_id and d.state = 'failed')
      from presence_private.webhook w
     where w.removed_at is null
     order by w.webhook_id;
end
$$;
comment on function presence.webhooks is
    'all endpoints with their filters and how they do: since when one fails, why one is disabled, how many deliveries wait or were given up';
grant execute on function presence.webhooks to presence_service;

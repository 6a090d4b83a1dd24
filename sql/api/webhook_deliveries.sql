-- The latest deliveries of an endpoint.
create or replace function presence.webhook_deliveries(
        webhook_id bigint,
        max_rows   integer default 20,
        states     text[]  default null)
    returns table (delivery_id bigint, message_id text, type text, room_id presence.room_id, user_id presence.user_id,
                   at timestamptz, state text, attempts integer, status integer, error text, due_at timestamptz,
                   ended_at timestamptz)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
begin
    return query
    select d.delivery_id, 'msg_' || replace(d.message_id::text, '-', ''), d.type, d.room_id, d.user_id, d.at, d.state,
           d.attempts, d.status, d.error, d.due_at, d.ended_at
      from presence_private.delivery d
      join presence_private.webhook w on w.webhook_id = d.webhook_id and w.removed_at is null
     where d.webhook_id = webhook_deliveries.webhook_id
       and (webhook_deliveries.states is null or d.state = any (webhook_deliveries.states))
     order by d.delivery_id desc
     limit least(greatest(webhook_deliveries.max_rows, 0), 1000);
end
$$;
comment on function presence.webhook_deliveries is
    'the latest deliveries of an endpoint, at most 1000, of these states (waiting, sending, delivered, failed; null: all)';
grant execute on function presence.webhook_deliveries to presence_service;

-- Sends again what was given up, or what was taken and lost by whoever took it. The same webhook-id: whoever remembers
-- those does it once.
create or replace function presence.redeliver_webhook(
        webhook_id  bigint,
        delivery_id bigint      default null,
        since       timestamptz default null,
        delivered   boolean     default false)
    returns integer
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    again presence_private.delivery[];
begin
    perform presence_private.hold_webhook(redeliver_webhook.webhook_id);
    with chosen as (
        update presence_private.delivery d
           set state = 'waiting', ended_at = null, due_at = null, hurry_at = null, attempts = 0
         where d.delivery_id = any (array(
               select o.delivery_id
                 from presence_private.delivery o
                where o.webhook_id = redeliver_webhook.webhook_id
                  and o.ended_at is not null
                  and (redeliver_webhook.delivery_id is null
                       and (o.state = 'failed' or coalesce(redeliver_webhook.delivered, false))
                       and o.at >= coalesce(redeliver_webhook.since, '-infinity')
                       or o.delivery_id = redeliver_webhook.delivery_id)
                order by o.ended_at, o.delivery_id   -- so that one call after the other gets through all of them
                limit 10000))
        returning d
    )
    select array_agg(c.d) into again from chosen c;
    -- a statement of its own: it sees what waits now
    update presence_private.delivery d
       set due_at = statement_timestamp()
     where d.due_at is null
       and d.delivery_id in (select min(o.delivery_id)
                               from presence_private.delivery o
                              where o.webhook_id = redeliver_webhook.webhook_id and o.ended_at is null
                                and o.lane in (select a.lane from unnest(again) a)
                              group by o.lane);
    return coalesce(cardinality(again), 0);
end
$$;
comment on function presence.redeliver_webhook is
    'sends one delivery again, or all that were given up since a time, and with delivered also those that were taken; returns how many, at most 10000 a call, those that ended first. They are kept for 7 days';
grant execute on function presence.redeliver_webhook to presence_service;

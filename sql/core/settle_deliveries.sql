-- What became of deliveries that a node sent. Also what makes the next one of a lane due.

-- The schedule that the Standard Webhooks specification recommends, 76 hours in all, each delay a fifth longer or shorter
-- by chance, so that endpoints which failed together are not tried together.
-- attempts: how many were made.
create or replace function presence_private.retry_delay(attempts integer)
    returns interval
    language sql volatile
    set search_path = pg_catalog, pg_temp
as $$
    select (array['5 seconds', '5 minutes', '30 minutes', '2 hours', '5 hours', '10 hours', '14 hours', '20 hours', '24 hours']
               ::interval[])[least(greatest(retry_delay.attempts, 1), 9)] * (0.8 + 0.4 * random())
$$;
comment on function presence_private.retry_delay is 'how long to wait after so many attempts';

-- Four times in vain, while the endpoint took others: then a delivery no longer holds up its lane.
create or replace function presence_private.next_of_lane(webhook_id bigint, lane text, moment timestamptz)
    returns void
    language sql volatile
    set search_path = pg_catalog, pg_temp
as $$
    update presence_private.delivery d
       set due_at = next_of_lane.moment
     where d.delivery_id = (select min(o.delivery_id) from presence_private.delivery o
                             where o.webhook_id = next_of_lane.webhook_id and o.lane = next_of_lane.lane
                               and o.ended_at is null and o.due_at is null)
       and not exists (select from presence_private.delivery o
                        where o.webhook_id = next_of_lane.webhook_id and o.lane = next_of_lane.lane
                          and o.ended_at is null and o.due_at is not null and o.attempts < 4)
$$;
comment on function presence_private.next_of_lane is 'makes the next delivery of a lane due, unless one is';

-- Erasure: of a user nothing is told any more, nor to endpoints what that user was told. What waited behind it goes on.
create or replace function presence_private.erase_deliveries(user_id presence.user_id)
    returns bigint
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    erased bigint := 0;
    lane   record;
begin
    perform w.webhook_id from presence_private.webhook w order by w.webhook_id for no key update;
    for lane in
        with gone as (
            delete from presence_private.delivery d
             where d.user_id = erase_deliveries.user_id
                or (d.type = 'notification' and d.lane = 'notification ' || erase_deliveries.user_id::text)
            returning d.webhook_id, d.lane
        )
        select g.webhook_id, g.lane as name, count(*) as deliveries from gone g group by g.webhook_id, g.lane
    loop
        erased := erased + lane.deliveries;
        perform presence_private.next_of_lane(lane.webhook_id, lane.name, statement_timestamp());
    end loop;
    return erased;
end
$$;
comment on function presence_private.erase_deliveries is 'deletes what webhooks are told of a user, or of what that user was told; returns how many';

-- statuses: null where there was no answer. waits: seconds that the endpoint asked to be left alone for, or null.
-- Returns the endpoints that were disabled by it. A failure of a delivery that somebody else has taken since is no news.
create or replace function presence_private.settle_deliveries(
        delivery_ids bigint[],
        attempts     integer[],
        statuses     integer[],
        errors       text[],
        waits        integer[],
        at_time      timestamptz default null)
    returns setof bigint
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    moment constant timestamptz := coalesce(settle_deliveries.at_time, statement_timestamp());
    said   record;
    hook   presence_private.webhook;
    why    text;
begin
    perform set_config('synchronous_commit', 'off', true);
    perform w.webhook_id
       from presence_private.webhook w
      where w.webhook_id in (select d.webhook_id from presence_private.delivery d
                              where d.delivery_id = any (settle_deliveries.delivery_ids))
      order by w.webhook_id
        for no key update;
    for said in
        select d.delivery_id, d.webhook_id, d.lane, d.at, t.status, t.error, t.wait_s,
               coalesce(t.status between 200 and 299, false) as taken,
               coalesce(t.status between 200 and 299, false) or d.attempts >= 10 as over,
               d.attempts
          from unnest(settle_deliveries.delivery_ids, settle_deliveries.attempts, settle_deliveries.statuses,
                      settle_deliveries.errors, settle_deliveries.waits) as t(delivery_id, attempt, status, error, wait_s)
          join presence_private.delivery d on d.delivery_id = t.delivery_id
         where d.ended_at is null and (d.attempts = t.attempt or t.status between 200 and 299)
         order by d.webhook_id, d.delivery_id
    loop
        update presence_private.delivery d
           set state = case when said.taken then 'delivered' when said.over then 'failed' else 'waiting' end,
               ended_at = case when said.over then moment end,
               due_at = case when not said.over
                             then moment + greatest(presence_private.retry_delay(said.attempts),
                                                    least(said.wait_s, 86400) * interval '1 second') end,
               status = said.status,
               error = said.error
         where d.delivery_id = said.delivery_id;
        select * into hook from presence_private.webhook w where w.webhook_id = said.webhook_id;
        if said.taken then
            if hook.failing_since is not null then   -- it is back: what waits for another try need not wait
                update presence_private.delivery d
                   set due_at = moment
                 where d.webhook_id = said.webhook_id and d.due_at > moment and d.state = 'waiting';
            end if;
            update presence_private.webhook w
               set delivered_at = moment, failing_since = null
             where w.webhook_id = said.webhook_id
               and (w.failing_since is not null or w.delivered_at is null or w.delivered_at < moment - interval '1 second');
        else
            why := case
                when said.status = 410 then 'it answered 410 Gone: it wants no more'
                when hook.failing_since <= moment - interval '3 days' then 'nothing was taken for 3 days; the last: ' || said.error
            end;
            update presence_private.webhook w
               set failing_since = coalesce(w.failing_since, moment), last_error = said.error,
                   disabled_at = coalesce(w.disabled_at, case when why is not null then moment end),
                   disabled_why = coalesce(w.disabled_why, why)
             where w.webhook_id = said.webhook_id;
            if why is not null and hook.disabled_at is null then
                return next said.webhook_id;
            end if;
        end if;
        if said.over or (said.attempts >= 4 and hook.delivered_at > said.at) then
            perform presence_private.next_of_lane(said.webhook_id, said.lane, moment);
        end if;
    end loop;
end
$$;
comment on function presence_private.settle_deliveries is 'notes what became of deliveries: taken, to be tried again, given up after 10 attempts; returns endpoints that were disabled by it';

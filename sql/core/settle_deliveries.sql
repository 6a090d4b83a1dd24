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

-- Whether what comes after a delivery in its lane waits for it: until it was refused four times, and the endpoint took
-- others since it happened. taken_at: when it took something last.
-- Inlined by the planner, hence no SET clause.
create or replace function presence_private.holds_lane(delivery presence_private.delivery, taken_at timestamptz)
    returns boolean
    language sql stable
as $$
    select holds_lane.delivery.ended_at is null
       and (holds_lane.delivery.due_at is null
            or holds_lane.delivery.attempts - (holds_lane.delivery.state = 'sending')::integer < 4
            or (holds_lane.taken_at > holds_lane.delivery.at) is not true)
$$;
comment on function presence_private.holds_lane is 'whether a delivery holds up its lane: it goes first, and was not refused four times by an endpoint that took others';

-- One that waits behind others has no due_at.
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
                          and o.ended_at is null and o.due_at is not null
                          and presence_private.holds_lane(o, (select w.delivered_at from presence_private.webhook w
                                                               where w.webhook_id = o.webhook_id)))
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

-- An endpoint is back: what was refused while it was away need not wait for its next delay, and is due from hurry_at on.
-- Once: what is refused even then is the fault of that delivery, or the endpoint is too busy, and successes of others must
-- not use up its attempts within seconds. Returns how many that were; as many as max_rows: there may be more.
create or replace function presence_private.hurry_deliveries(webhook_id bigint, max_rows integer, moment timestamptz)
    returns integer
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    hurried integer;
begin
    update presence_private.delivery d
       set due_at = least(d.due_at, greatest(d.hurry_at, hurry_deliveries.moment)), hurry_at = 'infinity'
     where d.delivery_id = any (array(select o.delivery_id
                                        from presence_private.delivery o
                                       where o.webhook_id = hurry_deliveries.webhook_id
                                         and o.state = 'waiting' and o.hurry_at < 'infinity'
                                       order by o.hurry_at
                                       limit hurry_deliveries.max_rows));
    get diagnostics hurried = row_count;
    return hurried;
end
$$;
comment on function presence_private.hurry_deliveries is 'makes due what an endpoint refused while it was away, each delivery once; returns how many, at most max_rows';

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
    hurry  integer := 1000;   -- a call is bounded in time, and holds the endpoint
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
        select d.delivery_id, d.webhook_id, d.lane, d.at, t.status, t.error,
               least(greatest(coalesce(t.wait_s, 0), 0), 86400) * interval '1 second' as wait,
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
                             then moment + greatest(presence_private.retry_delay(said.attempts), said.wait) end,
               hurry_at = case when d.hurry_at = 'infinity' then d.hurry_at else moment + said.wait end,
               status = said.status,
               error = said.error
         where d.delivery_id = said.delivery_id;
        select * into hook from presence_private.webhook w where w.webhook_id = said.webhook_id;
        if said.taken then
            if hook.failing_since is not null then
                hurry := hurry - presence_private.hurry_deliveries(said.webhook_id, hurry, moment);
            end if;
            -- where more wait than a call may hurry, it counts as failing until the next success hurries the rest
            update presence_private.webhook w
               set delivered_at = moment, failing_since = case when hook.failing_since is not null and hurry <= 0 then moment end
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
        if said.over or said.attempts >= 4 then
            perform presence_private.next_of_lane(said.webhook_id, said.lane, moment);
        end if;
    end loop;
end
$$;
comment on function presence_private.settle_deliveries is 'notes what became of deliveries: taken, to be tried again, given up after 10 attempts; returns endpoints that were disabled by it';

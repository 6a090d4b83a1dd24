-- What a node sends next, and what the outbox forgets.
--
-- A claim is a lease of a minute: whoever has not settled it by then has died, and it is due again. Of an endpoint that
-- fails one at a time is tried, so that one which hangs keeps no node from the others.
-- busy: the endpoint of each delivery that this node is sending already.
create or replace function presence_private.claim_deliveries(
        max_rows   integer,
        max_of_one integer,
        busy       bigint[],
        at_time    timestamptz default null)
    returns setof presence_private.claim
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    moment constant timestamptz := coalesce(claim_deliveries.at_time, statement_timestamp());
begin
    if not exists (select from presence_private.webhook) then
        return;
    end if;
    perform set_config('synchronous_commit', 'off', true);
    perform presence_private.trim_deliveries(moment);
    return query
    with picked as materialized (
        select p.delivery_id
          from presence_private.webhook w
         cross join lateral (
               select d.delivery_id, d.due_at
                 from presence_private.delivery d
                where d.webhook_id = w.webhook_id and d.due_at <= moment
                order by d.due_at, d.delivery_id
                limit greatest(0, case when w.failing_since is null then claim_deliveries.max_of_one else 1 end
                                  - (select count(*) from unnest(claim_deliveries.busy) b where b = w.webhook_id))
                  for update skip locked) p
         where w.disabled_at is null and w.removed_at is null
         order by p.due_at, p.delivery_id
         limit greatest(0, claim_deliveries.max_rows)
    ),
    claimed as (
        update presence_private.delivery d
           set attempts = d.attempts + 1, due_at = moment + interval '1 minute', state = 'sending'
          from picked p
         where d.delivery_id = p.delivery_id
        returning d.*
    )
    select c.delivery_id, c.webhook_id, c.attempts, w.url, 'msg_' || replace(c.message_id::text, '-', ''),
           extract(epoch from moment)::bigint, c.payload,
           array(select s.key
                   from presence_private.webhook_secret s
                  where s.webhook_id = c.webhook_id and (s.until_at is null or s.until_at > moment)
                  order by s.made_at desc)
      from claimed c
      join presence_private.webhook w on w.webhook_id = c.webhook_id
     order by c.delivery_id;
end
$$;
comment on function presence_private.claim_deliveries is 'takes deliveries that are due, for a minute each, and trims the outbox';

-- A thousand rows at most of each kind: a call is as short as its neighbours.
create or replace function presence_private.trim_deliveries(moment timestamptz)
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    gone constant bigint := (select w.webhook_id from presence_private.webhook w where w.removed_at is not null limit 1);
begin
    delete from presence_private.delivery d
     where d.delivery_id = any (array(select o.delivery_id
                                        from presence_private.delivery o
                                       where o.ended_at < moment - interval '7 days'
                                       limit 1000
                                         for update skip locked));
    if gone is null then
        return;
    end if;
    delete from presence_private.delivery d
     where d.delivery_id = any (array(select o.delivery_id
                                        from presence_private.delivery o
                                       where o.webhook_id = gone
                                       limit 1000
                                         for update skip locked));
    delete from presence_private.webhook w
     where w.webhook_id = gone
       and not exists (select from presence_private.delivery d where d.webhook_id = gone);
end
$$;
comment on function presence_private.trim_deliveries is 'forgets deliveries that ended 7 days ago, and those of endpoints that were removed';

-- From who came and went to those who want to be told: watchers, and webhooks. The service calls it several times a second; a cron job may.
-- Only one at a time does it; the transaction that expands an edge deletes it.
create or replace function presence.expand_edges(
        max_rows integer  default 1000,
        grace    interval default '5 seconds')
    returns integer
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
    moment     constant timestamptz := statement_timestamp();
    waits      constant interval := least(greatest(coalesce(expand_edges.grace, '5 seconds'), '0'), '5 minutes');
    rows_max   constant integer := least(greatest(expand_edges.max_rows, 1), 10000);
    -- whoever takes fewer joins since a call takes too long takes fewer people as well
    people_max constant integer := least(2000, 50 + 2 * rows_max);
    taken      presence_private.edge[];
    stopped    bigint;
    made       bigint[];
begin
    if not exists (select from presence_private.edge) then
        return case when exists (select from presence_private.watch) or (select w.hooks from presence_private.wanted w) then 0 end;
    end if;
    -- a lock on a table of ours, since anybody who can connect may take an advisory one, and keep it
    begin
        lock table presence_private.wanted in share update exclusive mode nowait;
    exception
        when lock_not_available then
            return -1;
    end;
    perform set_config('synchronous_commit', 'off', true);
    -- a statement of its own: what somebody else expanded before is gone from here
    select array_agg(t.e order by t.edge_id)
      into taken
      from (select e, e.edge_id
              from presence_private.edge e
             where e.what <> 'user.offline' or e.at <= moment - waits   -- may be back within the grace
             order by e.edge_id
             limit rows_max) t;
    if taken is null then
        return 0;
    end if;
    select n.unfinished, n.made into stopped, made from presence_private.notify_watchers(taken, waits, people_max) n;
    perform presence_private.queue_edges(
        (select array_agg(t order by t.edge_id) from unnest(taken) t where stopped is null or t.edge_id < stopped), made, waits);
    delete from presence_private.edge d
     using unnest(taken) t
     where d.edge_id = t.edge_id and (stopped is null or t.edge_id < stopped);
    return cardinality(taken);
end
$$;
comment on function presence.expand_edges is
    'tells those who watch of who came online, and webhooks of who came and went: writes notifications and deliveries; at most max_rows joins and leaves at a time; grace: who is away for less was not away. Returns how many it took, -1 while another one is at it, null where nobody watches';
grant execute on function presence.expand_edges to presence_service, presence_app;

-- From edges to what endpoints of webhooks are told. presence.expand_edges calls it with what it takes, in the order in
-- which it happened, and with the notifications that came of it.
--
-- Whether a user went offline is judged once the grace is over, and a join within it may be committed later still. So it
-- is kept for an hour of whom user.offline was told: such a join is told as user.online, though nobody was away for long.
create or replace function presence_private.queue_edges(
        edges            presence_private.edge[],
        notification_ids bigint[],
        grace            interval)
    returns integer
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    moment  constant timestamptz := statement_timestamp();
    online  bigint[];
    offline bigint[];
    news    presence_private.news[];
begin
    if not (select w.hooks from presence_private.wanted w) then
        return 0;
    end if;
    delete from presence_private.offline o where o.at < moment - interval '1 hour';
    select array_agg(j.edge_id) filter (where j.what = 'user.offline' and j.is_true),
           array_agg(j.edge_id) filter (where j.what = 'user.online' and (j.is_true or j.is_late))
      into offline, online
      from (select t.edge_id, t.what, t.is_true,
                   row_number() over of_user = 1 and not bool_or(t.is_true) over of_user
                   and exists (select from presence_private.offline o where o.user_id = t.user_id) as is_late
              from (select e.edge_id, e.what, e.user_id, presence_private.is_true_edge(e, queue_edges.grace) as is_true
                      from unnest(queue_edges.edges) e
                     where e.what in ('user.online', 'user.offline')) t
            window of_user as (partition by t.what, t.user_id order by t.edge_id
                               rows between unbounded preceding and unbounded following)) j;
    insert into presence_private.offline as o (at, user_id)
    select distinct on (e.user_id) moment, e.user_id
      from unnest(queue_edges.edges) e
     where e.edge_id = any (offline)
        on conflict (user_id) do update set at = excluded.at;
    delete from presence_private.offline o
     using unnest(queue_edges.edges) e
     where e.edge_id = any (online) and o.user_id = e.user_id
       and not exists (select from unnest(queue_edges.edges) f
                        where f.edge_id = any (offline) and f.user_id = e.user_id and f.edge_id > e.edge_id);
    select array_agg(n.news order by n.part, n.nth)
      into news
      from (select 1 as part, e.edge_id as nth,
                   row(e.at, e.what, e.room_id, e.user_id, e.reason, null, null)::presence_private.news as news
              from unnest(queue_edges.edges) e
             where e.what not in ('user.online', 'user.offline') or e.edge_id = any (online) or e.edge_id = any (offline)
             union all
            select 2, o.notification_id,
                   row(o.at, 'notification', o.room_id, o.user_id, null, o.watcher_id, o.notification_id)::presence_private.news
              from presence_private.notification o
             where o.notification_id = any (queue_edges.notification_ids)) n;
    if news is null then
        return 0;
    end if;
    return presence_private.queue_deliveries(news);
end
$$;
comment on function presence_private.queue_edges is 'queues for webhooks what edges say, and the notifications that came of them; returns how many deliveries that made';

-- Joins and leaves are written down for all where an endpoint is enabled, and for nobody where none is.
create or replace function presence_private.webhook_wants()
    returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    -- held first, and looked at in a statement of its own: of two changes at once the later one sees both
    perform from presence_private.wanted for update;
    update presence_private.wanted k
       set hooks = h.any_enabled
      from (select exists (select from presence_private.webhook w
                            where w.disabled_at is null and w.removed_at is null) as any_enabled) h
     where k.hooks <> h.any_enabled;
    return null;
end
$$;
comment on function presence_private.webhook_wants is 'trigger: notes whether any webhook is to be told';
create or replace trigger webhook_added after insert or delete on presence_private.webhook
    for each row execute function presence_private.webhook_wants();
create or replace trigger webhook_changed after update on presence_private.webhook
    for each row when (old.disabled_at is distinct from new.disabled_at or old.removed_at is distinct from new.removed_at)
    execute function presence_private.webhook_wants();
comment on trigger webhook_added on presence_private.webhook is 'notes whether joins and leaves are wanted';
comment on trigger webhook_changed on presence_private.webhook is 'notes whether joins and leaves are wanted';

-- From edges to what endpoints of webhooks are told. presence.expand_edges calls it with what it takes, in the order in
-- which it happened, and with the notifications that came of it.
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
    news presence_private.news[];
begin
    if not (select w.hooks from presence_private.wanted w) then
        return 0;
    end if;
    select array_agg(n.news order by n.part, n.nth)
      into news
      from (select 1 as part, e.edge_id as nth,
                   row(e.at, e.what, e.room_id, e.user_id, e.reason, null, null)::presence_private.news as news
              from unnest(queue_edges.edges) e
             where e.what not in ('user.online', 'user.offline') or presence_private.is_true_edge(e, queue_edges.grace)
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

-- Whom notifications were written for after one that a node has seen. For the service: it asks what they say
-- (presence.new_notifications) where one of these has a stream there. Ids grow in the order of commits, so none is missed.
create or replace function presence.notified_since(seen bigint)
    returns table (notification_id bigint, watcher_id presence.user_id)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
    return query
    select n.notification_id, n.watcher_id
      from presence_private.notification n
     where n.notification_id > notified_since.seen
     order by n.notification_id
     limit 10000;
end
$$;
comment on function presence.notified_since is 'for the service: the next notifications after one, at most 10000, and whom each is for';
grant execute on function presence.notified_since to presence_service;

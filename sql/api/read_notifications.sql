-- Marks notifications of a user as read: those named, or all that there are.
create or replace function presence.read_notifications(watcher_id presence.user_id, notification_ids bigint[] default null)
    returns bigint
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
    -- in key order, so that two calls do not wait for each other
    with mine as materialized (
        select n.notification_id
          from presence_private.notification n
         where n.watcher_id = read_notifications.watcher_id and n.read_at is null
           and (read_notifications.notification_ids is null or n.notification_id = any (read_notifications.notification_ids))
         order by n.notification_id
           for no key update
    )
    update presence_private.notification n
       set read_at = statement_timestamp()
      from mine m
     where n.notification_id = m.notification_id;
    return presence.unread_notifications(read_notifications.watcher_id);
end
$$;
comment on function presence.read_notifications is 'marks notifications of a user as read, all where none are named; those of others are left alone. Returns how many are still unread';
grant execute on function presence.read_notifications to presence_service, presence_app;

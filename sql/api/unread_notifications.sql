-- How many notifications a user has not read.
create or replace function presence.unread_notifications(watcher_id presence.user_id)
    returns bigint
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
    return (
        select coalesce(sum(g.notices), 0)::bigint
          from (select n.user_id, n.room_id, count(*) as notices
                  from presence_private.notification n
                 where n.watcher_id = unread_notifications.watcher_id and n.read_at is null
                 group by n.user_id, n.room_id) g
         where exists (select from presence_private.room_access() a
                        where a.room_id = g.room_id and a.user_id = unread_notifications.watcher_id offset 0)
           and exists (select from presence_private.room_access() a
                        where a.room_id = g.room_id and a.user_id = g.user_id offset 0));
end
$$;
comment on function presence.unread_notifications is 'how many notifications a user has not read, of those that they may still know of';
grant execute on function presence.unread_notifications to presence_service, presence_app;

-- What a user was told, the latest first; a page at a time.
create or replace function presence.notifications_of(
        watcher_id presence.user_id,
        max_rows   integer default 50,
        before     bigint  default null,
        unread     boolean default false)
    returns table (notification_id bigint, kind text, user_id presence.user_id, name text, avatar_url text,
                   room_id presence.room_id, event_id presence.event_id, at timestamptz, read_at timestamptz)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
    return query
    select n.notification_id, n.kind, n.user_id, n.name, n.avatar_url, n.room_id, n.event_id, n.at, n.read_at
      from presence_private.notices() n
     where n.watcher_id = notifications_of.watcher_id
       and n.notification_id < coalesce(notifications_of.before, 9223372036854775807)
       and (n.read_at is null or notifications_of.unread is not true)
     order by n.notification_id desc
     limit greatest(notifications_of.max_rows, 0);
end
$$;
comment on function presence.notifications_of is
    'what a user was told, the latest first, as far as they may still know of it: at most max_rows of before a notification_id; unread: those alone that are not read';
grant execute on function presence.notifications_of to presence_service, presence_app;

-- What the caller's own login was told. See visible_members.
create or replace function presence.visible_notifications(unread boolean default false)
    returns table (id text, kind text, user_id presence.user_id, name text, avatar_url text, room_id presence.room_id,
                   event_id presence.event_id, at timestamptz, read_at timestamptz)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
    rows 100   -- so that joins with the application's tables take its indexes
as $$
#variable_conflict use_column
declare
    me constant presence.user_id := presence.whoami();
begin
    return query
    select n.notification_id::text, n.kind, n.user_id, n.name, n.avatar_url, n.room_id, n.event_id, n.at, n.read_at
      from presence_private.notices() n
     where n.watcher_id = me
       and (n.read_at is null or visible_notifications.unread is not true);
end
$$;
comment on function presence.visible_notifications is
    'what the caller''s login was told (see presence.whoami), as far as it may still know of it; unread: those alone that are not read';
grant execute on function presence.visible_notifications to presence_viewer;
create or replace view presence.visible_notifications as
select * from presence.visible_notifications();
comment on view presence.visible_notifications is 'what the reader''s own login was told, as far as it may still know of it; id is unique';
grant select on presence.visible_notifications to presence_viewer;

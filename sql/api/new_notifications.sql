-- What new notifications say, for the streams of those they are for. For the service. Whoever is busy is not to be
-- disturbed, in a room or, with no session anywhere, in all of them: theirs are left out here, and are there when they look.
create or replace function presence.new_notifications(notification_ids bigint[])
    returns table (notification_id bigint, kind text, watcher_id presence.user_id, user_id presence.user_id, name text,
                   avatar_url text, room_id presence.room_id, event_id presence.event_id, at timestamptz, read_at timestamptz)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
    return query
    select n.*
      from presence_private.notices() n
     where n.notification_id = any (new_notifications.notification_ids)
       and not exists (select from presence_private.session s
                        where s.user_id = n.watcher_id and s.ended_at is null and s.expires_at > statement_timestamp()
                          and s.status = 'busy' and (s.status_until is null or s.status_until > statement_timestamp()) offset 0)
       and not exists (select from presence_private.own_status_at(n.watcher_id, statement_timestamp()) o
                        where o.status = 'busy' offset 0)
     order by n.notification_id;
end
$$;
comment on function presence.new_notifications is 'for the service: what these notifications say, without those of watchers who are busy, or who may not know of it any more';
grant execute on function presence.new_notifications to presence_service;

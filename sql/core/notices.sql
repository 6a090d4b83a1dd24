-- Notifications as people may see them, and how long they are kept.

-- Of those alone who may enter the room, as the one may of whom it tells; asked at each reading.
-- Inlined by the planner, hence no SET clause; offset 0 keeps each question a look-up by key.
create or replace function presence_private.notices()
    returns table (notification_id bigint, kind text, watcher_id presence.user_id, user_id presence.user_id, name text,
                   avatar_url text, room_id presence.room_id, event_id presence.event_id, at timestamptz, read_at timestamptz)
    language sql stable
as $$
    select n.notification_id, n.kind, n.watcher_id, n.user_id, u.name, u.avatar_url, n.room_id, n.event_id, n.at, n.read_at
      from presence_private.notification n
      left join lateral (select u.name, u.avatar_url from presence_host.users() u
                          where u.user_id = n.user_id limit 1) u on true
     where exists (select from presence_private.room_access() a
                    where a.room_id = n.room_id and a.user_id = n.watcher_id offset 0)
       and exists (select from presence_private.room_access() a
                    where a.room_id = n.room_id and a.user_id = n.user_id offset 0)
$$;
comment on function presence_private.notices is 'notifications of those who may still enter the room, of those who may too';

-- Some at a time, every few seconds, and nothing that somebody holds: ids grow with time, so the oldest come first.
create or replace function presence_private.forget_told(moment timestamptz)
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
begin
    delete from presence_private.notification n
     where n.notification_id = any (array(
           select o.notification_id
             from (select f.notification_id, f.at from presence_private.notification f
                    order by f.notification_id
                    limit 2000
                      for update skip locked) o
            where o.at < forget_told.moment - interval '30 days'));
    delete from presence_private.watch w
     where w.watch_id = any (array(select o.watch_id from presence_private.watch o
                                    where o.until_at < forget_told.moment
                                    limit 2000
                                      for update skip locked));
    delete from presence_private.logout l where l.at < forget_told.moment - interval '1 day';
end
$$;
comment on function presence_private.forget_told is 'forgets notifications after 30 days, watches that ended and logouts after a day; some at a time';

-- The bounds of a watch, in one place for both kinds of it.
create or replace function presence_private.check_watch(
        user_id  presence.user_id,
        quiet    interval,
        until_at timestamptz)
    returns void
    language plpgsql stable
    set search_path = pg_catalog, pg_temp
as $$
begin
    if check_watch.user_id is null
       or check_watch.quiet is null or check_watch.quiet not between interval '0' and interval '24 hours'
       or check_watch.until_at <= statement_timestamp() or check_watch.until_at = 'infinity' then
        raise exception 'a part of this watch is not valid' using errcode = 'PR400',
            hint = 'name a user, another than the watcher; quiet: 0 to 24 hours; until_at: a moment that is to come, or null';
    end if;
end
$$;
comment on function presence_private.check_watch is 'raises PR400 where a part of a watch is out of bounds';

-- Whom a user watches. Of whom they may know nothing any more only the watch itself is told.
create or replace function presence.watches_of(watcher_id presence.user_id)
    returns table (user_id presence.user_id, name text, avatar_url text, online boolean, room_id presence.room_id,
                   quiet interval, created_at timestamptz, until_at timestamptz)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
    return query
    select w.user_id, u.name, u.avatar_url, s.online is not null and s.online, w.room_id, w.quiet, w.created_at, w.until_at
      from presence_private.watch w
     -- one row where both may enter a room: whether the watched is in one of those
     cross join lateral (
           select bool_or(exists (select from presence_private.shown m
                                   where m.room_id = a.room_id and m.user_id = w.user_id)) as online
             from presence_private.room_access() a
            where a.user_id = w.user_id and (w.room_id is null or a.room_id = w.room_id)
              and exists (select from presence_private.room_access() v
                           where v.room_id = a.room_id and v.user_id = watches_of.watcher_id offset 0)) s
      left join lateral (select u.name, u.avatar_url from presence_host.users() u
                          where u.user_id = w.user_id and s.online is not null limit 1) u on true
     where w.watcher_id = watches_of.watcher_id
       and (w.until_at is null or w.until_at > statement_timestamp())
     order by w.user_id;
end
$$;
comment on function presence.watches_of is
    'whom a user watches, with whether they are online as far as the watcher may know; name and avatar_url are null of whom the watcher may know nothing any more';
grant execute on function presence.watches_of to presence_service, presence_app;

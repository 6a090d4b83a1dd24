-- "Tell me when she comes online". Again for the same two replaces the watch.
create or replace function presence.watch(
        watcher_id presence.user_id,
        user_id    presence.user_id,
        room_id    presence.room_id default null,
        quiet      interval         default '5 minutes',
        until_at   timestamptz      default null)
    returns timestamptz
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
    since timestamptz;
begin
    perform presence_private.check_watch(nullif(watch.user_id, watch.watcher_id), watch.quiet, watch.until_at);
    if not exists (select from presence_private.room_access() a
                    where a.user_id = watch.watcher_id and (watch.room_id is null or a.room_id = watch.room_id)
                      and exists (select from presence_private.room_access() o
                                   where o.room_id = a.room_id and o.user_id = watch.user_id)) then
        raise exception 'no such user' using errcode = 'PR404',
            hint = 'watcher and watched need a room that both may enter: select * from presence.why(user_id, room_id)';
    end if;
    if (select count(*) from presence_private.watch w
         where w.watcher_id = watch.watcher_id and w.user_id <> watch.user_id
           and (w.until_at is null or w.until_at > statement_timestamp())) >= 200 then
        raise exception 'too many watches' using errcode = 'PR429',
            hint = 'a user watches 200 others at most: presence.unwatch(watcher_id, user_id) ends one';
    end if;
    insert into presence_private.watch as w (created_at, until_at, quiet, user_id, watcher_id, room_id)
    values (statement_timestamp(), watch.until_at, watch.quiet, watch.user_id, watch.watcher_id, watch.room_id)
        on conflict (watcher_id, user_id) where watcher_id is not null do update
       set until_at = excluded.until_at, quiet = excluded.quiet, room_id = excluded.room_id,
           created_at = case when w.until_at <= excluded.created_at then excluded.created_at else w.created_at end
    returning w.created_at into since;
    return since;
end
$$;
comment on function presence.watch is
    'watcher_id is told when user_id comes online, in a room that both may enter (or in room_id alone), not again for quiet (0 to 24 h), until until_at; returns since when. PR404: no room that both may enter; PR429: 200 watches; PR400: out of bounds';
grant execute on function presence.watch to presence_service, presence_app;

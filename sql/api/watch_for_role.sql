-- "Tell this event's coordinators when vendor V becomes available": one row, resolved when it happens, so that whoever has
-- the role by then is told, and whoever may not enter the room is not.
create or replace function presence.watch_for_role(
        event_id presence.event_id,
        role     text,
        user_id  presence.user_id,
        room_id  presence.room_id default null,
        quiet    interval         default '5 minutes',
        until_at timestamptz      default null)
    returns timestamptz
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    since timestamptz;
begin
    perform presence_private.check_watch(watch_for_role.user_id, watch_for_role.quiet, watch_for_role.until_at);
    if watch_for_role.event_id is null or watch_for_role.role is null then
        raise exception 'a watch of a role needs the event and the role' using errcode = 'PR400',
            hint = 'for one user: presence.watch(watcher_id, user_id)';
    end if;
    if (select count(*) from presence_private.watch w
         where w.watcher_id is null and w.event_id = watch_for_role.event_id and w.role = watch_for_role.role
           and w.user_id <> watch_for_role.user_id
           and (w.until_at is null or w.until_at > statement_timestamp())) >= 200 then
        raise exception 'too many watches' using errcode = 'PR429',
            hint = 'a role of an event watches 200 users at most: presence.unwatch_for_role(event_id, role, user_id) ends one';
    end if;
    insert into presence_private.watch as w (created_at, until_at, quiet, user_id, event_id, role, room_id)
    values (statement_timestamp(), watch_for_role.until_at, watch_for_role.quiet, watch_for_role.user_id,
            watch_for_role.event_id, watch_for_role.role, watch_for_role.room_id)
        on conflict (event_id, role, user_id) where watcher_id is null do update
       set until_at = excluded.until_at, quiet = excluded.quiet, room_id = excluded.room_id,
           created_at = case when w.until_at <= excluded.created_at then excluded.created_at else w.created_at end
    returning w.created_at into since;
    return since;
end
$$;
comment on function presence.watch_for_role is
    'those who have the role in a room of the event are told when user_id comes online, as far as each may enter the room; otherwise as presence.watch';
grant execute on function presence.watch_for_role to presence_service, presence_app;

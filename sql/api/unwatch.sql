-- Ends a watch of one user by another.
create or replace function presence.unwatch(watcher_id presence.user_id, user_id presence.user_id)
    returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
begin
    delete from presence_private.watch w where w.watcher_id = unwatch.watcher_id and w.user_id = unwatch.user_id;
    return found;
end
$$;
comment on function presence.unwatch is 'watcher_id is no longer told of user_id; false: there was no such watch';
grant execute on function presence.unwatch to presence_service, presence_app;

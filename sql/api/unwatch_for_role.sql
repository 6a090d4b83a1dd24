-- Ends a watch of one user by a role of an event.
create or replace function presence.unwatch_for_role(event_id presence.event_id, role text, user_id presence.user_id)
    returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
begin
    delete from presence_private.watch w
     where w.watcher_id is null and w.event_id = unwatch_for_role.event_id
       and w.role = unwatch_for_role.role and w.user_id = unwatch_for_role.user_id;
    return found;
end
$$;
comment on function presence.unwatch_for_role is 'those who have the role in the event are no longer told of user_id; false: there was no such watch';
grant execute on function presence.unwatch_for_role to presence_service, presence_app;

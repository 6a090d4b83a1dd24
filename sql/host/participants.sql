-- Part of the application's side as installed: empty, so that everything is denied until it is mapped.
-- Applied where the function is missing; a mapping is never overwritten.
-- String-bodied, without SET clauses: the planner inlines it, and the application's own ALTER TABLE is never blocked.
create function presence_host.participants()
    returns table (room_id presence.room_id, user_id presence.user_id, role text)
    language sql stable
as $$
    -- pg-presence: not mapped yet
    select null::presence.room_id, null::presence.user_id, null::text where false
$$;
comment on function presence_host.participants is 'who takes part in which room; role is coordinator, collaborator, vendor or any other word';

-- Part of the application's side as installed: empty, so that everything is denied until it is mapped.
-- Applied where the function is missing; a mapping is never overwritten.
-- String-bodied, without SET clauses: the planner inlines it, and the application's own ALTER TABLE is never blocked.
create function presence_host.events()
    returns table (event_id presence.event_id, name text, coordinator_id presence.user_id)
    language sql stable
as $$
    -- pg-presence: not mapped yet
    select null::presence.event_id, null::text, null::presence.user_id where false
$$;
comment on function presence_host.events is 'the application''s events';

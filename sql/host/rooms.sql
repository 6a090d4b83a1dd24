-- Part of the application's side as installed: empty, so that everything is denied until it is mapped.
-- Applied where the function is missing; a mapping is never overwritten.
-- String-bodied, without SET clauses: the planner inlines it, and the application's own ALTER TABLE is never blocked.
create function presence_host.rooms()
    returns table (room_id presence.room_id, event_id presence.event_id, name text, kind text, vendor_id presence.user_id)
    language sql stable
as $$
    -- pg-presence: not mapped yet
    select null::presence.room_id, null::presence.event_id, null::text, null::text, null::presence.user_id where false
$$;
comment on function presence_host.rooms is 'the application''s rooms; kind is chat, vendor or any other word';

-- The one rule of access: who may enter and see which room, as what. Everything that decides asks here.
-- Inlined by the planner, so that the application's own keys are used; hence no SET clause.
create or replace function presence_private.accessible_rooms()
    returns table (room_id presence.room_id, user_id presence.user_id, role text, name text, kind text,
                   event_id presence.event_id)
    language sql stable
as $$
    select p.room_id, p.user_id, p.role, r.name, r.kind, r.event_id
      from presence_host.participants() p
      join presence_host.rooms() r on r.room_id = p.room_id
     where r.kind is distinct from 'vendor'
        or p.role is distinct from 'vendor'
        or r.vendor_id = p.user_id
$$;
comment on function presence_private.accessible_rooms is
    'the rule of access: a participant may enter, and a vendor a vendor room only where it is their own; with what the room is';

-- For those who ask nothing about the room itself. Inlined as well.
create or replace function presence_private.room_access()
    returns table (room_id presence.room_id, user_id presence.user_id, role text)
    language sql stable
as $$
    select a.room_id, a.user_id, a.role from presence_private.accessible_rooms() a
$$;
comment on function presence_private.room_access is 'who may enter which room, as what: accessible_rooms without what the room is';

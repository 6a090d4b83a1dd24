-- The one rule of access: who may enter and see which room, as what. Everything that decides asks here.
-- Inlined by the planner, so that the application's own keys are used; hence no SET clause.
create or replace function presence_private.room_access()
    returns table (room_id presence.room_id, user_id presence.user_id, role text)
    language sql stable
as $$
    select p.room_id, p.user_id, p.role
      from presence_host.participants() p
      join presence_host.rooms() r on r.room_id = p.room_id
     where r.kind is distinct from 'vendor'
        or p.role is distinct from 'vendor'
        or r.vendor_id = p.user_id
$$;
comment on function presence_private.room_access is
    'the rule of access: a participant may enter, and a vendor a vendor room only where it is their own';

-- Clears a room.
create or replace function presence.remove_room(room_id presence.room_id)
    returns integer
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_custom_plan
as $$
begin
    if remove_room.room_id is null then
        return 0;
    end if;
    return presence_private.end_all(remove_room.room_id, null, 'removed');
end
$$;
comment on function presence.remove_room is 'ends all sessions in one room, with reason removed; returns how many';
grant execute on function presence.remove_room to presence_service, presence_app;

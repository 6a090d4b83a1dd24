-- A kick: all sessions of one user in one room end.
create or replace function presence.remove_member(room_id presence.room_id, user_id presence.user_id)
    returns integer
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_custom_plan
as $$
begin
    if remove_member.room_id is null or remove_member.user_id is null then
        return 0;
    end if;
    return presence_private.end_all(remove_member.room_id, remove_member.user_id, 'removed');
end
$$;
comment on function presence.remove_member is
    'ends all sessions of one user in one room, with reason removed; returns how many. Who may still enter may come back: take the participant away first';
grant execute on function presence.remove_member to presence_service, presence_app;

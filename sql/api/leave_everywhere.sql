-- Logout: all sessions of a user end, and their ids may not return.
create or replace function presence.leave_everywhere(user_id presence.user_id)
    returns integer
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_custom_plan
as $$
begin
    if leave_everywhere.user_id is null then
        return 0;
    end if;
    return presence_private.end_all(null, leave_everywhere.user_id, 'logged_out');
end
$$;
comment on function presence.leave_everywhere is 'logout: ends all sessions of a user; those session ids may not return (PR410). Returns how many ended';
grant execute on function presence.leave_everywhere to presence_service, presence_app;

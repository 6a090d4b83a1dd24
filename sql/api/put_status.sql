-- A status that a user sets once for all rooms, for the service: it waits for no room. Where somebody holds one, or a
-- session of the user, the others have it at once and that one within a reap period. Returns whether all have it.
-- Called again with the user alone it looks again.
create or replace function presence.put_status(
        user_id      presence.user_id,
        status       text        default null,
        status_until timestamptz default null,
        message      text        default null)
    returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
begin
    perform presence_private.set_own_status(put_status.user_id, put_status.status, put_status.status_until, put_status.message, false);
    return not exists (select from presence_private.behind_own_status(array[put_status.user_id], statement_timestamp()));
end
$$;
comment on function presence.put_status is
    'for the service: as presence.set_status, but waits for no room: what somebody holds has it within a reap period. Returns whether all of the user''s sessions have it';
grant execute on function presence.put_status to presence_service;

-- A status that a user sets once for all rooms, in the caller's own transaction.
create or replace function presence.set_status(
        user_id      presence.user_id,
        status       text        default null,
        status_until timestamptz default null,
        message      text        default null)
    returns setof presence.own_status
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
begin
    perform presence_private.set_own_status(set_status.user_id, set_status.status, set_status.status_until, set_status.message, true);
    return query select * from presence.status_of(set_status.user_id);
end
$$;
comment on function presence.set_status is
    'sets what a user says for all rooms, where they are now and where they join: status (invisible: all their sessions leave, and none joins) until status_until (null: no end), and message; absent arguments leave things as they are, '''' clears them. Returns what holds now; PR400 (not valid)';
grant execute on function presence.set_status to presence_service, presence_app;

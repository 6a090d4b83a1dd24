-- Leaves of many, set-wise, for the service: one outcome an item.
create or replace function presence.leave_batch(
        room_ids    presence.room_id[],
        user_ids    presence.user_id[],
        session_ids uuid[],
        seqs        bigint[] default null)
    returns table (item integer, outcome text)
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off
    set enable_hashjoin = off
    set enable_mergejoin = off
as $$
#variable_conflict use_column
begin
    return query
    select * from presence_private.end_sessions(leave_batch.room_ids, leave_batch.user_ids, leave_batch.session_ids,
                                                leave_batch.seqs, wait => false);
end
$$;
comment on function presence.leave_batch is 'leaves of many, one outcome an item: left, nothing, busy (somebody holds the room: try again)';
grant execute on function presence.leave_batch to presence_service;

-- Heartbeats of many, set-wise, for the service: one outcome an item, in any order.
-- A room or session that somebody holds is skipped and reported as busy: nothing is waited for.
create or replace function presence.heartbeat_batch(
        room_ids    presence.room_id[],
        user_ids    presence.user_id[],
        session_ids uuid[],
        statuses    text[]     default null,
        status_ttls interval[] default null,
        messages    text[]     default null,
        activities  text[]     default null,
        datas       jsonb[]    default null,
        seqs        bigint[]   default null,
        renew_only  boolean    default false)
    returns table (item integer, outcome text, session_id uuid, status text, joined_at timestamptz, expires_at timestamptz)
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
    select * from presence_private.apply_beats(
        heartbeat_batch.room_ids, heartbeat_batch.user_ids, heartbeat_batch.session_ids, heartbeat_batch.statuses,
        heartbeat_batch.status_ttls, heartbeat_batch.messages, heartbeat_batch.activities, heartbeat_batch.datas,
        heartbeat_batch.seqs, heartbeat_batch.renew_only, wait => false);
end
$$;
comment on function presence.heartbeat_batch is
    'heartbeats of many, one outcome an item: ok, denied, invalid, stale, ended, too_many_sessions, busy (somebody holds the room: nothing was done, try again). renew_only: what would change anything that people see is busy as well';
grant execute on function presence.heartbeat_batch to presence_service;

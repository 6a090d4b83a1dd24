-- One heartbeat, in the caller's own transaction: joins or renews.
create or replace function presence.heartbeat(
        room_id    presence.room_id,
        user_id    presence.user_id,
        session_id uuid,
        status     text     default null,
        status_ttl interval default null,
        message    text     default null,
        activity   text     default null,
        data       jsonb    default null,
        seq        bigint   default null)
    returns setof presence.lease
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off
    set enable_hashjoin = off
    set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
    beat presence_private.beat;
begin
    select * into beat
      from presence_private.apply_beats(
               array[heartbeat.room_id], array[heartbeat.user_id], array[heartbeat.session_id],
               array[heartbeat.status], array[heartbeat.status_ttl], array[heartbeat.message],
               array[heartbeat.activity], array[heartbeat.data], array[heartbeat.seq],
               renew_only => false, wait => true) b;
    case beat.outcome
        when 'ok' then
            return next row(beat.session_id, beat.status, beat.joined_at, beat.expires_at)::presence.lease;
        when 'denied' then
            raise exception 'no such room' using errcode = 'PR404',
                hint = 'select * from presence.why(user_id, room_id) says what is missing';
        when 'stale' then
            raise exception 'this heartbeat was overtaken by its session''s leave' using errcode = 'PR409',
                hint = 'number heartbeats and leaves of one session upwards';
        when 'ended' then
            raise exception 'this session was logged out' using errcode = 'PR410',
                hint = 'begin a new session with a new session_id';
        when 'too_many_sessions' then
            raise exception 'too many sessions of one user in one room' using errcode = 'PR429',
                hint = 'presence.configure(sessions_max => ...) sets how many';
        when 'busy' then
            raise exception 'this session is being changed by somebody else' using errcode = '55P03',
                hint = 'try again';
        else
            raise exception 'a part of this heartbeat is not valid' using errcode = 'PR400',
                hint = 'status: active, idle, away, busy, in_meeting, typing or invisible; status_ttl: 0 to 366 days; '
                       'message: 140 characters; activity: 80; data: a JSON object of 1 KiB; seq: not negative';
    end case;
end
$$;
comment on function presence.heartbeat is
    'joins a room or renews the lease of one session: one row, or PR404 (not allowed), PR409 (overtaken), PR410 (logged out), PR429 (too many sessions), PR400 (not valid). Absent arguments leave things as they are, '''' and ''{}'' clear them';
grant execute on function presence.heartbeat to presence_service, presence_app;

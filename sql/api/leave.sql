-- One leave, in the caller's own transaction.
create or replace function presence.leave(
        room_id    presence.room_id,
        user_id    presence.user_id,
        session_id uuid,
        seq        bigint default null)
    returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off
    set enable_hashjoin = off
    set enable_mergejoin = off
as $$
declare
    what text;
begin
    select e.outcome into what
      from presence_private.end_sessions(array[leave.room_id], array[leave.user_id], array[leave.session_id],
                                         array[leave.seq], wait => true) e;
    if what = 'busy' then
        raise exception 'this session is being changed by somebody else' using errcode = '55P03', hint = 'try again';
    end if;
    return what = 'left';
end
$$;
comment on function presence.leave is
    'ends one session; false: there was nothing to leave. Heartbeats of it numbered up to seq (any numbered one, without seq) are refused for two minutes';
grant execute on function presence.leave to presence_service, presence_app;

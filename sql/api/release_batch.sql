-- Streams that closed: what they still hold ends after the grace, unless the client comes back meanwhile. For the service.
-- So does what nobody holds: the stream had joined and was closed before it took hold, or the client came back by a
-- heartbeat while it was open. Whoever was heard of since the close goes on by heartbeats, and keeps the lease of the last.
create or replace function presence.release_batch(
        room_ids    presence.room_id[],
        user_ids    presence.user_id[],
        session_ids uuid[],
        holders     uuid[],
        closed      interval[],
        grace       interval)
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
declare
    moment constant timestamptz := statement_timestamp();
begin
    perform presence_private.plan_for(cardinality(room_ids));
    return query
    with asked as materialized (
        select i.*
          from unnest(room_ids, user_ids, session_ids, holders, closed)
               with ordinality as i(room_id, user_id, session_id, holder, closed, item)
    ),
    held as materialized (
        select a.item, s.room_id, s.user_id, s.session_id, s.beat_at > moment - a.closed as goes_on
          from asked a
          join presence_private.session s
            on s.room_id = a.room_id and s.user_id = a.user_id and s.session_id = a.session_id
         where s.ended_at is null and coalesce(s.holder, a.holder) = a.holder
           for no key update of s skip locked
    ),
    released as (   -- the socket was its last sign of life; the zero uuid says how it ends
        update presence_private.session s
           set expires_at = case when h.goes_on then s.expires_at else least(s.expires_at, moment + release_batch.grace) end,
               beat_at = case when h.goes_on then s.beat_at else moment end,
               holder = case when not h.goes_on then '00000000-0000-0000-0000-000000000000'::uuid end
          from held h
         where s.room_id = h.room_id and s.user_id = h.user_id and s.session_id = h.session_id
        returning h.item
    )
    select a.item::integer,
           case when r.item is not null then 'released'
                when exists (select from presence_private.session s
                              where s.room_id = a.room_id and s.user_id = a.user_id and s.session_id = a.session_id
                                and s.ended_at is null and coalesce(s.holder, a.holder) = a.holder offset 0) then 'busy'
                else 'gone' end
      from asked a
      left join released r on r.item = a.item;
end
$$;
comment on function presence.release_batch is
    'for the service: streams that closed; what they still hold ends after the grace, with reason disconnected; one outcome an item: released, busy (try again), gone';
grant execute on function presence.release_batch to presence_service;

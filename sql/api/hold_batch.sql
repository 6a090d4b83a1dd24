-- What open streams hold, renewed in bulk: for the service. One UPDATE that never inserts: who was kicked or logged out
-- stays so, and a session that another stream took over is that one's. One that nobody holds (its client left and came
-- back by a heartbeat) is held again. It is no sign of life of the client: beat_at stays, and where that is older than
-- silence_max the lease is left to run out; it is still the stream's, and renewed again once the client is heard.
-- A lease that ran out a while ago is gone, reaped or not: nobody comes back without a join.
-- take: the stream begins to hold the session, whoever held it.
create or replace function presence.hold_batch(
        room_ids    presence.room_id[],
        user_ids    presence.user_id[],
        session_ids uuid[],
        holders     uuid[],
        take        boolean[],
        silence_max interval)
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
    heard  constant timestamptz := moment - hold_batch.silence_max;   -- a sign of life before this is too old
    knobs  presence_private.setting;
    gone   timestamptz;
    done   integer[];
begin
    select * into knobs from presence_private.setting;
    gone := presence_private.gone_by(moment, knobs.heartbeat);

    with held as materialized (
        select a.item, a.holder, s.ctid as row_address, s.room_id, s.user_id, s.session_id
          from unnest(room_ids, user_ids, session_ids, holders, take)
               with ordinality as a(room_id, user_id, session_id, holder, take, item)
          join presence_private.session s
            on s.room_id = a.room_id and s.user_id = a.user_id and s.session_id = a.session_id
         where s.ended_at is null
           and s.expires_at > gone
           and (a.take or (coalesce(s.holder, a.holder) = a.holder and s.beat_at > heard))
           for no key update of s skip locked
    ),
    renewed as (
        update presence_private.session s
           set expires_at = moment + knobs.ttl, holder = h.holder
          from held h
         where s.ctid = h.row_address
        returning h.item
    ),
    moved as (   -- written by another node since this statement began: that version is not seen by its address
        update presence_private.session s
           set expires_at = moment + knobs.ttl, holder = h.holder
          from held h
         where s.room_id = h.room_id and s.user_id = h.user_id and s.session_id = h.session_id
           and h.item not in (select r.item from renewed r)
        returning h.item
    )
    select array_agg(r.item::integer) into done from (select * from renewed union all select * from moved) r;

    return query select d.item, 'held' from unnest(done) as d(item);
    if cardinality(done) = cardinality(room_ids) then
        return;
    end if;
    return query
    select a.item::integer,
           case when s.session_id is null then 'missing'
                when s.ended_at is not null then s.ended_as
                when s.expires_at <= gone then 'gone'
                when a.take then 'busy'
                when s.holder <> a.holder then 'gone'
                when s.beat_at > heard then 'busy'
                else 'held' end
      from unnest(room_ids, user_ids, session_ids, holders, take)
           with ordinality as a(room_id, user_id, session_id, holder, take, item)
      left join presence_private.session s
        on s.room_id = a.room_id and s.user_id = a.user_id and s.session_id = a.session_id
     where a.item <> all (coalesce(done, '{}'));
end
$$;
comment on function presence.hold_batch is
    'for the service: renews what its streams hold, one outcome an item: held (also where a silent client''s lease is left to run out), busy (somebody changes the session: try again), or why it is held no more: missing (it ran out, or the data was lost), gone, left, revoked, removed, logged_out';
grant execute on function presence.hold_batch to presence_service;

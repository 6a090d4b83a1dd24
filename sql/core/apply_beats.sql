-- Heartbeats, set-wise: what presence.heartbeat and presence.heartbeat_batch share.
--
-- A renewal that changes nothing that people see is one UPDATE and never touches its room. The rest locks its rooms,
-- and only then, in a statement of its own, looks at the sessions again and writes them: first and last tabs, limits,
-- access and earlier leaves are decided under the room's lock. Under it no session row is ever waited for.
--
-- wait false, for the service: a room or session that somebody holds gets the outcome busy, and nothing is done to it.
-- renew_only: what is no plain renewal gets the outcome busy too.
-- Its callers have their statements planned once, and from key to key: enable_seqscan, enable_hashjoin and enable_mergejoin
-- are off. A plan that was made while tables were empty, or of a few items, is right for many in full tables then, as long
-- as nothing here is compared with all the rest of it. Where many items change something, that is planned anew.
-- Outcomes: ok, denied, invalid, stale, ended, too_many_sessions, busy.
create or replace function presence_private.apply_beats(
        room_ids    presence.room_id[],
        user_ids    presence.user_id[],
        session_ids uuid[],
        statuses    text[],
        status_ttls interval[],
        messages    text[],
        activities  text[],
        datas       jsonb[],
        seqs        bigint[],
        renew_only  boolean,
        wait        boolean,
        at_time     timestamptz default null)
    returns setof presence_private.beat
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    moment constant timestamptz := coalesce(apply_beats.at_time, statement_timestamp());
    knobs  presence_private.setting;
    gone   timestamptz;
    items  integer;
    beats  presence_private.beat[];
    done   integer[];
    rest   presence_private.said[];
begin
    select * into knobs from presence_private.setting;
    gone := presence_private.gone_by(moment, knobs.heartbeat);

    with judged as materialized (
        select i.item::integer as item, i.room_id, i.user_id, i.session_id, i.status, i.status_ttl,
               i.message, i.activity, i.data, i.seq,
               case
                   when i.room_id is null or i.user_id is null or i.session_id is null
                     or i.status not in ('active', 'idle', 'away', 'busy', 'in_meeting', 'typing', 'invisible')
                     or i.status_ttl not between interval '0' and interval '366 days'
                     or char_length(i.message) > 140 or char_length(i.activity) > 80
                     or jsonb_typeof(i.data) <> 'object' or octet_length(i.data::text) > 1024
                     or i.seq < 0 then 'invalid'
                   when not exists (select from presence_private.room_access() a
                                     where a.room_id = i.room_id and a.user_id = i.user_id offset 0) then 'denied'
               end as refused
          from unnest(room_ids, user_ids, session_ids, statuses, status_ttls, messages, activities, datas, seqs)
               with ordinality as i(room_id, user_id, session_id, status, status_ttl, message, activity, data, seq, item)
    ),
    held as materialized (
        select j.item, j.seq, s.ctid as row_address, s.room_id, s.user_id, s.session_id,
               case when j.status = 'typing' and j.seq is not distinct from greatest(j.seq, s.seq)
                    then moment + least(coalesce(j.status_ttl, knobs.typing), interval '1 minute') else s.typing_until end as typing_until
          from judged j
          join presence_private.session s
            on s.room_id = j.room_id and s.user_id = j.user_id and s.session_id = j.session_id
         where j.refused is null
           and s.ended_at is null
           and s.expires_at > gone
           and (j.seq < s.seq      -- overtaken by a later heartbeat: still alive, but what it says is old
                or ((j.status is null
                     or (j.status = 'typing' and s.typing_until is not null)
                     or (j.status = coalesce(s.said_status, s.status) and j.status_ttl is null and s.typing_until is null
                         and case when s.said_status is null then s.status_until else s.said_until end is null))
                    and (j.message is null or j.message = case when s.lent_message then '' else coalesce(s.message, '') end)
                    and (j.activity is null or j.activity = coalesce(s.activity, ''))
                    and (j.data is null or j.data = coalesce(s.data, '{}'))))
           for no key update of s skip locked
    ),
    renewed as (
        update presence_private.session s
           set beat_at = moment,
               expires_at = moment + knobs.ttl,   -- not greatest(): a clock that jumped back must heal
               seq = greatest(s.seq, h.seq),
               holder = nullif(s.holder, '00000000-0000-0000-0000-000000000000'),   -- back within the grace
               typing_until = h.typing_until
          from held h
         where s.ctid = h.row_address
        returning h.item, s.session_id, s.joined_at, s.expires_at, s.status, s.status_until, s.typing_until
    ),
    moved as (   -- renewed by another node since this statement began: that version is not seen by its address
        update presence_private.session s
           set beat_at = moment, expires_at = moment + knobs.ttl, seq = greatest(s.seq, h.seq),
               holder = nullif(s.holder, '00000000-0000-0000-0000-000000000000'), typing_until = h.typing_until
          from held h
         where s.room_id = h.room_id and s.user_id = h.user_id and s.session_id = h.session_id
           and h.item not in (select r.item from renewed r)
        returning h.item, s.session_id, s.joined_at, s.expires_at, s.status, s.status_until, s.typing_until
    ),
    answered as (
        select r.item, 'ok' as outcome, r.session_id,
               presence_private.status_at(r.status, r.status_until, r.typing_until, moment) as status, r.joined_at, r.expires_at
          from (select * from renewed union all select * from moved) r
         union all
        select j.item, j.refused, j.session_id, null, null, null from judged j where j.refused is not null
    )
    select (select count(*) from judged), array_agg(row(a.*)::presence_private.beat), array_agg(a.item)
      into items, beats, done
      from answered a;

    return query select * from unnest(beats);
    if items = coalesce(cardinality(done), 0) then
        return;
    end if;
    if apply_beats.renew_only then
        return query select i.item::integer, 'busy', i.session_id, null::text, null::timestamptz, null::timestamptz
                       from unnest(session_ids) with ordinality as i(session_id, item)
                      where i.item <> all (coalesce(done, '{}'));
        return;
    end if;
    select array_agg(row(i.item, i.room_id, i.user_id, i.session_id, i.status, i.status_ttl, i.message, i.activity, i.data, i.seq)::presence_private.said)
      into rest
      from unnest(room_ids, user_ids, session_ids, statuses, status_ttls, messages, activities, datas, seqs)
           with ordinality as i(room_id, user_id, session_id, status, status_ttl, message, activity, data, seq, item)
     where i.item <> all (coalesce(done, '{}'));
    perform presence_private.plan_for(cardinality(rest));
    return query select * from presence_private.change_sessions(rest, apply_beats.wait, moment, knobs);
end
$$;
comment on function presence_private.apply_beats is 'renews and joins; one outcome an item';

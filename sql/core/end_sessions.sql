-- Leaves, set-wise: what presence.leave and presence.leave_batch share.
--
-- A session that ends is remembered for two minutes, also where the leave overtook its own join: heartbeats numbered
-- up to the leave's number are refused meanwhile, and any numbered one where the leave had none. A leave that a later
-- heartbeat overtook does nothing. Strangers to a room have nothing to remember.
--
-- wait false, for the service: a room or session that somebody holds gets the outcome busy.
-- Outcomes: left, nothing, busy.
create or replace function presence_private.end_sessions(
        room_ids    presence.room_id[],
        user_ids    presence.user_id[],
        session_ids uuid[],
        seqs        bigint[],
        wait        boolean,
        at_time     timestamptz default null)
    returns table (item integer, outcome text)
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    moment  constant timestamptz := coalesce(end_sessions.at_time, statement_timestamp());
    items   presence_private.said[];
    locked  presence.room_id[];
    answers presence_private.beat[];
    touched presence_private.touch[];
begin
    perform presence_private.plan_for(cardinality(room_ids));
    select array_agg(row(i.item, i.room_id, i.user_id, i.session_id, null, null, null, null, null, i.seq)::presence_private.said)
      into items
      from unnest(room_ids, user_ids, session_ids, seqs) with ordinality as i(room_id, user_id, session_id, seq, item)
     where exists (select from presence_private.session s
                    where s.room_id = i.room_id and s.user_id = i.user_id and s.session_id = i.session_id offset 0)
        or exists (select from presence_private.room_access() a
                    where a.room_id = i.room_id and a.user_id = i.user_id offset 0);
    if items is not null then
        perform set_config('synchronous_commit', 'off', true);
        if end_sessions.wait then
            perform from presence_private.session s
               join unnest(items) i on i.room_id = s.room_id and i.user_id = s.user_id and i.session_id = s.session_id
              order by s.room_id, s.user_id, s.session_id
                for no key update of s;
        end if;
        locked := presence_private.lock_rooms((select array_agg(i.room_id) from unnest(items) i), wait);
    end if;

    with mine as materialized (
        select i.room_id, i.user_id, i.session_id,
               case when bool_and(i.seq is not null) then max(i.seq) end as seq
          from unnest(items) i
         where i.room_id = any (locked)
         group by i.room_id, i.user_id, i.session_id
    ),
    held as materialized (
        select s.*
          from mine m
          join presence_private.session s
            on s.room_id = m.room_id and s.user_id = m.user_id and s.session_id = m.session_id
           for no key update of s skip locked
    ),
    judged as materialized (
        select m.*,
               case
                   when h.session_id is null and exists (select from presence_private.session s
                                                          where s.room_id = m.room_id and s.user_id = m.user_id
                                                            and s.session_id = m.session_id offset 0) then 'busy'
                   when h.ended_as = 'logged_out' or h.seq > m.seq then 'nothing'
                   when h.session_id is null or h.ended_at is not null then 'remembered'
                   else 'left'
               end as outcome
          from mine m
          left join held h on h.room_id = m.room_id and h.user_id = m.user_id and h.session_id = m.session_id
    ),
    written as (
        insert into presence_private.session as s
               (session_id, joined_at, beat_at, expires_at, ended_at, seq, room_id, user_id, ended_as)
        select j.session_id, moment, moment, moment + interval '2 minutes', moment, j.seq, j.room_id, j.user_id, 'left'
          from judged j
         where j.outcome in ('left', 'remembered')
            on conflict (room_id, user_id, session_id) do update
           set expires_at = excluded.expires_at, ended_at = excluded.ended_at, ended_as = excluded.ended_as,
               seq = excluded.seq, changed_at = null, status_until = null, typing_until = null,
               message = null, activity = null, data = null
    )
    select (select array_agg(row(i.item, case j.outcome when 'remembered' then 'nothing' else coalesce(j.outcome, 'busy') end,
                                 null, null, null, null)::presence_private.beat)
              from unnest(items) i
              left join judged j on j.room_id = i.room_id and j.user_id = i.user_id and j.session_id = i.session_id),
           (select array_agg(row(j.room_id, j.user_id, 'left', moment)::presence_private.touch)
              from judged j where j.outcome = 'left')
      into answers, touched;

    if touched is not null then
        perform presence_private.settle(touched, moment);
    end if;
    return query
    select g.item::integer, coalesce(a.outcome, 'nothing')
      from generate_series(1, coalesce(cardinality(room_ids), 0)) as g(item)
      left join unnest(answers) a on a.item = g.item;
end
$$;
comment on function presence_private.end_sessions is 'leaves; one outcome an item';

-- All sessions that match: of a user everywhere, of a member, of a room. Null matches all.
-- logged_out is remembered for a day: those session ids may not return.
create or replace function presence_private.end_all(
        room_id presence.room_id,
        user_id presence.user_id,
        reason  text,
        at_time timestamptz default null)
    returns integer
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    moment  constant timestamptz := coalesce(end_all.at_time, statement_timestamp());
    rooms   presence.room_id[];
    touched presence_private.touch[];
    ended   integer;
begin
    perform set_config('synchronous_commit', 'off', true);
    select array_agg(distinct h.room_id)
      into rooms
      from (select s.room_id
              from presence_private.session s
             where (end_all.room_id is null or s.room_id = end_all.room_id)
               and (end_all.user_id is null or s.user_id = end_all.user_id)
             order by s.room_id, s.user_id, s.session_id
               for no key update) h;
    if end_all.reason = 'logged_out' and rooms is null then
        perform presence_private.note_logouts(array[end_all.user_id], array[moment]);
    end if;
    if rooms is null then
        return 0;
    end if;
    perform presence_private.lock_rooms(rooms, true);
    with found as materialized (   -- skip locked: whoever began after our look holds its row for a moment only
        select s.room_id, s.user_id, s.session_id, s.ended_at is null as alive
          from presence_private.session s
         where s.room_id = any (rooms)
           and (end_all.user_id is null or s.user_id = end_all.user_id)
           for no key update skip locked
    ),
    gone as (
        update presence_private.session s
           set ended_at = moment, ended_as = end_all.reason,
               expires_at = moment + case end_all.reason when 'logged_out' then interval '1 day' else interval '2 minutes' end,
               changed_at = null, status_until = null, typing_until = null, message = null, activity = null, data = null
          from found f
         where s.room_id = f.room_id and s.user_id = f.user_id and s.session_id = f.session_id
           and (f.alive or end_all.reason = 'logged_out')
        returning s.room_id, s.user_id, f.alive
    )
    select array_agg(row(g.room_id, g.user_id, end_all.reason, moment)::presence_private.touch) filter (where g.alive),
           count(*) filter (where g.alive)
      into touched, ended
      from gone g;
    if touched is not null then
        perform presence_private.settle(touched, moment);
    end if;
    if end_all.reason = 'logged_out' then
        perform presence_private.note_logouts(array[end_all.user_id], array[moment]);
    end if;
    return ended;
end
$$;
comment on function presence_private.end_all is 'ends all sessions that match; returns how many were alive';

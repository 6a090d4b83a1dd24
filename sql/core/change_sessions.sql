-- Heartbeats that may change what people see: joins, new statuses, goings invisible. See apply_beats.
-- What the user says for all rooms wins over what a session says, and is looked up here: see own_status.sql.
create or replace function presence_private.change_sessions(
        rest   presence_private.said[],
        wait   boolean,
        moment timestamptz,
        knobs  presence_private.setting)
    returns setof presence_private.beat
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    gone    constant timestamptz := presence_private.gone_by(moment, knobs.heartbeat);
    locked  presence.room_id[];
    beats   presence_private.beat[];
    touched presence_private.touch[];
begin
    perform set_config('synchronous_commit', 'off', true);   -- the NOTIFY lock must not be held across a WAL flush
    if change_sessions.wait then
        perform from presence_private.session s
           join unnest(rest) r on r.room_id = s.room_id and r.user_id = s.user_id and r.session_id = s.session_id
          order by s.room_id, s.user_id, s.session_id
            for no key update of s;
    end if;
    locked := presence_private.lock_rooms((select array_agg(r.room_id) from unnest(rest) r), wait);

    -- Who has been gone for a while, though nobody reaped them, leaves first: somebody may have seen the room without them.
    -- Of the item's own session alone: a plan that began at the room read all who are there.
    with over as materialized (
        select s.room_id, s.user_id, s.session_id
          from unnest(rest) r
         cross join lateral (
               select s.room_id, s.user_id, s.session_id
                 from presence_private.session s
                where s.room_id = r.room_id and s.user_id = r.user_id and s.session_id = r.session_id
                  and s.ended_at is null and s.expires_at <= gone
                  for no key update skip locked) s
         where r.room_id = any (locked)
    ),
    ended as (
        delete from presence_private.session s
         using over o
         where s.room_id = o.room_id and s.user_id = o.user_id and s.session_id = o.session_id
        returning s.room_id, s.user_id, s.beat_at
    )
    select array_agg(row(e.room_id, e.user_id, 'expired', e.beat_at)::presence_private.touch) into touched from ended e;
    if touched is not null then
        perform presence_private.settle(touched, moment);
    end if;

    with words as materialized (   -- one key twice in a batch: a later word wins, and both get the same answer
        select max(r.item) as item, r.room_id, r.user_id, r.session_id, max(r.seq) as seq,
               (array_agg(r.status order by r.item desc) filter (where r.status is not null))[1] as status,
               (array_agg(r.status_ttl order by r.item desc) filter (where r.status is not null))[1] as status_ttl,
               (array_agg(r.message order by r.item desc) filter (where r.message is not null))[1] as message,
               (array_agg(r.activity order by r.item desc) filter (where r.activity is not null))[1] as activity,
               (array_agg(r.data order by r.item desc) filter (where r.data is not null))[1] as data
          from unnest(rest) r
         where r.room_id = any (locked)
         group by r.room_id, r.user_id, r.session_id
    ),
    mine as materialized (
        select w.item, w.room_id, w.user_id, w.session_id, w.seq,
               case when o.status = 'invisible' then 'invisible' else w.status end as status,
               w.status_ttl, w.message, w.activity, w.data,
               coalesce(o.status = 'invisible', false) as is_hidden,   -- in all rooms: not even its number is kept
               o.status as own_status, o.status_until as own_until, o.message as own_message
          from words w
          left join lateral presence_private.own_status_at(w.user_id, moment) o on true
    ),
    held as materialized (
        select s as was, s.room_id, s.user_id, s.session_id, s.ended_at, s.expires_at, s.seq
          from mine m
          join presence_private.session s
            on s.room_id = m.room_id and s.user_id = m.user_id and s.session_id = m.session_id
           for no key update of s skip locked
    ),
    judged as materialized (
        select m.item, m.room_id, m.user_id, m.session_id, m.seq, m.is_hidden, m.own_status, m.own_until, m.own_message,
               -- overtaken by a later heartbeat: still alive, but what it says is old
               case when o.overtaken then null else m.status end as status,
               case when o.overtaken then null else m.status_ttl end as status_ttl,
               case when o.overtaken then null else m.message end as message,
               case when o.overtaken then null else m.activity end as activity,
               case when o.overtaken then null else m.data end as data,
               h.session_id is not null and h.ended_at is null as alive,
               case when h.ended_at is null then h.was end as was,   -- as it is, where it is alive
               case
                   when h.session_id is null and exists (select from presence_private.session s
                                                          where s.room_id = m.room_id and s.user_id = m.user_id
                                                            and s.session_id = m.session_id offset 0) then 'busy'
                   when not exists (select from presence_private.room_access() a
                                     where a.room_id = m.room_id and a.user_id = m.user_id offset 0) then 'denied'
                   when h.session_id is not null and h.ended_at is null then 'ok'
                   when exists (select from presence_private.session s
                                 where s.user_id = m.user_id and s.session_id = m.session_id
                                   and s.ended_as = 'logged_out' and s.expires_at > moment offset 0) then 'ended'
                   when m.status = 'invisible' then 'ok'
                   when h.expires_at > moment and m.seq is not null
                        and (h.seq is null or m.seq <= h.seq) then 'stale'
                   else 'joins'
               end as verdict
          from mine m
          left join held h on h.room_id = m.room_id and h.user_id = m.user_id and h.session_id = m.session_id
         cross join lateral (select coalesce(h.ended_at is null and m.seq < h.seq and not m.is_hidden, false) as overtaken) o
    ),
    limited as materialized (
        select j.*,
               case
                   when j.verdict <> 'joins' then j.verdict
                   when (select count(*) from presence_private.session s
                          where s.room_id = j.room_id and s.user_id = j.user_id
                            and s.ended_at is null and s.expires_at > moment)
                        + row_number() over (partition by j.room_id, j.user_id, j.verdict order by j.item) > knobs.sessions_max
                        then 'too_many_sessions'
                   else 'ok'
               end as outcome
          from judged j
    ),
    next as materialized (   -- what is not said stays
        select l.item, l.room_id, l.user_id, l.session_id, l.alive, l.is_hidden, l.own_status, l.own_until, l.own_message,
               l.status is not distinct from 'invisible' as hides,
               greatest(l.seq, (l.was).seq) as seq,
               coalesce((l.was).joined_at, moment) as joined_at,
               coalesce(nullif(nullif(l.status, 'typing'), 'invisible'), (l.was).said_status, (l.was).status, 'active') as status,
               case when coalesce(l.status, 'typing') = 'typing'
                    then case when (l.was).said_status is null then (l.was).status_until else (l.was).said_until end
                    when l.status <> 'active' then moment + l.status_ttl end as status_until,
               case when l.status is null then (l.was).typing_until
                    when l.status = 'typing'   -- nobody types for ever
                    then moment + least(coalesce(l.status_ttl, knobs.typing), interval '1 minute') end as typing_until,
               nullif(coalesce(l.message, p.message), '') as message,
               nullif(coalesce(l.activity, (l.was).activity), '') as activity,
               nullif(coalesce(l.data, (l.was).data), '{}') as data,
               p.message as was_message, l.was
          from limited l
         cross join lateral (select case when (l.was).lent_message is null then (l.was).message end as message) p
         where l.outcome = 'ok'
    ),
    vanished as (   -- nothing is kept of an invisible session, but the number of its going, where it had one
        delete from presence_private.session s
         using next n
         where n.hides and (n.seq is null or n.is_hidden)
           and s.room_id = n.room_id and s.user_id = n.user_id and s.session_id = n.session_id
           and s.ended_at is null
    ),
    written as (
        insert into presence_private.session as s
               (session_id, joined_at, beat_at, expires_at, changed_at, status_until, said_until, typing_until, ended_at, seq,
                room_id, user_id, status, said_status, ended_as, message, lent_message, activity, data)
        select n.session_id, n.joined_at, moment, moment + case when n.hides then interval '2 minutes' else knobs.ttl end,
               case when (n.message, n.activity, n.data)
                         is not distinct from (n.was_message, (n.was).activity, (n.was).data)
                    then (n.was).changed_at else clock_timestamp() end,
               case when n.own_status is null then n.status_until else n.own_until end,
               case when n.own_status is not null then n.status_until end,
               n.typing_until, case when n.hides then moment end, n.seq, n.room_id, n.user_id,
               coalesce(n.own_status, n.status), case when n.own_status is not null then n.status end,
               case when n.hides then 'left' end,
               case when not n.hides then coalesce(n.message, n.own_message) end,
               case when n.message is null and n.own_message is not null then true end,
               case when not n.hides then n.activity end,
               case when not n.hides then n.data end
          from next n
         where not n.hides or (n.seq is not null and not n.is_hidden)
            on conflict (room_id, user_id, session_id) do update
           set joined_at = excluded.joined_at, beat_at = excluded.beat_at, expires_at = excluded.expires_at,
               changed_at = excluded.changed_at, status_until = excluded.status_until, said_until = excluded.said_until,
               typing_until = excluded.typing_until, ended_at = excluded.ended_at, seq = excluded.seq,
               holder = case when s.ended_at is null then nullif(s.holder, '00000000-0000-0000-0000-000000000000') end,
               status = excluded.status, said_status = excluded.said_status, ended_as = excluded.ended_as,
               message = excluded.message, lent_message = excluded.lent_message, activity = excluded.activity, data = excluded.data
        returning s.room_id, s.user_id, s.session_id, s.joined_at, s.expires_at,
                  presence_private.status_at(s.status, s.status_until, s.typing_until, moment) as status
    ),
    answers as (
        select r.item, coalesce(l.outcome, 'busy') as outcome, r.session_id, coalesce(n.hides, false) as hides,
               w.status, w.joined_at, w.expires_at
          from unnest(rest) r
          left join limited l on l.room_id = r.room_id and l.user_id = r.user_id and l.session_id = r.session_id
          left join next n on n.item = l.item
          left join written w on w.room_id = r.room_id and w.user_id = r.user_id and w.session_id = r.session_id
    )
    select (select array_agg(row(a.item, a.outcome, a.session_id,
                                 case when a.hides then 'invisible' else a.status end,
                                 case when not a.hides then a.joined_at end,
                                 case when not a.hides then a.expires_at end)::presence_private.beat) from answers a),
           (select array_agg(row(n.room_id, n.user_id, case when n.hides then 'left' end,
                                 case when n.hides then moment end)::presence_private.touch)
              from next n where n.alive or not n.hides)
      into beats, touched;

    if touched is not null then
        perform presence_private.settle(touched, moment);
    end if;
    return query select * from unnest(beats);
end
$$;
comment on function presence_private.change_sessions is 'heartbeats that are no plain renewal, under their rooms'' locks; one outcome an item';

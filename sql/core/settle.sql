-- Makes member, room and change agree with session again, for the members touched: the only writer of what people
-- see. The caller holds the rooms' locks, and calls this in a statement after the one that changed the sessions.
--
-- Touched with reason 'reads differently': the application's own words of the member (role, name, picture) may have
-- changed, which stand in no table of ours, so the member counts as updated.
--
-- The merge: status by typing > busy > in_meeting > active > idle > away, status_until of the session that wins,
-- message, activity and data of the session that changed them last.
--
-- Edges, which say who came and went, are written only where somebody wants them; see presence_private.note_edges.
create or replace function presence_private.settle(touched presence_private.touch[], moment timestamptz)
    returns integer
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    changes integer;
    turns   presence_private.touch[];
begin
    with who as materialized (
        select t.room_id, t.user_id,
               (array_agg(t.reason order by t.seen_at desc) filter (where t.reason <> 'reads differently'))[1] as reason,
               max(t.seen_at) as seen_at,
               coalesce(bool_or(t.reason = 'reads differently'), false) as rereads
          from unnest(settle.touched) t
         group by t.room_id, t.user_id
    ),
    merged as materialized (
        select w.room_id, w.user_id, w.reason, w.seen_at, w.rereads, g.sessions,
               case when (g.speaker).typing_until is null then (g.speaker).status else 'typing' end as status,
               case when (g.speaker).typing_until is null then (g.speaker).status_until end as status_until,
               (g.teller).message, (g.teller).activity, (g.teller).data, g.since
          from who w
         cross join lateral (
               select count(*)::integer as sessions, min(s.joined_at) as since,   -- before now: put back after a loss
                      (array_agg(s order by s.typing_until is null,
                                            array_position(array['busy', 'in_meeting', 'active', 'idle', 'away'], s.status),
                                            s.status_until desc nulls first, s.session_id))[1] as speaker,
                      (array_agg(s order by s.changed_at desc nulls last, s.session_id))[1] as teller
                 from presence_private.session s
                where s.room_id = w.room_id and s.user_id = w.user_id and s.ended_at is null
               ) g
    ),
    verdict as materialized (
        select n.*, m.joined_at, n.sessions is distinct from m.sessions as recounted,
               case
                   when n.sessions > 0 and m.user_id is null then 'join'
                   when n.sessions = 0 and m.user_id is not null then 'leave'
                   when n.sessions > 0 and n.rereads then 'update'
                   when n.sessions > 0 and (n.status, n.status_until, n.message, n.activity, n.data)
                        is distinct from (m.status, m.status_until, m.message, m.activity, m.data) then 'update'
               end as what
          from merged n
          left join presence_private.member m on m.room_id = n.room_id and m.user_id = n.user_id
    ),
    shown as (
        insert into presence_private.member as m
               (joined_at, status_until, sessions, room_id, user_id, status, message, activity, data)
        select v.since, v.status_until, v.sessions, v.room_id, v.user_id, v.status, v.message, v.activity, v.data
          from verdict v
         where v.sessions > 0 and (v.what is not null or v.recounted)
            on conflict (room_id, user_id) do update
           set status_until = excluded.status_until, sessions = excluded.sessions, status = excluded.status,
               message = excluded.message, activity = excluded.activity, data = excluded.data
    ),
    hidden as (
        delete from presence_private.member m
         using verdict v
         where v.what = 'leave' and m.room_id = v.room_id and m.user_id = v.user_id
    ),
    bumped as (
        update presence_private.room r
           set revision = r.revision + 1, online_count = r.online_count + d.delta
          from (select v.room_id, sum(case v.what when 'join' then 1 when 'leave' then -1 else 0 end)::integer as delta
                  from verdict v
                 where v.what is not null
                 group by v.room_id) d
         where r.room_id = d.room_id
        returning r.room_id, r.revision
    ),
    logged as (
        insert into presence_private.change (revision, at, room_id, user_id, what, reason)
        select b.revision, settle.moment, v.room_id, v.user_id, v.what,
               case v.what when 'leave' then coalesce(v.reason, 'left') end
          from verdict v
          join bumped b on b.room_id = v.room_id
         where v.what is not null
    ),
    visited as (
        insert into presence_private.visit (began_at, ended_at, room_id, user_id, reason)
        select b.began_at, greatest(b.began_at, coalesce(v.seen_at, settle.moment)), v.room_id, v.user_id, coalesce(v.reason, 'left')
          from verdict v
         cross join lateral (
               select coalesce((select l.since from presence_private.last_seen l
                                 where l.room_id = v.room_id and l.user_id = v.user_id and l.reason is null),
                               v.joined_at) as began_at) b
         where v.what = 'leave'
            on conflict do nothing   -- the clock jumped back
    ),
    seen as (   -- who comes back soon after a loss goes on being there
        insert into presence_private.last_seen as l (last_seen_at, since, room_id, user_id, reason)
        select coalesce(v.seen_at, settle.moment), coalesce(v.joined_at, v.since, settle.moment), v.room_id, v.user_id,
               case v.what when 'leave' then coalesce(v.reason, 'left') end
          from verdict v
         where v.what in ('join', 'leave')
         order by v.room_id, v.user_id
            on conflict (room_id, user_id) do update
           set last_seen_at = greatest(l.last_seen_at, excluded.last_seen_at), reason = excluded.reason,
               since = case when l.reason is null then coalesce(l.since, excluded.since)
                            when excluded.reason is null then excluded.since
                            else l.since end
    )
    -- Of those who came or went, whom somebody wants to be told of, with when they were seen here last or are seen no more.
    -- last_seen is read as it was before: who was here at a loss of the unlogged data and is back did not come.
    -- offset 0 keeps each question a look-up by key: nobody reads all watches at a join.
    select count(v.what),
           array_agg(row(v.room_id, v.user_id, case v.what when 'leave' then coalesce(v.reason, 'left') end,
                         case v.what when 'leave' then v.seen_at
                              else (select l.last_seen_at from presence_private.last_seen l
                                     where l.room_id = v.room_id and l.user_id = v.user_id) end)::presence_private.touch)
           filter (where v.what in ('join', 'leave')
                     and ((select w.hooks from presence_private.wanted w)
                          or (v.what = 'join' and exists (select from presence_private.watch w where w.user_id = v.user_id offset 0)))
                     and not (v.what = 'join'
                              and exists (select from presence_private.last_seen l
                                           where l.room_id = v.room_id and l.user_id = v.user_id and l.reason is null offset 0)))
      into changes, turns
      from verdict v;
    if turns is not null then
        perform presence_private.note_edges(turns, settle.moment);
    end if;
    return changes;
end
$$;
comment on function presence_private.settle is 'compares the merge of the touched members'' sessions with what people see, and writes the difference; returns how many changed';

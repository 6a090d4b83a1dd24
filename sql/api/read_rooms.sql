-- Many rooms at once for a node's streams, in ONE statement: what became of each room since a cursor, or the whole of
-- it, and which of the given viewers may still see it.
--
-- Questions come by position: room_ids, epochs, revisions; a null epoch asks for the whole room. The same room may be
-- asked about with several cursors. A cursor of another epoch, ahead of the head, or with a revision missing from the
-- log since, is answered with the whole room; a room of more members than detail_max (null: any number) with its count
-- alone. Viewers come as pairs. A room that none of its viewers may see is answered with a snapshot without a member:
-- nobody is told, and it takes no longer than a room that there is not.
--
-- Rows, question by question:
--   head     what = diff, snapshot or count; epoch, revision, online_count
--   member   what = joined, updated or left (of a diff), present (of a snapshot)
-- and, with question 0:
--   viewer   room_id and user_id of a pair that may see
create or replace function presence.read_rooms(
        room_ids     presence.room_id[],
        epochs       uuid[],
        revisions    bigint[],
        viewer_rooms presence.room_id[],
        viewers      presence.user_id[],
        detail_max   integer[] default null)
    returns table (question integer, kind text, what text, room_id presence.room_id, epoch uuid, revision bigint,
                   online_count integer, user_id presence.user_id, name text, avatar_url text, role text, status text,
                   status_until timestamptz, message text, activity text, data jsonb, joined_at timestamptz,
                   reason text, last_seen_at timestamptz)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off
as $$
#variable_conflict use_column
begin
    return query
    with viewer as materialized (   -- a room at a time: one look-up of the room for all who look at it
        select w.room_id, v.users
          from (select w.room_id, array_agg(w.user_id) as users
                  from unnest(read_rooms.viewer_rooms, read_rooms.viewers) as w(room_id, user_id)
                 group by w.room_id) w
          left join lateral (select array_agg(a.user_id) as users
                               from (select distinct a.user_id from presence_private.room_access() a
                                      where a.room_id = w.room_id and a.user_id = any (w.users)) a) v on true
    ),
    unseen as materialized (
        select v.room_id from viewer v where v.users is null
    ),
    head as materialized (
        select q.question::integer as question, q.room_id, q.revision as since,
               coalesce(r.online_count, 0) > q.detail_max as counts_only,
               q.room_id in (select u.room_id from unseen u) as unseen,
               coalesce(e.epoch, '00000000-0000-0000-0000-000000000000') as epoch,
               coalesce(r.revision, 0) as revision, coalesce(r.online_count, 0) as online_count,
               coalesce(e.epoch = q.epoch and r.revision >= q.revision and r.revision - q.revision <= 1000, false)
               or coalesce(e.epoch = q.epoch and r.room_id is null and q.revision = 0, false) as comparable
          from unnest(read_rooms.room_ids, read_rooms.epochs, read_rooms.revisions, read_rooms.detail_max)
               with ordinality as q(room_id, epoch, revision, detail_max, question)
          left join (select e.epoch from presence_private.epoch e limit 1) e on true
          left join presence_private.room r on r.room_id = q.room_id
    ),
    log as materialized (
        select h.question, h.room_id, c.user_id, c.revision, c.what, c.reason
          from head h
         cross join lateral (
               select c.user_id, c.revision, c.what, c.reason
                 from presence_private.change c
                where c.room_id = h.room_id and c.revision > h.since
               offset 0) c   -- from key to key, also where the plan was made while the log was empty
         where h.comparable and h.counts_only is not true and not h.unseen
    ),
    judged as materialized (
        select h.*,
               case when h.counts_only then 'count'
                    when h.unseen then 'snapshot'
                    when h.comparable and h.revision - h.since = coalesce(k.revisions, 0)
                    then 'diff' else 'snapshot' end as answer
          from head h
          left join (select l.question, count(distinct l.revision) as revisions from log l group by l.question) k
            on k.question = h.question
    ),
    -- who is to be told of, per question, and whether they were there before
    told as (
        select j.question, j.room_id, j.answer, l.user_id,
               (array_agg(l.what order by l.revision))[1] <> 'join' as was,
               (array_agg(l.reason order by l.revision desc))[1] as reason
          from judged j
          join log l on l.question = j.question
         where j.answer = 'diff'
         group by j.question, j.room_id, j.answer, l.user_id
         union all
        select j.question, j.room_id, j.answer, m.user_id, false, null
          from judged j
         cross join lateral (select m.user_id from presence_private.shown m where m.room_id = j.room_id) m
         where j.answer = 'snapshot' and not j.unseen
    )
    select j.question, 'head', j.answer, j.room_id, j.epoch, j.revision, j.online_count,
           null::presence.user_id, null::text, null::text, null::text, null::text, null::timestamptz, null::text,
           null::text, null::jsonb, null::timestamptz, null::text, null::timestamptz
      from judged j
     union all
    select t.question, 'member',
           case when t.answer = 'snapshot' then 'present'
                when m.user_id is null then 'left'
                when t.was then 'updated'
                else 'joined' end,
           t.room_id, null, null, null, t.user_id, u.name, u.avatar_url, p.role, m.status, m.status_until,
           m.message, m.activity, m.data, m.joined_at,
           case when m.user_id is null then t.reason end, case when m.user_id is null then l.last_seen_at end
      from told t
      -- each fenced by a limit, or the generic plan hashes whole tables
      left join lateral (select * from presence_private.member m
                          where m.room_id = t.room_id and m.user_id = t.user_id limit 1) m on true
      left join lateral (select u.name, u.avatar_url from presence_host.users() u
                          where u.user_id = t.user_id and m.user_id is not null limit 1) u on true
      left join lateral (select p.role from presence_host.participants() p
                          where p.room_id = t.room_id and p.user_id = t.user_id and m.user_id is not null limit 1) p on true
      left join lateral (select l.last_seen_at from presence_private.last_seen l
                          where l.room_id = t.room_id and l.user_id = t.user_id and m.user_id is null limit 1) l on true
     where t.was or m.user_id is not null
     union all
    select 0, 'viewer', null, v.room_id, null, null, null, u.user_id, null, null, null, null, null, null, null, null, null, null, null
      from viewer v
     cross join unnest(v.users) as u(user_id);
end
$$;
comment on function presence.read_rooms is
    'for the service: changes since cursors, or whole rooms, and which viewers may see them, in one statement';
grant execute on function presence.read_rooms to presence_service;

-- From joins to notifications: who watches, who of them may know, and who was not told of the same user a moment ago.
--
-- Somebody comes online for one watcher where they come to a room that both may enter, and were in no such room for the
-- grace before. So nobody is told of a room that is closed to them, and nobody misses somebody who was elsewhere before.
-- A watch of one room goes by that room alone.
--
-- At most so many watches at a time, since a call is bounded in time: where that is not all, the join on which it stopped
-- notes how far it came. unfinished: that join; it and what follows is not done. made: the notifications' ids.
-- The caller lets one at a time do this.
create or replace function presence_private.notify_watchers(
        edges presence_private.edge[],
        grace interval,
        out unfinished bigint,
        out made bigint[])
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    watches_max constant integer := 2000;
    looked_to   bigint;
begin
    with asked as materialized (
        select e.edge_id, e.at, e.was_seen_at, e.room_id, e.user_id,
               w.watch_id, w.watcher_id, w.event_id, w.role, w.room_id as only_room, w.quiet,
               w.created_at <= e.at and (w.until_at is null or w.until_at > e.at)
               and (w.room_id is null or w.room_id = e.room_id)
               and (e.was_seen_at is null or e.was_seen_at <= e.at - notify_watchers.grace) as counts
          from unnest(notify_watchers.edges) e
         cross join lateral (
               select * from presence_private.watch w
                where w.user_id = e.user_id and w.watch_id > e.watched_to
                order by w.watch_id
                limit watches_max) w
         where e.what = 'member.joined'
         order by e.edge_id, w.watch_id
         limit watches_max
    ),
    told as materialized (   -- a role is resolved as it is now
        select a.*, t.watcher
          from asked a
         cross join lateral (
               select a.watcher_id as watcher where a.watcher_id is not null
                union
               select p.user_id
                 from presence_host.rooms() h
                 join presence_host.participants() p on p.room_id = h.room_id
                where a.watcher_id is null and h.event_id = a.event_id and p.role = a.role and p.user_id <> a.user_id) t
         where a.counts
    ),
    -- offset 0 keeps each a look-up by key: as joins they read all participants
    judged as materialized (
        select t.*,
               exists (select from presence_private.room_access() a
                        where a.room_id = t.room_id and a.user_id = t.watcher offset 0)
               and exists (select from presence_private.room_access() a
                            where a.room_id = t.room_id and a.user_id = t.user_id offset 0)
               and not exists (select from presence_private.notification n
                                where n.watcher_id = t.watcher and n.user_id = t.user_id and n.at >= t.at - t.quiet offset 0)
               and (t.only_room is not null
                    or not exists (
                       select from presence_private.last_seen l
                        where l.user_id = t.user_id and l.room_id <> t.room_id
                          and (l.since < t.at or (l.since = t.at and l.room_id < t.room_id))
                          and (l.reason is null or l.last_seen_at > t.at - notify_watchers.grace)
                          and exists (select from presence_private.room_access() a
                                       where a.room_id = l.room_id and a.user_id = t.watcher offset 0) offset 0)) as may_know
          from told t
    ),
    written as (
        insert into presence_private.notification (at, watcher_id, user_id, room_id, event_id)
        select o.at, o.watcher, o.user_id, o.room_id,
               (select h.event_id from presence_host.rooms() h where h.room_id = o.room_id limit 1)
          from (select distinct on (j.watcher, j.user_id) j.*
                  from judged j
                 where j.may_know
                 order by j.watcher, j.user_id, j.edge_id) o
         order by o.edge_id, o.watcher
        returning notification_id
    )
    select (select array_agg(w.notification_id order by w.notification_id) from written w),
           case when count(*) = watches_max then max(a.edge_id) end,
           (array_agg(a.watch_id order by a.edge_id desc, a.watch_id desc))[1]
      into made, unfinished, looked_to
      from asked a;
    if unfinished is not null then
        update presence_private.edge e set watched_to = looked_to where e.edge_id = unfinished;
    end if;
    if made is not null then
        -- a name like that of a room, which tells nobody who it was
        perform pg_notify('presence', (
            select substr(encode(sha256(s.key || '\x006e6f74696669636174696f6e'), 'hex'), 1, 16)
              from presence_private.secret s where s.kind = 'ring' order by s.made_at desc limit 1));
    end if;
end
$$;
comment on function presence_private.notify_watchers is 'writes the notifications of those who watch whoever came, and rings; returns where it stopped, and the ids of what it wrote';

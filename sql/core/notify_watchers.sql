-- From joins to notifications: who watches, who of them may know, and who was not told of the same user a moment ago.
--
-- Somebody comes online for one watcher where they come to a room that both may enter, and were in no such room for the
-- grace before. So nobody is told of a room that is closed to them, and nobody misses somebody who was elsewhere before.
-- A watch of one room goes by that room alone.
--
-- A call is bounded in time: join by join, it looks at max_people watches and people at most, however many a role has.
-- Where that is not all, the join on which it stopped notes how far it came, by watch and within it by user id.
-- unfinished: that join; it and what follows is not done. made: the notifications' ids.
-- The caller lets one at a time do this.
create or replace function presence_private.notify_watchers(
        edges      presence_private.edge[],
        grace      interval,
        max_people integer,
        out unfinished bigint,
        out made bigint[])
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    rest   integer := notify_watchers.max_people;
    joined presence_private.edge;
    told   record;
begin
    -- whoever was in this room within the grace did not come; whoever may not enter it is shown to nobody
    for joined in
        select e.*
          from unnest(notify_watchers.edges) e
         where e.what = 'member.joined'
           and (e.was_seen_at is null or e.was_seen_at <= e.at - notify_watchers.grace)
           and exists (select from presence_private.watch w where w.user_id = e.user_id offset 0)
           and exists (select from presence_private.room_access() a
                        where a.room_id = e.room_id and a.user_id = e.user_id offset 0)
         order by e.edge_id
    loop
        if rest <= 0 then
            unfinished := joined.edge_id;
            exit;
        end if;
        select * into told from presence_private.notify_of(joined, notify_watchers.grace, rest);
        made := made || told.made;
        rest := rest - told.cost;
        if told.watched_to is not null then
            update presence_private.edge e
               set watched_to = told.watched_to, told_to = told.told_to
             where e.edge_id = joined.edge_id;
            unfinished := joined.edge_id;
            exit;
        end if;
    end loop;
    if made is not null then
        -- a name like that of a room, which tells nobody who it was
        perform pg_notify('presence', (
            select substr(encode(sha256(s.key || '\x006e6f74696669636174696f6e'), 'hex'), 1, 16)
              from presence_private.secret s where s.kind = 'ring' order by s.made_at desc limit 1));
    end if;
end
$$;
comment on function presence_private.notify_watchers is 'writes the notifications of those who watch whoever came, and rings; returns where it stopped, and the ids of what it wrote';

-- Of one join: at most max_people of those who are told, from where it stopped before. watched_to, told_to: where it
-- stops now; null: that was all. cost: in people; that a role is resolved costs as much as five hundred, since all who take
-- part in the event may be read for it.
-- No sequential scans: a plan that was made while notifications were few would read all of them for each watcher.
create or replace function presence_private.notify_of(
        joined     presence_private.edge,
        grace      interval,
        max_people integer,
        out made bigint[],
        out watched_to bigint,
        out told_to presence.user_id,
        out cost integer)
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
    set enable_seqscan = off
as $$
#variable_conflict use_column
declare
    came    constant timestamptz := joined.at;
    who     constant presence.user_id := joined.user_id;
    room    constant presence.room_id := joined.room_id;
    begun   constant bigint := joined.watched_to;
    after   constant presence.user_id := joined.told_to;
    of_room constant presence.event_id := (select h.event_id from presence_host.rooms() h where h.room_id = joined.room_id limit 1);
    people  integer;
    watches integer;
    last    bigint;
    is_all  boolean;
begin
    with looked as materialized (
        select w.watch_id, w.watcher_id, w.event_id, w.role, w.room_id is not null as only_here, w.quiet,
               w.created_at <= came and (w.until_at is null or w.until_at > came)
               and (w.room_id is null or w.room_id = room) as counts
          from presence_private.watch w
         where w.user_id = who and w.watch_id >= begun and (w.watch_id > begun or after is not null)
         order by w.watch_id
         limit notify_of.max_people
    ),
    asked as materialized (
        select l.*, count(*) filter (where l.counts and l.watcher_id is null) over (order by l.watch_id) as roles
          from looked l
    ),
    found as materialized (   -- a role is resolved as it is now
        select a.watch_id, t.watcher, a.only_here, a.quiet
          from (select * from asked a where a.counts and a.roles <= 4 order by a.watch_id) a
         cross join lateral (
               select a.watcher_id as watcher where a.watcher_id is not null and (a.watch_id > begun or a.watcher_id > after)
                union all
               (select distinct p.user_id
                  from presence_host.rooms() h
                  join presence_host.participants() p on p.room_id = h.room_id
                 where a.watcher_id is null and h.event_id = a.event_id and p.role = a.role and p.user_id <> who
                   and (a.watch_id > begun or p.user_id > after)
                 order by p.user_id
                 limit notify_of.max_people)) t
         order by a.watch_id, t.watcher
         limit notify_of.max_people
    ),
    -- offset 0 keeps each a look-up by key: as joins they read all participants
    written as (
        insert into presence_private.notification (at, watcher_id, user_id, room_id, event_id)
        select distinct on (f.watcher) came, f.watcher, who, room, of_room
          from found f
         where exists (select from presence_private.room_access() a
                        where a.room_id = room and a.user_id = f.watcher offset 0)
           and not exists (select from presence_private.notification n
                            where n.watcher_id = f.watcher and n.user_id = who and n.at >= came - f.quiet offset 0)
           and (f.only_here
                or not exists (
                   select from presence_private.last_seen l
                    where l.user_id = who and l.room_id <> room
                      and (l.since < came or (l.since = came and l.room_id < room))
                      and (l.reason is null or l.last_seen_at > came - notify_of.grace)
                      and exists (select from presence_private.room_access() a
                                   where a.room_id = l.room_id and a.user_id = f.watcher offset 0) offset 0))
         order by f.watcher
        returning notification_id
    )
    select (select array_agg(w.notification_id order by w.notification_id) from written w),
           l.people, l.watch_id, l.watcher, k.watches, k.watch_id, k.is_all,
           greatest(l.people, k.watches) + 500 * k.roles
      into made, people, last, told_to, watches, watched_to, is_all, cost
      from (select count(*) as people, max(f.watch_id) as watch_id,
                   (array_agg(f.watcher order by f.watch_id desc, f.watcher desc))[1] as watcher
              from found f) l,
           (select count(*) as watches, max(a.watch_id) filter (where a.roles <= 4) as watch_id,
                   coalesce(least(max(a.roles), 4), 0) as roles, coalesce(max(a.roles) <= 4, true) as is_all
              from asked a) k;
    if people = notify_of.max_people then
        watched_to := last;
    else
        told_to := null;
        if is_all and watches < notify_of.max_people then
            watched_to := null;
        end if;
    end if;
end
$$;
comment on function presence_private.notify_of is 'writes notifications of one join, at most max_people of those who are told; returns their ids, and where it stopped';

-- Visits: what is kept of presences that ended, for how long, and what a crash left open.

-- Makes the partitions of today and the next 7 days, and drops those that are older than the retention.
-- Returns whether it made or dropped any: the caller commits soon then, since others wait for its locks.
-- A lock that cannot be had at once is left for another time: a backup must not stop anybody's leave.
create or replace function presence_private.keep_history(moment timestamptz)
    returns boolean
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
    set lock_timeout = '100ms'
    set timezone = 'UTC'
    set datestyle = 'ISO'
as $$
declare
    day     date;
    part    name;
    kept    constant interval := (select k.retention from presence_private.setting k);
    changed boolean := false;
begin
    for day in select moment::date + n from generate_series(0, 7) n loop
        part := 'visit_' || to_char(day, 'YYYYMMDD');
        continue when to_regclass(format('presence_private.%I', part)) is not null;
        if not changed then
            lock table presence_private.visit_default in access exclusive mode;
        end if;
        changed := true;
        execute format('create table presence_private.%I (like presence_private.visit including all)', part);
        execute format('comment on table presence_private.%I is %L', part, 'visits that ended on ' || day || ' (UTC)');
        execute format('with late as (delete from presence_private.visit_default where ended_at >= %L and ended_at < %L returning *)
                        insert into presence_private.%I select * from late', day, day + 1, part);
        execute format('alter table presence_private.visit attach partition presence_private.%I for values from (%L) to (%L)',
                       part, day, day + 1);
    end loop;
    for part in
        select c.relname
          from pg_inherits i
          join pg_class c on c.oid = i.inhrelid
         where i.inhparent = 'presence_private.visit'::regclass
           and c.relname < 'visit_' || to_char((moment - kept)::date, 'YYYYMMDD')
    loop
        execute format('drop table presence_private.%I', part);
        changed := true;
    end loop;
    delete from presence_private.visit_default v where v.ended_at < moment - kept;
    update presence_private.alive set keep_at = moment + interval '1 hour';
    return changed;
exception
    when lock_not_available then
        update presence_private.alive set keep_at = moment + interval '1 minute';
        return false;
end
$$;
comment on function presence_private.keep_history is 'makes partitions of visits for a week ahead and drops what is older than the retention; returns whether it did any of it';

do $$ begin perform presence_private.keep_history(clock_timestamp()); end $$;

-- Ends the presences that a loss of the unlogged data left open, of those who did not come back: at the last moment at
-- which the reaper is known to have been alive. At most max_rows at a time.
-- It waits for nobody: it holds rows of last_seen, without their rooms, and skips those that somebody else holds.
create or replace function presence_private.close_lost(max_rows integer, moment timestamptz)
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    lost   constant timestamptz := (select a.lost_at from presence_private.alive a);
    picked presence_private.touch[];
    ended  presence_private.touch[];
begin
    select array_agg(row(p.room_id, p.user_id, null, null)::presence_private.touch)
      into picked
      from (select l.room_id, l.user_id
              from presence_private.last_seen l
             where l.reason is null
               and not exists (select from presence_private.member m where m.room_id = l.room_id and m.user_id = l.user_id)
             limit close_lost.max_rows
               for update skip locked) p;
    if picked is null then
        update presence_private.alive set lost_at = null, close_at = null;
        return;
    end if;
    -- a statement of its own: whoever came before these rows were held is seen now, and whoever comes later begins anew
    with over as (
        update presence_private.last_seen l
           set last_seen_at = greatest(l.last_seen_at, lost), reason = 'expired', since = coalesce(l.since, l.last_seen_at)
          from unnest(picked) p
         where l.room_id = p.room_id and l.user_id = p.user_id and l.reason is null
           and not exists (select from presence_private.member m where m.room_id = l.room_id and m.user_id = l.user_id)
        returning l.since, l.last_seen_at, l.room_id, l.user_id
    ),
    visited as (
        insert into presence_private.visit (began_at, ended_at, room_id, user_id, reason)
        select least(o.since, o.last_seen_at), o.last_seen_at, o.room_id, o.user_id, 'expired'
          from over o
            on conflict do nothing
    )
    select array_agg(row(o.room_id, o.user_id, 'expired', o.last_seen_at)::presence_private.touch) into ended from over o;
    if ended is not null then
        perform presence_private.note_lost(ended, moment);
    end if;
end
$$;
comment on function presence_private.close_lost is 'ends what a loss of the unlogged data left open, one TTL later';

-- What has begun and not ended, by the clock: right also where no reaper runs. Of whom a loss left open, and who has not
-- come back, it tells the last moment at which the reaper was alive: as noted with the epoch, or before there is one.
create or replace view presence_private.open as
select l.room_id, l.user_id, coalesce(l.since, l.last_seen_at) as began_at, s.live,
       greatest(l.last_seen_at,
                coalesce(s.beat_at, case when exists (select from presence_private.epoch) then a.lost_at else a.alive_at end)) as seen_at
  from presence_private.last_seen l
 cross join presence_private.alive a
 cross join lateral (select coalesce(bool_or(x.expires_at > statement_timestamp()), false) as live, max(x.beat_at) as beat_at
                       from presence_private.session x
                      where x.room_id = l.room_id and x.user_id = l.user_id and x.ended_at is null) s
 where l.reason is null;
comment on view presence_private.open is 'presences that nobody ended; live: still renewed; seen_at: the last sign of life';

create or replace view presence_private.stay as
select v.room_id, v.user_id, v.began_at, v.ended_at, v.reason
  from presence_private.visit v
 union all
select o.room_id, o.user_id, o.began_at, case when o.live then 'infinity' else o.seen_at end, case when not o.live then 'expired' end
  from presence_private.open o;
comment on view presence_private.stay is 'who was where from when to when; ended_at is infinity and reason null for who is here';

-- Of those who were here when the unlogged data was lost and have not come back yet: the moment of the loss.
-- Inlined by the planner, hence no SET clause.
create or replace function presence_private.seen_at(last_seen_at timestamptz, reason text)
    returns timestamptz
    language sql stable
as $$
    select greatest(last_seen_at,
                    case when reason is null
                         then (select case when exists (select from presence_private.epoch) then a.lost_at else a.alive_at end
                                 from presence_private.alive a) end)
$$;
comment on function presence_private.seen_at is 'when somebody was last seen, as far as committed changes tell, also right after a loss';

-- How many were there at once: a sweep over the edges of all presences. People are counted once, in however many of
-- the rooms they are.
create or replace function presence_private.occupancy(room_ids presence.room_id[], from_at timestamptz, to_at timestamptz)
    returns table (peak integer, peak_at timestamptz, average double precision, people integer)
    language plpgsql stable
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    until_at constant timestamptz := least(coalesce(occupancy.to_at, statement_timestamp()), statement_timestamp());
    since_at constant timestamptz := coalesce(occupancy.from_at, until_at - interval '24 hours');
begin
    if since_at >= coalesce(occupancy.to_at, statement_timestamp()) then
        raise exception 'from_at must be before to_at' using errcode = 'PR400', hint = 'without them: the last 24 hours';
    elsif not (isfinite(since_at) and isfinite(until_at)) then
        raise exception 'from_at and to_at must be moments' using errcode = 'PR400', hint = 'without them: the last 24 hours';
    end if;
    return query
    with present as (
        select s.user_id, range_agg(tstzrange(greatest(s.began_at, since_at), least(s.ended_at, until_at))) as times
          from presence_private.stay s
         where s.room_id = any (occupancy.room_ids) and s.ended_at > since_at and s.began_at < until_at
         group by s.user_id
    ),
    edges as (
        select e.at, sum(e.step) as step
          from present p
         cross join lateral unnest(p.times) as t(span)
         cross join lateral (values (lower(t.span), 1), (upper(t.span), -1)) as e(at, step)
         group by e.at
    ),
    levels as (
        select e.at, sum(e.step) over (order by e.at) as level,
               extract(epoch from lead(e.at) over (order by e.at) - e.at) as lasts
          from edges e
    )
    select coalesce(max(l.level), 0)::integer, (array_agg(l.at order by l.level desc, l.at) filter (where l.level > 0))[1],
           coalesce(sum(l.level * l.lasts)::double precision / nullif(extract(epoch from until_at - since_at), 0), 0)::double precision,
           (select count(*)::integer from present)
      from levels l;
end
$$;
comment on function presence_private.occupancy is 'peak and average of unique people at once in some rooms, and how many there were';

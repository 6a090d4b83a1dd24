-- What the reaper does while nobody else is at it.
--
-- One scan finds what is due: leases past their end, statuses and typing past theirs, remembered ends that may be
-- forgotten, leases beyond now + TTL (the clock jumped back). A session that is being renewed is skipped: it is not
-- dead. So is one whose room is locked: the next call finds it again.
-- It also keeps the diary: that it is alive, what a loss left open, and the partitions of history.

-- Whether a lease that ran out is over: clients need one interval to renew after the server was away, and whoever was
-- heard of since had it. Inlined by the planner, hence no SET clause.
create or replace function presence_private.is_over(expires_at timestamptz, beat_at timestamptz, moment timestamptz, heartbeat interval)
    returns boolean
    language sql stable
as $$
    select expires_at <= moment
           and (beat_at > pg_catalog.pg_postmaster_start_time() or moment > pg_catalog.pg_postmaster_start_time() + heartbeat)
$$;
comment on function presence_private.is_over is 'whether a lease that ran out may be ended: nobody is within one heartbeat of the server''s start who was not heard of since';

create or replace function presence_private.end_due(max_rows integer, moment timestamptz)
    returns integer
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    knobs   presence_private.setting;
    diary   presence_private.alive;
    due     tid[];
    all_due boolean := true;
    rooms   presence.room_id[];
    locked  presence.room_id[];
    touched presence_private.touch[];
    ended   integer := 0;
begin
    select * into knobs from presence_private.setting;
    select * into diary from presence_private.alive;
    if diary.alive_at not between moment - interval '8 seconds' and moment then
        update presence_private.alive set alive_at = moment;
        perform presence_private.forget_told(moment);
    end if;
    if diary.keep_at <= moment or diary.keep_at > moment + interval '2 hours' then
        if presence_private.keep_history(moment) then
            return 0;   -- others wait for its locks: sessions are the next call's
        end if;
    end if;
    if diary.close_at <= moment then
        perform presence_private.close_lost(end_due.max_rows, moment);
    end if;
    perform presence_private.keep_own_statuses(end_due.max_rows, moment);

    with found as materialized (
        select s.ctid as tid, s.room_id, s.ended_at is null as alive
          from presence_private.session s
         where s.expires_at <= moment
            or s.status_until <= moment
            or s.typing_until <= moment
            or (s.expires_at > moment + knobs.ttl and s.ended_at is null)
         limit end_due.max_rows
           for no key update skip locked
    )
    select array_agg(f.tid), array_agg(distinct f.room_id) filter (where f.alive), count(*) < end_due.max_rows
      into due, rooms, all_due
      from found f;

    if due is not null then
        locked := coalesce(presence_private.lock_rooms(rooms, false), '{}');
        all_due := all_due and cardinality(locked) = coalesce(cardinality(rooms), 0);
        with mine as materialized (
            select s.ctid as tid, s.*,
                   case when s.ended_at is null then presence_private.is_over(s.expires_at, s.beat_at, moment, knobs.heartbeat)
                        else s.expires_at <= moment end as over,
                   case when s.said_until <= moment then 'active' else coalesce(s.said_status, 'active') end as falls_to
              from presence_private.session s
             where s.ctid = any (due)
               and (s.ended_at is not null or s.room_id = any (locked))
        ),
        gone as (
            delete from presence_private.session s
             using mine m
             where s.ctid = m.tid and m.over
            returning s.room_id, s.user_id, m.ended_at is null as alive, m.beat_at,
                      case when m.holder = '00000000-0000-0000-0000-000000000000' then 'disconnected' else 'expired' end as reason
        ),
        settled as (
            update presence_private.session s
               set status = case when m.status_until <= moment then m.falls_to else m.status end,
                   status_until = case when m.status_until <= moment then case when m.said_until > moment then m.said_until end
                                       else m.status_until end,
                   said_status = case when m.status_until <= moment then null else m.said_status end,
                   said_until = case when m.status_until <= moment then null else m.said_until end,
                   typing_until = case when m.typing_until > moment then m.typing_until end,
                   expires_at = least(m.expires_at, moment + knobs.ttl)
              from mine m
             where s.ctid = m.tid and not m.over
               and (m.status_until <= moment or m.typing_until <= moment or m.expires_at > moment + knobs.ttl)
            returning s.room_id, s.user_id
        )
        select array_agg(t.touch), count(*) filter (where t.alive)
          into touched, ended
          from (select row(g.room_id, g.user_id, g.reason, g.beat_at)::presence_private.touch as touch, g.alive
                  from gone g where g.alive
                 union all
                select row(u.room_id, u.user_id, null, null)::presence_private.touch, false from settled u) t;
        if touched is not null then
            perform presence_private.settle(touched, moment);
        end if;
    end if;

    if all_due then
        update presence_private.epoch e
           set reaped_at = moment
         where e.ctid = any (array(select x.ctid from presence_private.epoch x for no key update skip locked));
    end if;
    -- whole revisions at a time: all rows of one carry the same moment
    delete from presence_private.change c where c.at < moment - interval '2 minutes';
    -- nodes that are long silent
    delete from presence_private.node n where n.seen_at not between moment - interval '5 minutes' and moment + interval '5 minutes';
    return ended;
end
$$;
comment on function presence_private.end_due is 'ends what is due, and keeps the diary; returns how many sessions ended';

-- What became of some rooms in the last hours: how many people, who, when the most, and a curve.
create or replace function presence_private.activity(room_ids presence.room_id[], hours integer)
    returns setof presence.activity
    language plpgsql stable
    set search_path = pg_catalog, pg_temp
    set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
    people_max constant integer := 1000;
    until_at   constant timestamptz := statement_timestamp();
    since_at   constant timestamptz := until_at - make_interval(hours => activity.hours);
    points     constant integer := least(greatest(activity.hours, 24), 48);   -- a point an hour, and no fewer than 24
    step       constant interval := (until_at - since_at) / points;
begin
    return query
    select 'whole', null::presence.room_id, null, null::presence.user_id, null, null, null::timestamptz, null::boolean,
           o.peak_at, o.peak, o.average, o.people
      from presence_private.occupancy(activity.room_ids, since_at, until_at) o;
    return query
    select 'room', r.room_id, h.name, null::presence.user_id, null, null, null::timestamptz, null::boolean,
           o.peak_at, o.peak, o.average, o.people
      from unnest(activity.room_ids) as r(room_id)
     cross join lateral presence_private.occupancy(array[r.room_id], since_at, until_at) o
      left join lateral (select h.name from presence_host.rooms() h where h.room_id = r.room_id limit 1) h on true
     order by h.name, r.room_id;
    return query
    select 'person', null::presence.room_id, null, p.user_id, u.name, u.avatar_url, p.last_seen_at, p.online,
           null::timestamptz, null::integer, null::double precision, null::integer
      from (select a.user_id, max(presence_private.seen_at(l.last_seen_at, l.reason)) as last_seen_at, bool_or(m.user_id is not null) as online
              from (select distinct s.room_id, s.user_id
                      from presence_private.stay s
                     where s.room_id = any (activity.room_ids) and s.ended_at > since_at and s.began_at < until_at) a
              left join lateral (select l.last_seen_at, l.reason from presence_private.last_seen l
                                  where l.room_id = a.room_id and l.user_id = a.user_id limit 1) l on true
              left join lateral (select m.user_id from presence_private.shown m
                                  where m.room_id = a.room_id and m.user_id = a.user_id limit 1) m on true
             group by a.user_id
             order by online desc, last_seen_at desc, a.user_id
             limit people_max) p
      left join lateral (select u.name, u.avatar_url from presence_host.users() u where u.user_id = p.user_id limit 1) u on true
     order by p.online desc, p.last_seen_at desc, p.user_id;
    return query
    select 'point', null::presence.room_id, null, null::presence.user_id, null, null, null::timestamptz, null::boolean,
           since_at + n * step, count(distinct c.user_id)::integer, null::double precision, null::integer
      from generate_series(1, points) n
      left join (select s.user_id, covered
                   from presence_private.stay s
                  cross join lateral generate_series(   -- the points in it
                        greatest(ceil(extract(epoch from s.began_at - since_at) / extract(epoch from step))::integer, 1),
                        case when s.ended_at >= until_at then points
                             else ceil(extract(epoch from s.ended_at - since_at) / extract(epoch from step))::integer - 1 end) covered
                  where s.room_id = any (activity.room_ids) and s.ended_at > since_at and s.began_at <= until_at) c on c.covered = n
     group by n
     order by n;
end
$$;
comment on function presence_private.activity is 'what became of some rooms in the last hours; see the type presence.activity';

create or replace function presence_private.check_hours(hours integer)
    returns void
    language plpgsql stable
    set search_path = pg_catalog, pg_temp
as $$
declare
    hours_max constant integer := least(168, (select extract(epoch from k.retention) / 3600 from presence_private.setting k));
begin
    if check_hours.hours is null or check_hours.hours not between 1 and hours_max then
        raise exception 'hours must be 1 to %', hours_max using errcode = 'PR400',
            hint = 'a week at most, and no more than the retention of presence.configure()';
    end if;
end
$$;
comment on function presence_private.check_hours is 'refuses hours that are none, too many, or longer than history is kept';

-- The dashboard of an event for one viewer: every person who may enter one of the rooms that the viewer may see.
create or replace function presence.event_snapshot(viewer presence.user_id, event_id presence.event_id)
    returns table (event_name text, coordinator_id presence.user_id, online_count integer,
                   room_id presence.room_id, room_name text, kind text, room_online_count integer,
                   user_id presence.user_id, name text, avatar_url text, role text, online boolean,
                   status text, status_until timestamptz, message text, activity text, data jsonb,
                   joined_at timestamptz, last_seen_at timestamptz)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
    return query
    with visible as materialized (
        select h.room_id, h.name, h.kind
          from presence_host.rooms() h
         where h.event_id = event_snapshot.event_id
           and exists (select from presence_private.room_access() a
                        where a.room_id = h.room_id and a.user_id = event_snapshot.viewer)
    ),
    people as materialized (
        select v.room_id, a.user_id, a.role, m.user_id is not null as online,
               m.status, m.status_until, m.message, m.activity, m.data, m.joined_at
          from visible v
         cross join lateral (select distinct on (a.user_id) a.user_id, a.role from presence_private.room_access() a
                              where a.room_id = v.room_id order by a.user_id) a
          left join lateral (
               select * from presence_private.shown m
                where m.room_id = v.room_id and m.user_id = a.user_id
                limit 1) m on true
    )
    select e.name, e.coordinator_id, (select count(distinct o.user_id)::integer from people o where o.online),
           v.room_id, v.name, v.kind, (count(*) filter (where p.online) over (partition by v.room_id))::integer,
           p.user_id, u.name, u.avatar_url, p.role, coalesce(p.online, false), p.status, p.status_until,
           p.message, p.activity, p.data, p.joined_at, l.last_seen_at
      from visible v
      left join lateral (select e.name, e.coordinator_id from presence_host.events() e
                          where e.event_id = event_snapshot.event_id limit 1) e on true
      left join people p on p.room_id = v.room_id
      left join lateral (select u.name, u.avatar_url from presence_host.users() u
                          where u.user_id = p.user_id limit 1) u on true
      left join lateral (select presence_private.seen_at(l.last_seen_at, l.reason) as last_seen_at from presence_private.last_seen l
                          where l.room_id = p.room_id and l.user_id = p.user_id limit 1) l on true
     order by v.name, v.room_id, p.user_id;
end
$$;
comment on function presence.event_snapshot is
    'an event as a viewer sees it: one row a room and person, only rooms that the viewer may enter; online_count counts unique people; no row: nothing that the viewer may see';
grant execute on function presence.event_snapshot to presence_service, presence_app;

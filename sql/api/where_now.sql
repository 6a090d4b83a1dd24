-- Where a person is, as far as one viewer may know: through rooms that both may enter.
create or replace function presence.where_now(viewer presence.user_id, user_id presence.user_id)
    returns table (whom presence.user_id, name text, avatar_url text, room_id presence.room_id, online boolean,
                   status text, last_seen_at timestamptz)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
    return query
    select where_now.user_id, u.name, u.avatar_url, b.room_id, m.status is not null, m.status, l.last_seen_at
      from (select distinct a.room_id
              from presence_private.room_access() a
             where a.user_id = where_now.user_id
               and exists (select from presence_private.room_access() v
                            where v.room_id = a.room_id and v.user_id = where_now.viewer)
             union all
            select null::presence.room_id where where_now.viewer = where_now.user_id) b
      left join lateral (select u.name, u.avatar_url from presence_host.users() u
                          where u.user_id = where_now.user_id limit 1) u on true
      left join lateral (
           select m.status from presence_private.shown m
            where m.room_id = b.room_id and m.user_id = where_now.user_id
            limit 1) m on true
      left join lateral (select presence_private.seen_at(l.last_seen_at, l.reason) as last_seen_at from presence_private.last_seen l
                          where l.room_id = b.room_id and l.user_id = where_now.user_id limit 1) l on true
     order by b.room_id;
end
$$;
comment on function presence.where_now is
    'where a user is: one row a room that the viewer may enter too; of oneself also one row without a room; no row: nobody that the viewer may know of';
grant execute on function presence.where_now to presence_service, presence_app;

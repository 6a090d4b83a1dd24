-- Participants who may enter, are not here, and were seen: the grey faces beside a room's members.
create or replace function presence.absent_members(viewer presence.user_id, room_id presence.room_id, max_rows integer default 20)
    returns table (user_id presence.user_id, name text, avatar_url text, role text, last_seen_at timestamptz)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
begin
    return query
    select a.user_id, u.name, u.avatar_url, a.role, presence_private.seen_at(l.last_seen_at, l.reason) as last_seen_at
      from presence_private.last_seen l
     cross join lateral (select a.user_id, a.role from presence_private.room_access() a
                          where a.room_id = l.room_id and a.user_id = l.user_id limit 1) a
      left join lateral (select u.name, u.avatar_url from presence_host.users() u
                          where u.user_id = l.user_id limit 1) u on true
     where l.room_id = absent_members.room_id
       and exists (select from presence_private.room_access() v
                    where v.room_id = absent_members.room_id and v.user_id = absent_members.viewer)
       and not exists (select from presence_private.member m where m.room_id = l.room_id and m.user_id = l.user_id)
     order by last_seen_at desc, l.user_id
     limit case when absent_members.max_rows > 0 then absent_members.max_rows when absent_members.max_rows <= 0 then 0 end;
end
$$;
comment on function presence.absent_members is 'participants of a room who may enter, are absent and were seen, the latest first; no row where the viewer may not enter';
grant execute on function presence.absent_members to presence_service, presence_app;

-- Who was in a room from when to when: "who was there at 14:05".
create or replace function presence.visits(
        room_id presence.room_id,
        from_at timestamptz default null,
        to_at   timestamptz default null)
    returns table (user_id presence.user_id, began_at timestamptz, ended_at timestamptz, reason text)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
begin
    return query
    select s.user_id, s.began_at, nullif(s.ended_at, 'infinity'), s.reason
      from presence_private.stay s
     where s.room_id = visits.room_id
       and s.ended_at > coalesce(visits.from_at, coalesce(visits.to_at, statement_timestamp()) - interval '24 hours')
       and s.began_at <= coalesce(visits.to_at, statement_timestamp())
     order by s.began_at, s.user_id;
end
$$;
comment on function presence.visits is
    'who was in a room at any time between from_at (default: 24 hours before to_at) and to_at (default: now); ended_at and reason are null for who is here';
grant execute on function presence.visits to presence_service, presence_app;

-- Who was in a room at a moment: "who was there at 14:05".
create or replace function presence.members_at(room_id presence.room_id, at timestamptz default null)
    returns table (user_id presence.user_id, began_at timestamptz, ended_at timestamptz, reason text)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    moment constant timestamptz := least(coalesce(members_at.at, statement_timestamp()), statement_timestamp());
begin
    return query
    select s.user_id, s.began_at, nullif(s.ended_at, 'infinity'), s.reason
      from presence_private.stay s
     where s.room_id = members_at.room_id
       and s.began_at <= moment
       and s.ended_at > moment
     order by s.began_at, s.user_id;
end
$$;
comment on function presence.members_at is
    'who was in a room at a moment (default, and at most: now), and from when to when; ended_at and reason are null for who is here';
grant execute on function presence.members_at to presence_service, presence_app;

-- How full a room was.
create or replace function presence.room_occupancy(
        room_id presence.room_id,
        from_at timestamptz default null,
        to_at   timestamptz default null)
    returns table (peak integer, peak_at timestamptz, average double precision, people integer)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
begin
    return query
    select * from presence_private.occupancy(array[room_occupancy.room_id], from_at, to_at);
end
$$;
comment on function presence.room_occupancy is
    'how full a room was between from_at (default: 24 hours before to_at) and to_at (default: now): the most members at once and when that was first so, the average over the time, and how many people in all; one row';
grant execute on function presence.room_occupancy to presence_service, presence_app;

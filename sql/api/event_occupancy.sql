-- How full an event was, over all its rooms; people are counted once.
create or replace function presence.event_occupancy(
        event_id presence.event_id,
        from_at  timestamptz default null,
        to_at    timestamptz default null)
    returns table (peak integer, peak_at timestamptz, average double precision, people integer)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
begin
    return query
    select * from presence_private.occupancy(
        array(select r.room_id from presence_host.rooms() r where r.event_id = event_occupancy.event_id), from_at, to_at);
end
$$;
comment on function presence.event_occupancy is
    'how full an event was, over all its rooms and with each person counted once, between from_at (default: 24 hours before to_at) and to_at (default: now); one row as presence.room_occupancy';
grant execute on function presence.event_occupancy to presence_service, presence_app;

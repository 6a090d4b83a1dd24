-- A planted bug. The service takes no lock on rooms: two last tabs that close at once each see the other one.
do $plant$
declare
    source text := pg_get_functiondef('presence_private.lock_rooms'::regproc);
    good   constant text := $good$             where r.room_id = any (lock_rooms.room_ids)
               for no key update skip locked) l;$good$;
    bad    constant text := $bad$             where r.room_id = any (lock_rooms.room_ids)) l;$bad$;
begin
    if (length(source) - length(replace(source, good, ''))) <> length(good) then
        raise exception 'what is to be replaced is not there once';
    end if;
    execute replace(source, good, bad);
end
$plant$;

-- A planted bug. Whoever waits for several rooms takes them in any order.
do $plant$
declare
    source text := pg_get_functiondef('presence_private.lock_rooms'::regproc);
    good   constant text := $good$          where r.room_id = any (lock_rooms.room_ids)
          order by r.room_id
$good$;
    bad    constant text := $bad$          where r.room_id = any (lock_rooms.room_ids)
          order by random()
$bad$;
begin
    if (length(source) - length(replace(source, good, ''))) <> length(good) then
        raise exception 'what is to be replaced is not there once';
    end if;
    execute replace(source, good, bad);
end
$plant$;

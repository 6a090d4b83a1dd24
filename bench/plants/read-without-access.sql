-- A planted bug. Nobody asks who may see.
do $plant$
declare
    source text := pg_get_functiondef('presence.read_rooms'::regproc);
    good   constant text := $good$where a.room_id = v.room_id and a.user_id = v.user_id)$good$;
    bad    constant text := $bad$where a.room_id = v.room_id)$bad$;
begin
    if (length(source) - length(replace(source, good, ''))) <> length(good) then
        raise exception 'what is to be replaced is not there once';
    end if;
    execute replace(source, good, bad);
end
$plant$;

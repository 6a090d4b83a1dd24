-- A planted bug. Nobody asks who may see.
do $plant$
declare
    source text := pg_get_functiondef('presence.read_rooms'::regproc);
    good   constant text := $good$select w.room_id, v.users$good$;
    bad    constant text := $bad$select w.room_id, w.users$bad$;
begin
    if (length(source) - length(replace(source, good, ''))) <> length(good) then
        raise exception 'what is to be replaced is not there once';
    end if;
    execute replace(source, good, bad);
end
$plant$;

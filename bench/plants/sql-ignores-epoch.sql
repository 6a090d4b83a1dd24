-- A planted bug. A cursor of another epoch is answered as one of this epoch.
do $plant$
declare
    source text := pg_get_functiondef('presence.read_rooms'::regproc);
    good   constant text := $good$coalesce(e.epoch = q.epoch and r.revision >= q.revision and$good$;
    bad    constant text := $bad$coalesce(r.revision >= q.revision and$bad$;
begin
    if (length(source) - length(replace(source, good, ''))) <> length(good) then
        raise exception 'what is to be replaced is not there once';
    end if;
    execute replace(source, good, bad);
end
$plant$;

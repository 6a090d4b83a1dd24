-- A planted bug. A heartbeat that its session's leave has overtaken joins again.
do $plant$
declare
    source text := pg_get_functiondef('presence_private.change_sessions'::regproc);
    good   constant text := $good$and (h.seq is null or m.seq <= h.seq) then 'stale'$good$;
    bad    constant text := $bad$and h.seq is null and m.seq <= h.seq then 'stale'$bad$;
begin
    if (length(source) - length(replace(source, good, ''))) <> length(good) then
        raise exception 'what is to be replaced is not there once';
    end if;
    execute replace(source, good, bad);
end
$plant$;

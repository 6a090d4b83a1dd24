-- A planted bug. Last seen is the earliest, not the latest.
do $plant$
declare
    source text := pg_get_functiondef('presence_private.settle'::regproc);
    good   constant text := $good$set last_seen_at = greatest(l.last_seen_at, excluded.last_seen_at)$good$;
    bad    constant text := $bad$set last_seen_at = least(l.last_seen_at, excluded.last_seen_at)$bad$;
begin
    if (length(source) - length(replace(source, good, ''))) <> length(good) then
        raise exception 'what is to be replaced is not there once';
    end if;
    execute replace(source, good, bad);
end
$plant$;

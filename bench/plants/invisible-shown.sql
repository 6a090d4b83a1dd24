-- A planted bug. Whoever wants to be invisible is there as before.
do $plant$
declare
    source text := pg_get_functiondef('presence_private.change_sessions'::regproc);
    good   constant text := $good$l.status is not distinct from 'invisible' as hides$good$;
    bad    constant text := $bad$false as hides$bad$;
begin
    if (length(source) - length(replace(source, good, ''))) <> length(good) then
        raise exception 'what is to be replaced is not there once';
    end if;
    execute replace(source, good, bad);
end
$plant$;

-- A planted bug. Whoever leaves still counts.
do $plant$
declare
    source text := pg_get_functiondef('presence_private.settle'::regproc);
    good   constant text := $good$when 'leave' then -1 else 0 end$good$;
    bad    constant text := $bad$when 'leave' then 0 else 0 end$bad$;
begin
    if (length(source) - length(replace(source, good, ''))) <> length(good) then
        raise exception 'what is to be replaced is not there once';
    end if;
    execute replace(source, good, bad);
end
$plant$;

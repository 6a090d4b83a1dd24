-- A planted bug. A leave is no change of its room.
do $plant$
declare
    source text := pg_get_functiondef('presence_private.settle'::regproc);
    good   constant text := $good$                 where v.what is not null
                 group by v.room_id) d$good$;
    bad    constant text := $bad$                 where v.what in ('join', 'update')
                 group by v.room_id) d$bad$;
begin
    if (length(source) - length(replace(source, good, ''))) <> length(good) then
        raise exception 'what is to be replaced is not there once';
    end if;
    execute replace(source, good, bad);
end
$plant$;

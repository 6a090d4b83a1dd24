-- A planted bug. A vendor may enter the vendor rooms of others.
do $plant$
declare
    source text := pg_get_functiondef('presence_private.accessible_rooms'::regproc);
    good   constant text := $good$or r.vendor_id = p.user_id$good$;
    bad    constant text := $bad$or r.vendor_id is not null$bad$;
begin
    if (length(source) - length(replace(source, good, ''))) <> length(good) then
        raise exception 'what is to be replaced is not there once';
    end if;
    execute replace(source, good, bad);
end
$plant$;

-- A planted bug. Nobody ends what was said to be typed.
do $plant$
declare
    source text := pg_get_functiondef('presence_private.end_due'::regproc);
    good   constant text := $good$            or s.typing_until <= moment
            or (s.expires_at > moment$good$;
    bad    constant text := $bad$            or (s.expires_at > moment$bad$;
begin
    if (length(source) - length(replace(source, good, ''))) <> length(good) then
        raise exception 'what is to be replaced is not there once';
    end if;
    execute replace(source, good, bad);
end
$plant$;

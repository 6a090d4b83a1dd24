-- A planted bug. A stream that closes gives back what another one has taken over.
do $plant$
declare
    source text := pg_get_functiondef('presence.release_batch'::regproc);
    good   constant text := $good$         where s.ended_at is null and coalesce(s.holder, a.holder) = a.holder
           for no key update$good$;
    bad    constant text := $bad$         where s.ended_at is null
           for no key update$bad$;
begin
    if (length(source) - length(replace(source, good, ''))) <> length(good) then
        raise exception 'what is to be replaced is not there once';
    end if;
    execute replace(source, good, bad);
end
$plant$;

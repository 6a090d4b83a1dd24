-- A planted bug. Revisions come from a sequence that all rooms share.
do $plant$
declare
    source text := pg_get_functiondef('presence_private.settle'::regproc);
    good   constant text := $good$set revision = r.revision + 1, online_count$good$;
    bad    constant text := $bad$set revision = nextval('presence_private.planted'), online_count$bad$;
begin
    if (length(source) - length(replace(source, good, ''))) <> length(good) then
        raise exception 'what is to be replaced is not there once';
    end if;
    create sequence presence_private.planted;
    grant usage on sequence presence_private.planted to public;
    execute replace(source, good, bad);
end
$plant$;

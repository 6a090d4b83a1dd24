-- A planted bug. A session that was logged out may return.
do $plant$
declare
    source text := pg_get_functiondef('presence_private.change_sessions'::regproc);
    good   constant text := $good$and s.ended_as = 'logged_out' and s.expires_at > moment offset 0) then 'ended'$good$;
    bad    constant text := $bad$and s.ended_as = 'logged_out' and s.expires_at < moment offset 0) then 'ended'$bad$;
begin
    if (length(source) - length(replace(source, good, ''))) <> length(good) then
        raise exception 'what is to be replaced is not there once';
    end if;
    execute replace(source, good, bad);
end
$plant$;

-- A planted bug. The reaper looks at who is over, and ends them a moment later without a second look: whoever renewed meanwhile is ended, too.
do $plant$
declare
    source text := pg_get_functiondef('presence.reap'::regproc);
    good   constant text := $good$begin
    return presence_private.reap_sessions(greatest(reap.max_rows, 1));$good$;
    bad    constant text := $bad$declare
    planted uuid[] := array(select s.session_id from presence_private.session s
                             where s.expires_at <= statement_timestamp() and s.ended_at is null);
begin
    perform pg_sleep(0.3);
    update presence_private.session s
       set expires_at = statement_timestamp()
     where s.session_id = any (planted) and s.ended_at is null;
    return presence_private.reap_sessions(greatest(reap.max_rows, 1));$bad$;
begin
    if (length(source) - length(replace(source, good, ''))) <> length(good) then
        raise exception 'what is to be replaced is not there once';
    end if;
    execute replace(source, good, bad);
end
$plant$;

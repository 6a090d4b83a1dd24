-- The reaper: time becomes a change in one place. See presence.reap.
--
-- On a full disk nothing can be written that needs a new page, as the log of changes and visits do: what is due ends
-- without them, see presence_private.end_without_space. For three seconds after that nothing else is tried.
-- Returns how many sessions ended; -1: another one is at it.
create or replace function presence_private.reap_sessions(max_rows integer, at_time timestamptz default null)
    returns integer
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    moment constant timestamptz := coalesce(reap_sessions.at_time, statement_timestamp());
begin
    -- a lock on a table of ours, since anybody who can connect may take an advisory one, and keep it
    begin
        lock table presence_private.alive in share update exclusive mode nowait;
    exception
        when lock_not_available then
            return -1;
    end;
    perform set_config('synchronous_commit', 'off', true);
    if not presence_private.ensure_epoch(wait => false) then
        return -1;
    end if;
    if exists (select from presence_private.alive a
                where a.lost_at = '-infinity' and a.close_at between moment - interval '3 seconds' and moment) then
        return presence_private.end_without_space(reap_sessions.max_rows, moment, after_try => false);
    end if;
    begin
        return presence_private.end_due(reap_sessions.max_rows, moment);
    exception
        when disk_full then
            return presence_private.end_without_space(reap_sessions.max_rows, moment, after_try => true);
    end;
end
$$;
comment on function presence_private.reap_sessions is 'ends leases and settles timed statuses; returns how many sessions ended, -1 while another one is at it';

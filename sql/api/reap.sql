-- Ends leases that ran out and settles timed statuses. The service calls it every second; pg_cron may.
create or replace function presence.reap(max_rows integer default 5000)
    returns integer
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_custom_plan
as $$
begin
    return presence_private.reap_sessions(greatest(reap.max_rows, 1));
end
$$;
comment on function presence.reap is
    'ends leases that ran out and settles timed statuses, at most max_rows at a time; returns how many sessions ended, -1 while another one is at it';
grant execute on function presence.reap to presence_service, presence_app;

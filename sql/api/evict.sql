-- Ends what the application's own changes ended, and rings the rooms, so that every node asks again who may see them.
-- The service calls it twice a second; a room or session that somebody holds goes back into the queue.
create or replace function presence.evict(max_rows integer default 1000)
    returns integer
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_custom_plan
as $$
begin
    if not exists (select from presence_private.eviction) then
        return 0;
    end if;
    return presence_private.evict_queued(greatest(evict.max_rows, 1));
end
$$;
comment on function presence.evict is 'ends sessions that the application''s own tables no longer allow, as presence.watch_table noticed; returns how many';
grant execute on function presence.evict to presence_service, presence_app;

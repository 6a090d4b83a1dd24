-- How what follows in a call of the API is planned, which its caller's SET clauses undo at its end.
--
-- Few items: once, for as long as the connection lives, and from key to key, since planning would take longer than the
-- work. Many: each time anew, by how many they are: from key to key each item would be compared with each other one.
create or replace function presence_private.plan_for(items integer)
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
begin
    if plan_for.items > 50 then
        perform set_config('plan_cache_mode', 'force_custom_plan', true),
                set_config('enable_hashjoin', 'on', true),
                set_config('enable_mergejoin', 'on', true);
    end if;
end
$$;
comment on function presence_private.plan_for is 'where many items follow, they are planned by themselves';

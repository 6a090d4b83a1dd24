-- When each of these users was logged out last, within a day; who was not has no row. For the service: a stream that was
-- open before ends.
create or replace function presence.logged_out_at(user_ids presence.user_id[])
    returns table (user_id presence.user_id, at timestamptz)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
    return query
    select u.user_id, l.at
      from unnest(logged_out_at.user_ids) as u(user_id)
     cross join lateral (
           select max(o.at) as at
             from presence_private.logout o
            where o.user_id = u.user_id) l
     where l.at is not null;
end
$$;
comment on function presence.logged_out_at is 'for the service: when each of these users was logged out last, within a day';
grant execute on function presence.logged_out_at to presence_service;

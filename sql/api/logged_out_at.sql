-- When each of these users was logged out last, within a day; who was not has no row. For the service: a stream that was
-- open before ends. A logout that is committed and waits in the queue counts already, by the same moment: a stream that is
-- opened meanwhile is of a later login.
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
    with queued as materialized (
        select e.user_id, e.at from presence_private.eviction e where e.logout and e.room_id is null
    )
    select u.user_id, l.at
      from unnest(logged_out_at.user_ids) as u(user_id)
     cross join lateral (
           select max(o.at) as at
             from (select w.at from presence_private.logout w where w.user_id = u.user_id
                    union all
                   select q.at from queued q where q.user_id = u.user_id or q.user_id is null) o) l
     where l.at is not null;
end
$$;
comment on function presence.logged_out_at is 'for the service: when each of these users was logged out last, within a day';
grant execute on function presence.logged_out_at to presence_service;

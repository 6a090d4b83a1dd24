-- Erasure: nothing is kept of a user. Where they are now they leave, and others see that.
create or replace function presence.erase_user(user_id presence.user_id)
    returns bigint
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
    rooms  presence.room_id[];
    place  record;
    erased bigint;
    total  bigint;
begin
    -- Whoever expands edges has read of whom, and has not told yet: what they tell is to be seen here. Nobody else begins.
    lock table presence_private.wanted in share update exclusive mode;
    perform from presence_private.own_status o where o.user_id = erase_user.user_id for update;
    perform from presence_private.session s
      where s.user_id = erase_user.user_id
      order by s.room_id, s.user_id, s.session_id
        for no key update;
    -- rows of history are written under their rooms' locks alone
    select array_agg(distinct h.room_id)
      into rooms
      from (select s.room_id from presence_private.session s where s.user_id = erase_user.user_id
             union all
            select l.room_id from presence_private.last_seen l where l.user_id = erase_user.user_id
             union all
            select v.room_id from presence_private.visit v where v.user_id = erase_user.user_id) h;
    if rooms is not null then
        perform presence_private.lock_rooms(rooms, true);
        perform presence_private.end_all(null, erase_user.user_id, 'removed');
    end if;
    delete from presence_private.session s where s.user_id = erase_user.user_id;
    get diagnostics total = row_count;
    total := total + presence_private.erase_deliveries(erase_user.user_id);
    -- Every table of ours that names users, whatever it is for, so that none is forgotten. But what tells others of the
    -- leave: the log of changes, for two minutes, and what is queued.
    for place in
        select c.relname, a.attname
          from pg_class c
          join pg_attribute a on a.attrelid = c.oid
         where c.relnamespace = 'presence_private'::regnamespace
           and c.relkind in ('r', 'p') and not c.relispartition
           and c.relname not in ('session', 'member', 'change', 'eviction')
           and (c.relname, a.attname) <> ('edge', 'told_to')   -- how far telling others has come; gone within a moment
           and a.atttypid = 'presence.user_id'::regtype and not a.attisdropped
         order by c.relname, a.attnum
    loop
        execute format('delete from presence_private.%I where %I = $1', place.relname, place.attname) using erase_user.user_id;
        get diagnostics erased = row_count;
        total := total + erased;
    end loop;
    return total;
end
$$;
comment on function presence.erase_user is
    'erases one user''s traces: ends their presence, with reason removed, and deletes sessions, last seen, visits, their own status, watches and notifications, deliveries of webhooks, mapped logins, and whatever else names them; returns how many rows. Take away what lets them enter first, or they are back with the next heartbeat';
grant execute on function presence.erase_user to presence_app;

-- Whoever decides what people see holds the rooms' rows first, in key order, and reads in a later statement.
--
-- wait false, for the service: a room that cannot be had at once is left out of the answer. Nothing is ever waited
-- for: a room without a row is made under an advisory lock, since inserting it would wait for whoever else does.
-- wait true, for a caller's own transaction: waits for all of them.
create or replace function presence_private.lock_rooms(room_ids presence.room_id[], wait boolean)
    returns presence.room_id[]
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    class   constant integer := 1886545267;   -- "pres": the advisory locks of rooms that are being made
    missing presence.room_id[];
    locked  presence.room_id[];
begin
    if not presence_private.ensure_epoch(lock_rooms.wait) then
        return '{}';
    end if;
    select array_agg(w.room_id order by w.room_id)
      into missing
      from (select distinct u.room_id from unnest(lock_rooms.room_ids) as u(room_id)) w
     where not exists (select from presence_private.room r where r.room_id = w.room_id offset 0);
    if missing is not null then
        if lock_rooms.wait then
            perform pg_advisory_xact_lock(class, hashtext(m.room_id::text)) from unnest(missing) as m(room_id);
        else
            select array_agg(m.room_id) into missing
              from unnest(missing) as m(room_id)
             where pg_try_advisory_xact_lock(class, hashtext(m.room_id::text));
        end if;
        insert into presence_private.room (room_id)
        select m.room_id from unnest(missing) as m(room_id) order by m.room_id
            on conflict (room_id) do nothing;
    end if;

    if lock_rooms.wait then
        perform from presence_private.room r
          where r.room_id = any (lock_rooms.room_ids)
          order by r.room_id
            for no key update;
        return lock_rooms.room_ids;
    end if;
    select array_agg(l.room_id)
      into locked
      from (select r.room_id
              from presence_private.room r
             where r.room_id = any (lock_rooms.room_ids)
               for no key update skip locked) l;
    return coalesce(locked, '{}');
end
$$;
comment on function presence_private.lock_rooms is 'locks rooms until the transaction ends, making their rows; returns those that it got';

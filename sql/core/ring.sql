-- Rings: NOTIFY presence with keyed hashes of the rooms that changed, and nothing else (logouts have a name like theirs).

-- What a ring calls a room, so that listening tells nobody which rooms are busy. The service computes the same.
-- stable, since convert_to() is: declared immutable it would not be inlined.
create or replace function presence_private.ring_name(room_id presence.room_id, key bytea)
    returns text
    language sql stable
as $$
    select pg_catalog.substr(pg_catalog.encode(pg_catalog.sha256(key || pg_catalog.convert_to(room_id::text, 'UTF8')), 'hex'), 1, 16)
$$;
comment on function presence_private.ring_name is 'the first 16 hexadecimal digits of sha256(key, room id)';

create or replace function presence_private.ring()
    returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    payload text;
begin
    -- 17 bytes a room: 400 rooms stay below the 8000 bytes that a payload may have
    for payload in
        select string_agg(named.ring, ',')
          from (select presence_private.ring_name(r.room_id, k.key) as ring, (row_number() over () - 1) / 400 as part
                  from changed_room r
                 cross join (select s.key from presence_private.secret s
                              where s.kind = 'ring' order by s.made_at desc limit 1) k) named
         group by named.part
    loop
        perform pg_notify('presence', payload);
    end loop;
    return null;
end
$$;
comment on function presence_private.ring is 'trigger on room: rings every listener once a statement that changed what people see';

create or replace trigger room_ring
    after update on presence_private.room
    referencing new table as changed_room
    for each statement execute function presence_private.ring();
comment on trigger room_ring on presence_private.room is 'a change of what people see rings; a plain renewal never comes near this table';

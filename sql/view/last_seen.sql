-- When somebody was last seen where, by the clock: of who is here now, their last sign of life.
create or replace view presence.last_seen as
select replace(replace(l.room_id::text, E'\\', E'\\\\'), '.', E'\\.') || '.' || l.user_id::text as id,
       l.room_id, l.user_id, l.last_seen_at, l.reason
  from (select c.room_id, c.user_id, c.last_seen_at, c.reason
          from presence_private.last_seen c
         where c.reason is not null
         union all
        select o.room_id, o.user_id, o.seen_at, case when not o.live then 'expired' end
          from presence_private.open o) l;
comment on view presence.last_seen is 'when a user was last seen in a room and how that ended (null: still here), for trusted backends; id is unique';
grant select on presence.last_seen to presence_app;

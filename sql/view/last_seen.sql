-- When somebody was last seen where. Of who is here now: the join, with reason null.
create or replace view presence.last_seen as
select quote_ident(l.room_id::text) || '.' || quote_ident(l.user_id::text) as id,
       l.room_id, l.user_id, l.last_seen_at, l.reason
  from presence_private.last_seen l;
comment on view presence.last_seen is 'when a user was last seen in a room and how that ended (null: still here), for trusted backends; id is unique';
grant select on presence.last_seen to presence_app;

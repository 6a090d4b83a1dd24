-- Who is to be told of whom: watcher_id, or those with the role in the event.
create or replace view presence.watches as
select w.watch_id::text as id, w.watcher_id, w.event_id, w.role, w.user_id, w.room_id, w.quiet, w.created_at, w.until_at
  from presence_private.watch w
 where w.until_at is null or w.until_at > statement_timestamp();
comment on view presence.watches is 'who is to be told when whom comes online, for trusted backends; id is unique';
grant select on presence.watches to presence_app;

-- Who was told of whom, for 30 days. A backend may send them on by mail or push, and mark them as read.
create or replace view presence.notifications as
select n.notification_id::text as id, n.notification_id, n.kind, n.watcher_id, n.user_id, n.room_id, n.event_id, n.at, n.read_at
  from presence_private.notification n;
comment on view presence.notifications is 'who was told that whom came online, where and when, for trusted backends; id is unique';
grant select on presence.notifications to presence_app;

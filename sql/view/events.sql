-- How many people each event has now, by the clock, each counted once. Over a function, since it reads the application's
-- tables and a view would read them with its reader's rights; a filter does not reach into it: presence.event_counts does.
create or replace view presence.events as
select e.event_id::text as id, e.event_id, e.online_count
  from presence.event_counts() e;
comment on view presence.events is 'the application''s events with the number of people there now, for trusted backends; id is unique';
grant select on presence.events to presence_app;

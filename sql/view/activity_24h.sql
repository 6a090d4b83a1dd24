-- Who was active where in the last 24 hours, by the clock, those included who are here.
create or replace view presence.activity_24h as
select replace(replace(s.room_id::text, E'\\', E'\\\\'), '.', E'\\.') || '.' || s.user_id::text as id,
       s.room_id, s.user_id, count(*)::integer as visits,
       sum(least(s.ended_at, statement_timestamp())
           - greatest(s.began_at, statement_timestamp() - interval '24 hours')) as present,
       min(s.began_at) as first_at,
       max(least(s.ended_at, statement_timestamp())) as last_at
  from presence_private.stay s
 where s.ended_at > statement_timestamp() - interval '24 hours'
 group by s.room_id, s.user_id;
comment on view presence.activity_24h is 'who was active in which room in the last 24 hours, how often and for how long, for trusted backends; id is unique';
grant select on presence.activity_24h to presence_app;

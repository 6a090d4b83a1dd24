-- The live leases behind members, by the clock.
create or replace view presence.sessions as
select replace(replace(s.room_id::text, E'\\', E'\\\\'), '.', E'\\.') || '.' || s.user_id::text || '.' || s.session_id::text as id,
       s.room_id, s.user_id, s.session_id,
       case when s.typing_until > statement_timestamp() then 'typing'
            when s.status_until <= statement_timestamp()
            then case when s.said_until <= statement_timestamp() then 'active' else coalesce(s.said_status, 'active') end
            else s.status end as status,
       s.joined_at, s.expires_at
  from presence_private.session s
 where s.ended_at is null and s.expires_at > statement_timestamp();
comment on view presence.sessions is 'one row a live session (tab or device), for trusted backends; id is unique';
grant select on presence.sessions to presence_app;

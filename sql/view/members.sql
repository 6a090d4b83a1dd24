-- Who is here, by the clock: right also where no service and no reaper runs. The same merge as settle's, of the
-- sessions that are live at this moment. A view's functions run with the reader's rights, so it calls built-in ones only.
create or replace view presence.members as
select replace(replace(l.room_id::text, E'\\', E'\\\\'), '.', E'\\.') || '.' || l.user_id::text as id,
       l.room_id, l.user_id, l.status, l.status_until, l.message, l.activity, l.data, m.joined_at, l.sessions
  from (select s.room_id, s.user_id, count(*)::integer as sessions,
               (array['typing', 'busy', 'in_meeting', 'active', 'idle', 'away'])[min(s.rank)] as status,
               (array_agg(s.until order by s.rank, s.until desc nulls first, s.session_id))[1] as status_until,
               (array_agg(s.message order by s.changed_at desc nulls last, s.session_id))[1] as message,
               (array_agg(s.activity order by s.changed_at desc nulls last, s.session_id))[1] as activity,
               (array_agg(s.data order by s.changed_at desc nulls last, s.session_id))[1] as data
          from (select x.room_id, x.user_id, x.session_id, x.changed_at, x.message, x.activity, x.data,
                       case when x.typing_until > statement_timestamp() then 1
                            when x.status_until <= statement_timestamp()
                            then case when x.said_until <= statement_timestamp() then 4
                                      else coalesce(array_position(array['typing', 'busy', 'in_meeting', 'active', 'idle', 'away'],
                                                                   x.said_status), 4) end
                            else array_position(array['typing', 'busy', 'in_meeting', 'active', 'idle', 'away'], x.status)
                       end as rank,
                       case when x.typing_until > statement_timestamp() then null
                            when x.status_until > statement_timestamp() then x.status_until
                            when x.status_until is not null and x.said_until > statement_timestamp() then x.said_until end as until
                  from presence_private.session x
                 where x.ended_at is null and x.expires_at > statement_timestamp()) s
         group by s.room_id, s.user_id) l
  join presence_private.member m on m.room_id = l.room_id and m.user_id = l.user_id;
comment on view presence.members is 'who is here now, for trusted backends: one row a user and room; id is unique';
grant select on presence.members to presence_app;

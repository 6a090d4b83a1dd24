-- How lively each room is, by the clock. Rooms that never had a member are not listed.
create or replace view presence.rooms as
select r.room_id::text as id, r.room_id,
       (select count(*)::integer
          from presence_private.member m
         where m.room_id = r.room_id
           and exists (select from presence_private.session s
                        where s.room_id = m.room_id and s.user_id = m.user_id
                          and s.ended_at is null and s.expires_at > statement_timestamp())) as online_count
  from presence_private.room r;
comment on view presence.rooms is 'rooms that ever had a member, with the number of members now, for trusted backends; id is unique';
grant select on presence.rooms to presence_app;

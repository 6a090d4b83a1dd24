-- "Why is she offline?": every reason, whether it holds, and the detail.
create or replace function presence.why(user_id presence.user_id, room_id presence.room_id)
    returns table (reason text, holds boolean, detail text)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    moment constant timestamptz := statement_timestamp();
begin
    return query
    select 'the room exists', exists (select from presence_host.rooms() r where r.room_id = why.room_id),
           (select 'kind ' || coalesce(r.kind, 'null') || coalesce(', vendor ' || r.vendor_id::text, '')
              from presence_host.rooms() r where r.room_id = why.room_id limit 1)
     union all
    select 'the user takes part', exists (select from presence_host.participants() p
                                           where p.room_id = why.room_id and p.user_id = why.user_id),
           (select string_agg('role ' || coalesce(p.role, 'null'), ', ') from presence_host.participants() p
             where p.room_id = why.room_id and p.user_id = why.user_id)
     union all
    select 'the user may enter', exists (select from presence_private.room_access() a
                                          where a.room_id = why.room_id and a.user_id = why.user_id),
           'a vendor may enter a vendor room only where it is their own'
     union all
    select 'the user is visible',
           not exists (select from presence_private.own_status_at(why.user_id, moment) o where o.status = 'invisible'),
           (select 'says ' || concat_ws(', ', coalesce(o.status, 'no status'), 'until ' || o.status_until::text, o.message)
              from presence_private.own_status_at(why.user_id, moment) o
             where o.status is not null or o.message is not null)
     union all
    select 'a session is live', exists (select from presence_private.session s
                                         where s.room_id = why.room_id and s.user_id = why.user_id
                                           and s.ended_at is null and s.expires_at > moment),
           (select string_agg(s.session_id::text || ': '
                              || case when s.ended_at is not null then s.ended_as || ' ' || date_trunc('second', moment - s.ended_at)::text || ' ago'
                                      when s.expires_at > moment then s.status || ', ends in ' || date_trunc('second', s.expires_at - moment)::text
                                      else 'ran out ' || date_trunc('second', moment - s.expires_at)::text || ' ago' end,
                              '; ' order by s.beat_at desc)
              from presence_private.session s where s.room_id = why.room_id and s.user_id = why.user_id)
     union all
    select 'the user is shown', exists (select from presence_private.member m
                                         where m.room_id = why.room_id and m.user_id = why.user_id),
           (select m.status || ' since ' || m.joined_at::text from presence_private.member m
             where m.room_id = why.room_id and m.user_id = why.user_id)
     union all
    select 'the user was seen', exists (select from presence_private.last_seen l
                                         where l.room_id = why.room_id and l.user_id = why.user_id),
           (select l.last_seen_at::text || coalesce(', ' || l.reason, ', still here') from presence_private.last_seen l
             where l.room_id = why.room_id and l.user_id = why.user_id);
end
$$;
comment on function presence.why is 'why a user is shown in a room or not: every reason, whether it holds, and the detail';
grant execute on function presence.why to presence_service, presence_app;

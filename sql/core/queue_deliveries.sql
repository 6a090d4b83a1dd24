-- From what happened to deliveries, one for each endpoint that wants it. The caller hands it over in the order in which it
-- happened. Payloads hold ids and what the application's users() publishes, and nothing that people said.
--
-- Only the first of a lane is due; each of the others becomes so when the one before it has ended, or has been refused so
-- often that it no longer holds up its lane. Whoever decides on that holds the endpoint's row: this function, and presence_private.settle_deliveries.
create or replace function presence_private.queue_deliveries(news presence_private.news[])
    returns integer
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    queued integer;
begin
    perform w.webhook_id
       from presence_private.webhook w
      where w.disabled_at is null and w.removed_at is null
      order by w.webhook_id
        for no key update;
    if not found then
        return 0;
    end if;
    with told as materialized (
        select n.*, r.event_id, u.name, u.avatar_url,
               case when n.what in ('user.online', 'user.offline') then 'user ' || n.user_id::text
                    when n.what = 'notification' then 'notification ' || n.watcher_id::text
                    else 'room ' || n.room_id::text end as lane
          from unnest(queue_deliveries.news)
               with ordinality as n(at, what, room_id, user_id, reason, watcher_id, notification_id, nth)
          left join lateral (select r.event_id from presence_host.rooms() r where r.room_id = n.room_id limit 1) r on true
          left join lateral (select u.name, u.avatar_url from presence_host.users() u where u.user_id = n.user_id limit 1) u
                 on true
    ),
    wanted as (
        select w.webhook_id, w.delivered_at, t.*
          from told t
          join presence_private.webhook w on w.disabled_at is null and w.removed_at is null
           and (w.types is null or t.what = any (w.types))
           and (w.room_ids is null or t.room_id = any (w.room_ids))
           and (w.event_ids is null or t.event_id = any (w.event_ids))
           and (w.user_ids is null or t.user_id = any (w.user_ids) or t.watcher_id = any (w.user_ids))
    ),
    made as (
        insert into presence_private.delivery (webhook_id, at, due_at, room_id, user_id, type, lane, payload)
        select d.webhook_id, d.at,
               case when row_number() over (partition by d.webhook_id, d.lane order by d.nth) = 1
                     and not exists (select from presence_private.delivery o
                                      where o.webhook_id = d.webhook_id and o.lane = d.lane and o.ended_at is null
                                        and presence_private.holds_lane(o, d.delivered_at))
                    then statement_timestamp() end,
               d.room_id, d.user_id, d.what, d.lane,
               json_build_object(
                   'type', d.what,
                   'timestamp', to_char(d.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                   'data', case
                       when d.what in ('room.occupied', 'room.empty')
                           then json_build_object('room_id', d.room_id::text, 'event_id', d.event_id::text)
                       when d.what = 'notification'
                           then json_build_object('id', d.notification_id::text, 'kind', 'online',
                                                  'watcher_id', d.watcher_id::text, 'user_id', d.user_id::text,
                                                  'name', d.name, 'avatar_url', d.avatar_url,
                                                  'room_id', d.room_id::text, 'event_id', d.event_id::text)
                       when d.reason is not null
                           then json_build_object('user_id', d.user_id::text, 'name', d.name, 'avatar_url', d.avatar_url,
                                                  'room_id', d.room_id::text, 'event_id', d.event_id::text,
                                                  'reason', d.reason)
                       else json_build_object('user_id', d.user_id::text, 'name', d.name, 'avatar_url', d.avatar_url,
                                              'room_id', d.room_id::text, 'event_id', d.event_id::text)
                   end)::text
          from wanted d
         order by d.nth, d.webhook_id
        returning delivery_id
    )
    select count(*) into queued from made;
    return queued;
end
$$;
comment on function presence_private.queue_deliveries is 'queues what happened for each endpoint whose filters match, in the order given; returns how many deliveries that made';

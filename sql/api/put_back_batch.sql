-- After a loss of the unlogged data: nodes put back the sessions that they know to have been here. For the service.
-- Access is asked again, whoever is invisible in all rooms stays so, and what has come back by itself is never
-- overwritten. A lease lasts as long as it would have,
-- which for what a stream holds is a whole TTL.
create or replace function presence.put_back_batch(
        room_ids      presence.room_id[],
        user_ids      presence.user_id[],
        session_ids   uuid[],
        holders       uuid[],
        lasts         interval[],
        joined_ats    timestamptz[],
        statuses      text[],
        status_untils timestamptz[],
        messages      text[],
        activities    text[],
        datas         jsonb[])
    returns table (item integer, outcome text)
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
    set plan_cache_mode = force_custom_plan
    set enable_seqscan = off
as $$
#variable_conflict use_column
declare
    moment  constant timestamptz := statement_timestamp();
    ttl     constant interval := (select k.ttl from presence_private.setting k);
    locked  presence.room_id[];
    answers presence_private.beat[];
    touched presence_private.touch[];
begin
    perform set_config('synchronous_commit', 'off', true);
    locked := presence_private.lock_rooms(put_back_batch.room_ids, false);

    with asked as materialized (
        select i.*, i.room_id = any (locked) as is_locked, o.status as own_status, o.status_until as own_until, o.message as own_message
          from unnest(room_ids, user_ids, session_ids, holders, lasts, joined_ats, statuses, status_untils, messages, activities, datas)
               with ordinality as i(room_id, user_id, session_id, holder, lasts, joined_at, status, status_until, message,
                                    activity, data, item)
          left join lateral presence_private.own_status_at(i.user_id, moment) o on true
    ),
    judged as materialized (
        select a.*,
               case when not exists (select from presence_private.room_access() x
                                      where x.room_id = a.room_id and x.user_id = a.user_id) then 'denied'
                    when a.own_status = 'invisible' then 'denied'
                    when not a.is_locked then 'busy'
                    when exists (select from presence_private.session s
                                  where s.room_id = a.room_id and s.user_id = a.user_id and s.session_id = a.session_id) then 'there'
                    else 'back' end as outcome
          from asked a
    ),
    written as (
        insert into presence_private.session
               (session_id, holder, joined_at, beat_at, expires_at, status_until, room_id, user_id, status, said_status, message,
                lent_message, activity, data)
        select j.session_id, j.holder, least(j.joined_at, moment), moment + least(j.lasts, ttl) - ttl, moment + least(j.lasts, ttl),
               case when j.own_status is null then j.status_until else j.own_until end,
               j.room_id, j.user_id, coalesce(j.own_status, j.status),
               -- what people saw was the user's own status; what the session said beneath it, nobody knows any more
               case when j.own_status is not null then 'active' end,
               coalesce(j.message, j.own_message), case when coalesce(j.message, j.own_message) = j.own_message then true end,
               j.activity, j.data
          from judged j
         where j.outcome = 'back' and j.lasts > interval '0'
            on conflict do nothing   -- given twice
        returning room_id, user_id
    )
    select (select array_agg(row(j.item::integer, j.outcome, null, null, null, null)::presence_private.beat) from judged j),
           (select array_agg(row(w.room_id, w.user_id, null, null)::presence_private.touch) from written w)
      into answers, touched;

    if touched is not null then
        perform presence_private.settle(touched, moment);
    end if;
    return query select a.item, a.outcome from unnest(answers) a;
end
$$;
comment on function presence.put_back_batch is
    'for the service: after a loss of the unlogged data puts back sessions that a node knows to have been here, one outcome an item: back, there (it is back already), denied (or invisible), busy (somebody holds the room: try again)';
grant execute on function presence.put_back_batch to presence_service;

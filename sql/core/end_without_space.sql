-- On a full disk: ends whom nobody renews, and writes nothing that needs a new page. Rows of session and member are
-- deleted; rows of room, alive and last_seen are rewritten within their pages, which are made with room to spare.
--
-- No change is logged, so each room skips a revision: that is a gap, and streams are told the whole room.
-- A presence ends once all its sessions are over, so that the merge of those who stay is as it was; a timed status is
-- settled, and one tab of several ends, once there is space. When each was last seen is noted now, and the visit written
-- later, by presence_private.close_lost. Where that does not fit into its page the presence ends in a later call, when
-- what this one replaced is gone from there; where none of them fits they end all the same, and were last seen now.
-- after_try: the same transaction has tried to end them as ever, and what that wrote is still in the pages. So those who
-- do not fit are left to the next call, which tries nothing before; see presence_private.reap_sessions.
create or replace function presence_private.end_without_space(max_rows integer, moment timestamptz, after_try boolean)
    returns integer
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    knobs  presence_private.setting;
    due    tid[];
    rooms  presence.room_id[];
    locked presence.room_id[];
    one    presence_private.touch;
    over   presence_private.touch[];
    late   presence_private.touch[];
    ended  integer;
begin
    select * into knobs from presence_private.setting;
    update presence_private.alive set alive_at = moment where alive_at not between moment - interval '8 seconds' and moment;
    -- so that their place is free
    delete from presence_private.session s where s.ended_at is not null and s.expires_at <= moment;
    delete from presence_private.change c where c.at < moment - interval '2 minutes';

    with found as materialized (
        select s.ctid as tid, s.room_id
          from presence_private.session s
         where s.ended_at is null
           and presence_private.is_over(s.expires_at, s.beat_at, moment, knobs.heartbeat)
         limit least(end_without_space.max_rows, 1000)
           for no key update skip locked
    )
    select array_agg(f.tid), array_agg(distinct f.room_id) into due, rooms from found f;
    if due is null then
        return 0;
    end if;
    locked := presence_private.lock_rooms(rooms, false);

    for one in
        select s.room_id, s.user_id, 'expired', max(s.beat_at)
          from presence_private.session s
         where s.ctid = any (due) and s.room_id = any (locked)
         group by s.room_id, s.user_id
        having count(*) = (select count(*) from presence_private.session x
                            where x.room_id = s.room_id and x.user_id = s.user_id and x.ended_at is null)
    loop
        begin
            update presence_private.last_seen l
               set last_seen_at = greatest(l.last_seen_at, one.seen_at)
             where l.room_id = one.room_id and l.user_id = one.user_id and l.reason is null;
            over := over || one;
        exception
            when disk_full then
                if not after_try then
                    late := late || one;
                end if;
        end;
    end loop;
    -- '-infinity': they are closed at the moment that was noted
    update presence_private.alive
       set lost_at = case when over is null and late is not null then greatest(lost_at, moment) else coalesce(lost_at, '-infinity') end,
           close_at = case when after_try then greatest(close_at, moment) else coalesce(close_at, moment) end;
    over := coalesce(over, late);

    with gone as (
        delete from presence_private.session s
         using unnest(over) o
         where s.ctid = any (due) and s.room_id = o.room_id and s.user_id = o.user_id
        returning s.session_id
    ),
    hidden as (
        delete from presence_private.member m
         using unnest(over) o
         where m.room_id = o.room_id and m.user_id = o.user_id
        returning m.room_id
    ),
    bumped as (
        update presence_private.room r
           set revision = r.revision + 1, online_count = r.online_count - h.members
          from (select h.room_id, count(*)::integer as members from hidden h group by h.room_id) h
         where r.room_id = h.room_id
    )
    select count(*) into ended from gone;
    if ended > 0 then
        raise warning 'no space is left: % sessions end without a line in history, which follows once there is', ended;
    end if;
    return ended;
end
$$;
comment on function presence_private.end_without_space is 'on a full disk: ends presences without a log of changes and without visits, which follow; returns how many sessions ended';

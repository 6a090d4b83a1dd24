-- What a user says for all rooms, and how it gets into their sessions: a session's status, status_until and message are
-- what counts, and where the user's own status stands there, said_status and said_until keep what the session itself says.
-- So the merge knows of sessions alone, and a renewal that changes nothing looks nothing up.
--
-- It is looked up where a session joins or says something new, and written through to the live sessions where it is set.
-- A join that runs beside that may miss it: whoever was set lately is pending, and the reaper looks again until no
-- transaction is left that may have begun before.

-- As it is at a moment: a status that is over is none. No row: there is nothing.
-- Inlined by the planner, hence no SET clause.
create or replace function presence_private.own_status_at(user_id presence.user_id, moment timestamptz)
    returns table (status text, status_until timestamptz, message text)
    language sql stable
as $$
    select case when o.status_until <= own_status_at.moment then null else o.status end,
           case when o.status_until > own_status_at.moment then o.status_until end,
           o.message
      from presence_private.own_status o
     where o.user_id = own_status_at.user_id
$$;
comment on function presence_private.own_status_at is 'what a user says for all rooms at a moment; no row: nothing';

-- Live sessions that do not agree with it, and what they are to be.
-- Inlined by the planner, hence no SET clause.
create or replace function presence_private.behind_own_status(user_ids presence.user_id[], moment timestamptz)
    returns table (room_id presence.room_id, user_id presence.user_id, session_id uuid, hides boolean, status text,
                   status_until timestamptz, said_status text, said_until timestamptz, message text, lent_message boolean)
    language sql stable
as $$
    select w.room_id, w.user_id, w.session_id, w.hides, w.status, w.status_until, w.said_status, w.said_until, w.message,
           w.lent_message
      from presence_private.session s
     cross join lateral (
           select case when s.said_status is null then s.status else s.said_status end as status,
                  case when s.said_status is null then s.status_until else s.said_until end as status_until,
                  case when s.lent_message is null then s.message end as message) said
      left join lateral presence_private.own_status_at(s.user_id, behind_own_status.moment) o on true
     cross join lateral (
           select s.room_id, s.user_id, s.session_id, coalesce(o.status = 'invisible', false) as hides,
                  coalesce(o.status, said.status) as status,
                  case when o.status is null then said.status_until else o.status_until end as status_until,
                  case when o.status is not null then said.status end as said_status,
                  case when o.status is not null then said.status_until end as said_until,
                  coalesce(said.message, o.message) as message,
                  case when said.message is null and o.message is not null then true end as lent_message) w
     where s.user_id = any (behind_own_status.user_ids)
       and s.ended_at is null
       and (w.hides or (w.status, w.status_until, w.said_status, w.said_until, w.message, w.lent_message)
                       is distinct from (s.status, s.status_until, s.said_status, s.said_until, s.message, s.lent_message))
$$;
comment on function presence_private.behind_own_status is 'live sessions of these users that do not agree with what they say for all rooms, and what they are to be';

-- Makes live sessions of these users agree with what they say for all rooms; whoever is invisible leaves.
-- wait false: rooms and sessions that somebody holds are left as they are.
create or replace function presence_private.apply_own_status(user_ids presence.user_id[], wait boolean, moment timestamptz)
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    rooms   presence.room_id[];
    locked  presence.room_id[];
    touched presence_private.touch[];
begin
    if apply_own_status.wait then
        perform from presence_private.session s
          where s.user_id = any (apply_own_status.user_ids)
          order by s.room_id, s.user_id, s.session_id
            for no key update;
    end if;
    select array_agg(distinct b.room_id) into rooms
      from presence_private.behind_own_status(apply_own_status.user_ids, moment) b;
    if rooms is null then
        return;
    end if;
    perform set_config('synchronous_commit', 'off', true);
    locked := presence_private.lock_rooms(rooms, wait);

    with mine as materialized (
        select b.*
          from presence_private.behind_own_status(apply_own_status.user_ids, moment) b
          join presence_private.session s
            on s.room_id = b.room_id and s.user_id = b.user_id and s.session_id = b.session_id
         where b.room_id = any (locked)
           for no key update of s skip locked
    ),
    vanished as (
        delete from presence_private.session s
         using mine m
         where m.hides and s.room_id = m.room_id and s.user_id = m.user_id and s.session_id = m.session_id
    ),
    spoken as (
        update presence_private.session s
           set status = m.status, status_until = m.status_until, said_status = m.said_status, said_until = m.said_until,
               message = m.message, lent_message = m.lent_message
          from mine m
         where not m.hides and s.room_id = m.room_id and s.user_id = m.user_id and s.session_id = m.session_id
    )
    select array_agg(row(m.room_id, m.user_id, case when m.hides then 'left' end,
                         case when m.hides then moment end)::presence_private.touch)
      into touched
      from mine m;
    if touched is not null then
        perform presence_private.settle(touched, moment);
    end if;
end
$$;
comment on function presence_private.apply_own_status is 'makes live sessions of some users agree with what they say for all rooms';

-- Null leaves status or message as it is, '' clears it. See presence.set_status.
-- wait false, for the service: what somebody holds is left for the reaper.
create or replace function presence_private.set_own_status(
        user_id      presence.user_id,
        status       text,
        status_until timestamptz,
        message      text,
        wait         boolean,
        at_time      timestamptz default null)
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    moment constant timestamptz := coalesce(set_own_status.at_time, statement_timestamp());
    -- one that is over already is none
    lasts  constant text := case when set_own_status.status_until <= moment then '' else set_own_status.status end;
begin
    if set_own_status.user_id is null
       or set_own_status.status not in ('', 'active', 'idle', 'away', 'busy', 'in_meeting', 'invisible')
       or set_own_status.status_until > moment + interval '366 days 1 minute'
       or (set_own_status.status_until is not null and coalesce(set_own_status.status, '') = '')
       or char_length(set_own_status.message) > 140 then
        raise exception 'a part of this status is not valid' using errcode = 'PR400',
            hint = 'status: active, idle, away, busy, in_meeting or invisible, '''' for none; status_until: with a status, '
                   'at most 366 days ahead; message: 140 characters';
    end if;
    -- its row is held from here on: two settings for one user come one after the other
    insert into presence_private.own_status as o (user_id, status, status_until, message)
    values (set_own_status.user_id, nullif(lasts, ''), case when lasts <> '' then set_own_status.status_until end,
            nullif(set_own_status.message, ''))
        on conflict (user_id) do update
       set status = case when lasts is null then o.status else excluded.status end,
           status_until = case when lasts is null then o.status_until else excluded.status_until end,
           message = case when set_own_status.message is null then o.message else excluded.message end,
           pending = true, horizon = null;
    perform presence_private.apply_own_status(array[set_own_status.user_id], set_own_status.wait, moment);
end
$$;
comment on function presence_private.set_own_status is 'sets what a user says for all rooms, and makes their sessions agree';

-- What the reaper does for it: forgets what is over, and looks again at what was set lately.
create or replace function presence_private.keep_own_statuses(max_rows integer, moment timestamptz)
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    looked presence.user_id[];
    sure   presence.user_id[];
begin
    update presence_private.own_status o
       set status = null, status_until = null, pending = true
     where o.user_id = any (array(select x.user_id from presence_private.own_status x
                                   where x.status_until <= moment
                                   limit keep_own_statuses.max_rows for no key update skip locked));
    select array_agg(p.user_id), array_agg(p.user_id) filter (where p.sure)
      into looked, sure
      from (select o.user_id, o.horizon < pg_snapshot_xmin(pg_current_snapshot()) as sure
              from presence_private.own_status o
             where o.pending
             order by o.horizon nulls first   -- whoever was looked at longest ago first, however many there are
             limit keep_own_statuses.max_rows
               for no key update skip locked) p;
    if looked is null then
        return;
    end if;
    perform presence_private.apply_own_status(looked, false, moment);
    update presence_private.own_status o
       set pending = exists (select from presence_private.behind_own_status(array[o.user_id], moment))
     where o.user_id = any (sure);
    update presence_private.own_status o
       set horizon = pg_current_xact_id()
     where o.user_id = any (looked)
       and (o.horizon is null or o.horizon > pg_current_xact_id());   -- of another cluster: this is a restored dump
    delete from presence_private.own_status o
     where o.user_id = any (sure) and not o.pending and o.status is null and o.message is null;
end
$$;
comment on function presence_private.keep_own_statuses is 'forgets own statuses that are over, and makes sessions agree that joined while one was set';

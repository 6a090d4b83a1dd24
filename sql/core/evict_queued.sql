-- Takes from the queue that the application's triggers fill. See presence.evict.
-- A logout ends the sessions that joined before it was committed: whoever joined later has logged in again. It keeps its
-- moment while it waits for what somebody holds, and a session keeps its own however often it is renewed.
create or replace function presence_private.evict_queued(max_rows integer, at_time timestamptz default null)
    returns integer
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    moment  constant timestamptz := coalesce(evict_queued.at_time, statement_timestamp());
    taken   presence_private.eviction[];
    rooms   presence.room_id[];
    locked  presence.room_id[];
    touched presence_private.touch[];
    ended   integer;
begin
    perform set_config('synchronous_commit', 'off', true);
    with t as (
        delete from presence_private.eviction e
         where e.ctid = any (array(select q.ctid from presence_private.eviction q
                                    limit evict_queued.max_rows for update skip locked))
        returning e.room_id, e.user_id, e.logout, e.at
    )
    select array_agg(row(t.room_id, t.user_id, t.logout, case when t.logout then coalesce(t.at, moment) end)::presence_private.eviction)
      into taken
      from t;
    perform presence_private.note_logouts(array_agg(o.user_id), array_agg(o.at))
       from (select t.user_id, t.at from unnest(taken) t where t.logout and t.user_id is not null
              union all
             select s.user_id, t.at   -- of everybody: a table of logins was emptied
               from presence_private.session s
               join unnest(taken) t on t.logout and t.room_id is null and t.user_id is null and s.joined_at <= t.at
              where s.ended_at is null) o;
    select array_agg(distinct f.room_id)
      into rooms
      from (select t.room_id from unnest(taken) t where t.room_id is not null
             union all
            select s.room_id from presence_private.session s
              join unnest(taken) t
                on t.room_id is null and (t.user_id is null or s.user_id = t.user_id)
               and (not t.logout or s.joined_at <= t.at)
             where s.ended_at is null
             union all
            select r.room_id from presence_private.room r
             where exists (select from unnest(taken) t where t.room_id is null and t.user_id is null and not t.logout)) f;
    if rooms is null then
        return 0;
    end if;
    locked := presence_private.lock_rooms(rooms, false);

    with suspect as materialized (
        select s.room_id, s.user_id, s.session_id, bool_or(t.logout and s.joined_at <= t.at) as logout
          from unnest(taken) t
          join presence_private.session s
            on (t.room_id is null or s.room_id = t.room_id) and (t.user_id is null or s.user_id = t.user_id)
         where s.ended_at is null
           and s.room_id = any (locked)
         group by s.room_id, s.user_id, s.session_id
        having bool_or(t.logout and s.joined_at <= t.at)
            or not exists (select from presence_private.room_access() a
                            where a.room_id = s.room_id and a.user_id = s.user_id)
    ),
    held as materialized (
        select s.room_id, s.user_id, s.session_id, u.logout
          from suspect u
          join presence_private.session s
            on s.room_id = u.room_id and s.user_id = u.user_id and s.session_id = u.session_id
           for no key update of s skip locked
    ),
    gone as (
        update presence_private.session s
           set ended_at = moment, ended_as = case when h.logout then 'logged_out' else 'revoked' end,
               expires_at = moment + case when h.logout then interval '1 day' else interval '2 minutes' end,
               changed_at = null, status_until = null, typing_until = null, message = null, activity = null, data = null
          from held h
         where s.room_id = h.room_id and s.user_id = h.user_id and s.session_id = h.session_id
        returning s.room_id, s.user_id, s.ended_as
    ),
    later as (   -- what somebody holds is looked at again
        insert into presence_private.eviction (room_id, user_id, logout, at)
        select t.room_id, t.user_id, t.logout, t.at
          from unnest(taken) t
         where (t.room_id is not null and t.room_id <> all (locked))
            or (t.room_id is null and exists (select from unnest(rooms) r where r <> all (locked)))
            or exists (select from suspect u
                        where (t.room_id is null or u.room_id = t.room_id) and (t.user_id is null or u.user_id = t.user_id)
                          and not exists (select from held h where h.room_id = u.room_id and h.user_id = u.user_id
                                                               and h.session_id = u.session_id))
    )
    select array_agg(row(g.room_id, g.user_id, g.ended_as, moment)::presence_private.touch), count(*)
      into touched, ended
      from gone g;
    -- who stays may read differently now: another role, another name
    select touched || array_agg(row(m.room_id, m.user_id, 'reads differently', null)::presence_private.touch)
      into touched
      from presence_private.member m
     where m.room_id = any (locked)
       and exists (select from unnest(taken) t
                    where t.user_id = m.user_id and (t.room_id is null or t.room_id = m.room_id) and not t.logout);
    if touched is not null then
        perform presence_private.settle(touched, moment);
    end if;
    -- rings also where nobody was: whoever watches is asked again
    update presence_private.room r set revision = r.revision where r.room_id = any (locked);
    return ended;
end
$$;
comment on function presence_private.evict_queued is 'ends sessions without access in the rooms of the queue, and rings these rooms; returns how many sessions ended';

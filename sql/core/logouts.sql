-- Logouts, beside the sessions that they end: open streams that hold no session end as well.

-- Remembers for a day when each of these users was logged out, and rings for nodes to ask. What says so is the end of a
-- session; of a user without any, the end of one that never was.
create or replace function presence_private.note_logouts(user_ids presence.user_id[], moment timestamptz)
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    if note_logouts.user_ids is null then
        return;
    end if;
    insert into presence_private.session
           (session_id, joined_at, beat_at, expires_at, ended_at, ended_as, room_id, user_id)
    select gen_random_uuid(), moment, moment, moment + interval '1 day', moment, 'logged_out', p.room_id, u.user_id
      from unnest(note_logouts.user_ids) as u(user_id)
     cross join lateral (
           select coalesce((select p.room_id from presence_host.participants() p where p.user_id = u.user_id limit 1),
                           (select r.room_id from presence_host.rooms() r limit 1)) as room_id) p
     where p.room_id is not null
       and not exists (select from presence_private.session s
                        where s.user_id = u.user_id and s.ended_as = 'logged_out' and s.ended_at = note_logouts.moment);
    -- a name like that of a room, which tells nobody who it was
    perform pg_notify('presence', (
        select substr(encode(sha256(s.key || '\x006c6f676f7574'), 'hex'), 1, 16)
          from presence_private.secret s where s.kind = 'ring' order by s.made_at desc limit 1));
end
$$;
comment on function presence_private.note_logouts is 'remembers logouts for a day, and rings for them';

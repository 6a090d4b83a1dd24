-- Logouts, beside the sessions that they end: open streams that hold no session end as well.

-- Remembers for a day when each of these users was logged out, and rings for nodes to ask.
create or replace function presence_private.note_logouts(user_ids presence.user_id[], moment timestamptz)
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
begin
    if note_logouts.user_ids is null then
        return;
    end if;
    insert into presence_private.logout (at, user_id)
    select note_logouts.moment, u.user_id from unnest(note_logouts.user_ids) as u(user_id);
    -- a name like that of a room, which tells nobody who it was
    perform pg_notify('presence', (
        select substr(encode(sha256(s.key || '\x006c6f676f7574'), 'hex'), 1, 16)
          from presence_private.secret s where s.kind = 'ring' order by s.made_at desc limit 1));
end
$$;
comment on function presence_private.note_logouts is 'remembers logouts for a day, and rings for them';

-- Logouts, beside the sessions that they end: open streams that hold no session end as well.

-- Remembers for a day when each of these users was logged out, and rings for nodes to ask. Only the last one of a user
-- counts; one that is no later than what is known is no news.
create or replace function presence_private.note_logouts(user_ids presence.user_id[], ats timestamptz[])
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    insert into presence_private.logout (at, user_id)
    select max(u.at), u.user_id
      from unnest(note_logouts.user_ids, note_logouts.ats) as u(user_id, at)
     where u.user_id is not null
     group by u.user_id
    having not exists (select from presence_private.logout l where l.user_id = u.user_id and l.at >= max(u.at));
    if not found then
        return;
    end if;
    -- nobody ever waits for somebody else's logout
    delete from presence_private.logout l
     where l.ctid = any (array(select o.ctid
                                 from presence_private.logout o
                                where o.user_id = any (note_logouts.user_ids)
                                  and exists (select from presence_private.logout n where n.user_id = o.user_id and n.at > o.at)
                                  for update of o skip locked));
    -- a name like that of a room, which tells nobody who it was
    perform pg_notify('presence', (
        select substr(encode(sha256(s.key || '\x006c6f676f7574'), 'hex'), 1, 16)
          from presence_private.secret s where s.kind = 'ring' order by s.made_at desc limit 1));
end
$$;
comment on function presence_private.note_logouts is 'remembers the last logout of each user for a day, and rings for those that are new';

-- Visits of a room for one viewer, the latest first, a page at a time.
--
-- Partitions go by the end of a visit, and pages by its beginning: a window that grows finds the page without reading all
-- that is kept. What began in the window ended in it or later, so all of that is in it.
create or replace function presence.room_visits(
        viewer       presence.user_id,
        room_id      presence.room_id,
        visitor      presence.user_id default null,
        from_at      timestamptz      default null,
        to_at        timestamptz      default null,
        before_at    timestamptz      default null,
        before_user  presence.user_id default null,
        max_rows     integer          default 100)
    returns table (user_id presence.user_id, name text, avatar_url text, began_at timestamptz, ended_at timestamptz, reason text)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp
    set jit = off
as $$
#variable_conflict use_column
declare
    moment  constant timestamptz := statement_timestamp();
    since   constant timestamptz := greatest(case when room_visits.from_at < moment then room_visits.from_at
                                                  when room_visits.from_at >= moment then moment end,
                                             moment - (select k.retention from presence_private.setting k) - interval '2 days');
    latest  constant timestamptz := least(room_visits.to_at, room_visits.before_at, moment);
    page    constant integer := least(greatest(room_visits.max_rows, 1), 1001);
    width   interval := interval '1 day';
    low     timestamptz := since;
    is_all  boolean := true;
    counted integer;
begin
    if room_visits.from_at > room_visits.to_at then
        raise exception 'from_at must not be after to_at' using errcode = 'PR400', hint = 'give one moment twice for who was there then';
    end if;
    if not exists (select from presence_private.room_access() a
                    where a.room_id = room_visits.room_id and a.user_id = room_visits.viewer) then
        return;
    end if;
    while room_visits.visitor is null and latest - width > since loop
        low := latest - width;
        select count(*) into counted
          from (select from presence_private.stay s
                 where s.room_id = room_visits.room_id and s.ended_at >= low and s.ended_at > since
                   and s.began_at between low and latest
                   and (room_visits.before_at is null or (s.began_at, s.user_id) < (room_visits.before_at, room_visits.before_user))
                 limit page) w;
        is_all := counted < page;
        exit when not is_all;
        low := since;
        width := width * 4;
    end loop;
    return query
    select v.user_id, u.name, u.avatar_url, v.began_at, v.ended_at, v.reason
      from (select) allowed
      left join (select s.user_id, s.began_at, nullif(s.ended_at, 'infinity') as ended_at, s.reason
                   from presence_private.stay s
                  where s.room_id = room_visits.room_id
                    and (room_visits.visitor is null or s.user_id = room_visits.visitor)
                    and s.ended_at >= low and s.ended_at > since
                    and s.began_at <= latest and (is_all or s.began_at >= low)
                    and (room_visits.before_at is null or (s.began_at, s.user_id) < (room_visits.before_at, room_visits.before_user))
                  order by s.began_at desc, s.user_id desc
                  limit page) v on true
      left join lateral (select u.name, u.avatar_url from presence_host.users() u
                          where u.user_id = v.user_id limit 1) u on true
     order by v.began_at desc, v.user_id desc;
end
$$;
comment on function presence.room_visits is
    'who was in a room at any time between from_at (default: as long as visits are kept) and to_at (default: now), the latest beginning first, of one visitor or of all, at most max_rows (1 to 1001); before_at and before_user: what comes after that visit. ended_at and reason are null for who is here. One row of nulls where there is none, no row where the viewer may not enter';
grant execute on function presence.room_visits to presence_service, presence_app;

-- Edges: who came and went, for those who are to be told. Written by the transaction of the join or leave itself, under
-- the room's lock, so that those of one room are in the order of its changes, and a rollback leaves none.

-- turns: of joins (reason null) when the user was seen in the room before; of leaves when they were seen last.
-- Called in a statement after the one that wrote members. Of one user in several rooms at once two transactions may both
-- see a first join, or both see another room that is left at the same moment: user.online and user.offline say that it
-- may be so, and the expander looks at what came of it (presence_private.is_true_edge).
create or replace function presence_private.note_edges(turns presence_private.touch[], moment timestamptz)
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    all_wanted constant boolean := (select w.hooks from presence_private.wanted w);
begin
    insert into presence_private.edge (at, what, room_id, user_id, reason, was_seen_at)
    select note_edges.moment, case when t.reason is null then 'member.joined' else 'member.left' end,
           t.room_id, t.user_id, t.reason, case when t.reason is null then t.seen_at end
      from unnest(turns) t
     order by t.room_id, t.user_id;
    if not all_wanted then
        return;
    end if;

    -- After a loss of the unlogged data whoever was here and is not back yet still keeps the room from being empty.
    insert into presence_private.edge (at, what, room_id)
    select note_edges.moment, case when r.online_count > 0 then 'room.occupied' else 'room.empty' end, r.room_id
      from (select t.room_id, sum(case when t.reason is null then 1 else -1 end) as delta
              from unnest(turns) t
             group by t.room_id) d
      join presence_private.room r on r.room_id = d.room_id
     where (r.online_count > 0) <> (r.online_count - d.delta > 0)
       and not ((select a.lost_at from presence_private.alive a) is not null
                and exists (select from presence_private.last_seen l
                             where l.room_id = r.room_id and l.reason is null
                               and not exists (select from presence_private.member m
                                                where m.room_id = l.room_id and m.user_id = l.user_id offset 0)))
     order by r.room_id;

    insert into presence_private.edge (at, what, room_id, user_id, reason)
    select note_edges.moment, case when u.reason is null then 'user.online' else 'user.offline' end, u.room_id, u.user_id, u.reason
      from (select distinct on (t.user_id, t.reason is null) t.*
              from unnest(turns) t
             order by t.user_id, t.reason is null, t.room_id) u
     where u.reason is not null
        or not exists (select from presence_private.member m
                        where m.user_id = u.user_id
                          and not exists (select from unnest(turns) t where t.user_id = u.user_id and t.room_id = m.room_id)
                       offset 0)
     order by u.user_id;
end
$$;
comment on function presence_private.note_edges is 'writes who came and went, of those whom somebody wants to be told of';

-- Whether a user came online, or went offline: nowhere for the grace before, or for the grace after. Whoever goes from
-- room to room, or reloads a page, did neither. Asked of user.offline once the grace is over. Other edges are as they are.
create or replace function presence_private.is_true_edge(edge presence_private.edge, grace interval)
    returns boolean
    language plpgsql stable
    set search_path = pg_catalog, pg_temp
as $$
declare
    came constant timestamptz := edge.at;
    who  constant presence.user_id := edge.user_id;
    room constant presence.room_id := edge.room_id;
begin
    return case edge.what
        when 'user.online' then
            not exists (select from presence_private.last_seen l
                         where l.user_id = who and l.reason is null
                           and (l.since < came or (l.since = came and l.room_id < room)))
            and not exists (select from presence_private.visit v
                             where v.user_id = who and v.ended_at > came - grace
                               and (v.began_at < came or (v.began_at = came and v.room_id < room)))
            -- of whom an expiry is told, the last sign of life is older than the going
            and not exists (select from presence_private.edge e
                             where e.what = 'user.offline' and e.user_id = who and e.at > came - grace
                               and e.edge_id < edge.edge_id)
        when 'user.offline' then
            not exists (select from presence_private.last_seen l
                         where l.user_id = who and l.reason is null and l.since <= came + grace)
            and not exists (select from presence_private.visit v
                             where v.user_id = who and v.ended_at > came and v.began_at <= came + grace)
        else true end;
end
$$;
comment on function presence_private.is_true_edge is 'whether a user came online or went offline, and not only from one room to another';

-- What was left open by a loss of the unlogged data ends: as note_edges would say it, had it been seen.
create or replace function presence_private.note_lost(lost presence_private.touch[], moment timestamptz)
    returns void
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
begin
    if not (select w.hooks from presence_private.wanted w) then
        return;
    end if;
    insert into presence_private.edge (at, what, room_id, user_id, reason)
    select note_lost.moment, 'member.left', t.room_id, t.user_id, 'expired'
      from unnest(lost) t
     order by t.room_id, t.user_id;
    insert into presence_private.edge (at, what, room_id)
    select note_lost.moment, 'room.empty', t.room_id
      from (select distinct t.room_id from unnest(lost) t) t
     where not exists (select from presence_private.last_seen l where l.room_id = t.room_id and l.reason is null)
     order by t.room_id;
    insert into presence_private.edge (at, what, room_id, user_id, reason)
    select distinct on (t.user_id) note_lost.moment, 'user.offline', t.room_id, t.user_id, 'expired'
      from unnest(lost) t
     order by t.user_id, t.room_id;
end
$$;
comment on function presence_private.note_lost is 'writes that those went whom a loss of the unlogged data left open, where all edges are wanted';

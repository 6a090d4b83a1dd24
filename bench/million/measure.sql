-- Each figure beside its goal. Medians of the server's own time; a loop in one statement, so that no client is measured.
\set QUIET on
\o /dev/null
create temp table figure (nth serial, what text, value numeric, unit text, goal text);

-- A statement that has been run a few times is planned by then, and caches are warm: so is what is measured.
-- Calls a statement with a random room and one of its members; notes the median in ms.
create function pg_temp.measure(what text, statement text, times integer, goal text default '') returns void
    language plpgsql as $$
declare
    took  double precision[] := '{}';
    began timestamptz;
    room  integer;
begin
    if session_user = 'postgres' then
        perform presence.reap();   -- as a service does every second
    end if;
    for n in 1..times loop
        room := floor(random() * 20000)::integer;
        began := clock_timestamp();
        execute statement using 'u' || (room * 50 + 7) % 100000, 'r' || room, 'e' || room % 1000;
        took := took || extract(epoch from clock_timestamp() - began) * 1000;
    end loop;
    insert into figure (what, value, unit, goal)
    select measure.what, percentile_cont(0.5) within group (order by t), 'ms', measure.goal from unnest(took) t;
end $$;

-- Whether a statement's plan, on warm caches, reads a table from end to end.
create function pg_temp.scans(what text, statement text) returns void
    language plpgsql as $$
declare
    line  text;
    found text;
begin
    for line in execute 'explain ' || statement loop
        found := concat_ws(', ', found, (select c.relname from pg_class c   -- small tables are no matter
                                          where c.relname = substring(line from 'Seq Scan on (\S+)') and c.reltuples > 1000 limit 1));
    end loop;
    insert into figure (what, unit, goal) values (what, coalesce('scans ' || nullif(found, ''), 'indexes only'), 'indexes only');
end $$;

select pg_temp.measure('presence.snapshot, 50 members', 'select count(*) from presence.snapshot($1, $2)', 2000, '< 0.5 ms');
select pg_temp.measure('presence.members of a room', 'select count(*) from presence.members where room_id = $2', 500);
select pg_temp.scans('presence.members of a room', $$select * from presence.members where room_id = 'r77'$$);
select pg_temp.scans('presence.members of a user', $$select * from presence.members where user_id = 'u77'$$);
select pg_temp.scans('presence.members joined with users', $$select * from presence.members m join event_app.users u on u.id = m.user_id where m.room_id = 'r77'$$);
select pg_temp.scans('presence.last_seen of a room', $$select * from presence.last_seen where room_id = 'r77'$$);
select pg_temp.scans('presence.activity_24h of a room', $$select * from presence.activity_24h where room_id = 'r77'$$);
select pg_temp.measure('presence.room_counts, 1000 rooms', $$select count(*) from presence.room_counts('busy')$$, 51, '< 10 ms');
select pg_temp.measure('presence.event_snapshot, 20 rooms of 50', 'select count(*) from presence.event_snapshot($1, $3)', 51);
select pg_temp.measure('presence.event_counts of one event', 'select * from presence.event_counts(array[$3])', 51);
select pg_temp.measure('presence.where_now', $$select count(*) from presence.where_now($1, $1)$$, 200);
select pg_temp.measure('presence.room_occupancy, 24 h', 'select * from presence.room_occupancy($2)', 200);

-- As an end user's login reads.
create role presence_bench_viewer login;
grant presence_viewer to presence_bench_viewer;
grant all on figure, figure_nth_seq to presence_bench_viewer;
select presence.map_login('presence_bench_viewer', 'u77');
set session authorization presence_bench_viewer;
select pg_temp.measure('presence.visible_members(room)', $$select count(*) from presence.visible_members('r1')$$, 500);
select pg_temp.measure('presence.visible_members, all 10 rooms', $$select count(*) from presence.visible_members$$, 100);
reset session authorization;

-- Nothing is due: one scan.
select pg_temp.measure('presence.reap, nothing due', 'select presence.reap()', 11, '< 150 ms');

-- Renewals, in batches of 1000 as the service sends them.
create temp table beat as
select row_number() over () as n, s.* from (select room_id, user_id, session_id from presence_private.session order by random() limit 200000) s;
create table public.before_renewals as
select pg_current_wal_lsn() as lsn, n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relid = 'presence_private.session'::regclass;
do $$
declare
    took  double precision := 0;
    began timestamptz;
    good  integer;
    rooms presence.room_id[];
    users presence.user_id[];
    ids   uuid[];
begin
    for batch in 0..199 loop
        select array_agg(b.room_id), array_agg(b.user_id), array_agg(b.session_id) into rooms, users, ids
          from beat b where b.n > batch * 1000 and b.n <= batch * 1000 + 1000;
        began := clock_timestamp();
        select count(*) filter (where outcome = 'ok') into good from presence.heartbeat_batch(rooms, users, ids);
        took := took + extract(epoch from clock_timestamp() - began);
        if good <> 1000 then
            raise exception 'a batch renewed % of 1000: %', good, (select array_agg(row(o.*)) from presence.heartbeat_batch(rooms, users, ids) o where o.outcome <> 'ok');
        end if;
        commit;
    end loop;
    insert into figure (what, value, unit) values ('renewal, in batches of 1000', took / 200000 * 1e6, 'us');
end $$;
select pg_sleep(1.5);   -- statistics come a moment later
insert into figure (what, value, unit, goal)
select 'renewals that stayed HOT', 100.0 * (s.n_tup_hot_upd - b.n_tup_hot_upd) / (s.n_tup_upd - b.n_tup_upd), '%', '>= 97 %'
  from public.before_renewals b, pg_stat_user_tables s where s.relid = 'presence_private.session'::regclass;
insert into figure (what, value, unit, goal)
select 'WAL a renewal', (pg_current_wal_lsn() - b.lsn) / 200000, 'bytes', 'none worth naming' from public.before_renewals b;
drop table public.before_renewals;

insert into figure (what, value, unit)
select 'sessions, members, rooms with their indexes', sum(pg_total_relation_size(c)) / 1e6, 'MB'
  from unnest(array['presence_private.session', 'presence_private.member', 'presence_private.room']::regclass[]) c;

\o
\pset footer off
select what as "with 1,000,000 sessions in 20,000 rooms", round(value, case when value < 10 then 3 when value < 100 then 1 else 0 end) as figure,
       unit, goal from figure order by nth;

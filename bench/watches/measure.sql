-- 10,000 users and two vendors in one room. All users watch the one vendor, nobody the other: in turn each comes, having
-- been away for longer than the grace, and goes.
\set QUIET on
\o /dev/null
set synchronous_commit = off;
insert into event_app.users (id, name) select 'w' || n, 'Watcher ' || n from generate_series(1, 10000) n;
insert into event_app.users (id, name) values ('watched', 'Watched Vendor'), ('unwatched', 'Unwatched Vendor');
insert into event_app.rooms (id, event_id, name) values ('floor', 'gala', 'Floor');
insert into event_app.room_participants (room_id, user_id) select 'floor', 'w' || n from generate_series(1, 10000) n;
insert into event_app.room_participants (room_id, user_id) values ('floor', 'watched'), ('floor', 'unwatched');
insert into presence_private.watch (created_at, quiet, user_id, watcher_id)
select now() - interval '1 hour', '0', 'watched', 'w' || n from generate_series(1, 10000) n;
select presence.reap();
vacuum analyze;

create temp table took (what text, ms double precision, rows bigint);

-- They went, a minute ago.
create function pg_temp.go(who text) returns void
    language plpgsql as $$
begin
    perform presence.leave_everywhere(go.who);
    update presence_private.last_seen set last_seen_at = last_seen_at - interval '1 minute', since = since - interval '1 minute'
     where user_id = go.who;
end $$;

create function pg_temp.come(who text) returns void
    language plpgsql as $$
declare
    began timestamptz := clock_timestamp();
    ms    double precision;
begin
    perform presence.heartbeat('floor', come.who, gen_random_uuid());
    ms := extract(epoch from clock_timestamp() - began) * 1000;
    insert into took values (come.who || ' join', ms, (select count(*) from presence_private.edge));
end $$;

-- A node's calls, each a transaction of its own, until all are told.
create procedure pg_temp.tell(what text)
    language plpgsql as $$
declare
    began   timestamptz := clock_timestamp();
    call    timestamptz;
    longest double precision := 0;
begin
    loop
        call := clock_timestamp();
        exit when coalesce(presence.expand_edges(), 0) < 1;
        longest := greatest(longest, extract(epoch from clock_timestamp() - call) * 1000);
        commit;
    end loop;
    insert into took values (tell.what, extract(epoch from clock_timestamp() - began) * 1000,
                             (select count(*) from presence_private.notification)), (tell.what || ', a call', longest, null);
end $$;

-- the first of each plans and fills caches, and is not counted
select pg_temp.come(who) from (values ('unwatched'), ('watched')) v (who);
call pg_temp.tell('told');
truncate took, presence_private.notification;

-- 51 joins of each, in turn
select format('select pg_temp.go(%L)', who), format('select pg_temp.come(%L)', who), 'delete from presence_private.edge'
  from generate_series(1, 51) n, (values ('unwatched'), ('watched')) v (who) order by n, who
\gexec

-- and 5 times all are told
select 'select pg_temp.go(''watched'')', 'select presence.heartbeat(''floor'', ''watched'', gen_random_uuid())',
       'call pg_temp.tell(''told'')', 'truncate presence_private.notification'
  from generate_series(1, 5)
\gexec

\o
\pset footer off
select case t.what when 'unwatched join' then 'the join of whom nobody watches'
                   when 'watched join' then 'the join of whom 10,000 watch'
                   when 'told' then 'until all 10,000 are told, by one node'
                   else 'the longest call of that' end as "What",
       round(percentile_cont(0.5) within group (order by t.ms)::numeric, 2) as "Median, ms",
       count(*) as "Times",
       case when t.what like '%join' then max(t.rows) end as "Rows in edge",
       case when t.what = 'told' then min(t.rows) end as "Notifications"
  from took t
 where t.what in ('unwatched join', 'watched join', 'told', 'told, a call')
 group by t.what
 order by min(array_position(array['unwatched join', 'watched join', 'told', 'told, a call'], t.what));

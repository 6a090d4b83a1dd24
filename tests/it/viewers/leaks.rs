//! What a viewer gets to know by the way: by functions that tell what they are given, by EXPLAIN, by errors, by the
//! planner's statistics, by the catalogue (FAULTS 65). Everything that he may not know has a word in it that is nowhere
//! else.

use std::sync::{Arc, Mutex};

use tokio_postgres::Client;

use crate::support::{
    db::TestDb,
    sql::{connect_aloud, list, run, viewer},
};

/// The word.
const SECRET: &str = "zqxjk";

/// A room of an event that bob has no part in, with many people of one name and message, and a vendor room where he is
/// the wrong vendor.
async fn hide(admin: &Client, people: usize) {
    run(
        admin,
        &format!(
            "insert into event_app.users (id, name, avatar_url) select '{SECRET}-user-' || n, '{SECRET} name', '{SECRET} face' from generate_series(1, {people}) n on conflict do nothing;
             insert into event_app.events (id, name) values ('{SECRET}-event', '{SECRET} event') on conflict do nothing;
             insert into event_app.rooms (id, event_id, name, kind, vendor_id) values
                ('{SECRET}-room', '{SECRET}-event', '{SECRET} room', 'chat', null),
                ('{SECRET}-vendor', 'gala', '{SECRET} stand', 'vendor', '{SECRET}-user-1') on conflict do nothing;
             insert into event_app.room_participants (room_id, user_id) select r, '{SECRET}-user-' || n
               from generate_series(1, {people}) n, unnest(array['{SECRET}-room', '{SECRET}-vendor']) r on conflict do nothing;
             insert into event_app.room_participants (room_id, user_id, role) values ('{SECRET}-vendor', 'bob', 'vendor') on conflict do nothing;
             select presence.heartbeat('{SECRET}-room', '{SECRET}-user-' || n, gen_random_uuid(), message => '{SECRET} message', activity => '{SECRET} activity', data => '{{\"secret\": \"{SECRET}\"}}'),
                    presence.heartbeat('{SECRET}-vendor', '{SECRET}-user-' || n, gen_random_uuid(), message => '{SECRET} message')
               from generate_series(1, {people}) n;
             select presence.heartbeat('general', u, gen_random_uuid(), message => 'open message') from unnest(array['alice', 'bob', 'carol']) u"
        ),
    )
    .await;
}

/// Functions and operators that cost nothing, tell what they see, and have the planner ask its statistics.
const TELLTALES: &str = "\
create schema mine;
create function mine.leak(text) returns boolean language plpgsql immutable cost 0.0000001 as
  $$ begin raise notice 'leak: %', $1; return true; end $$;
create function mine.leak2(text, text) returns boolean language plpgsql immutable cost 0.0000001 as
  $$ begin raise notice 'leak: % %', $1, $2; return true; end $$;
create function mine.leak3(text, text) returns integer language plpgsql immutable cost 0.0000001 as
  $$ begin raise notice 'leak: % %', $1, $2; return 1; end $$;
create operator mine.=== (function = mine.leak2, leftarg = text, rightarg = text, restrict = eqsel, join = eqjoinsel);
create operator mine.<<< (function = mine.leak2, leftarg = text, rightarg = text, restrict = scalarltsel, join = scalarltjoinsel);
create operator mine.~~~ (function = mine.leak2, leftarg = text, rightarg = text, restrict = matchingsel, join = matchingjoinsel);
set search_path = mine, pg_catalog;";

async fn spy(db: &TestDb, name: &str) -> (Client, Arc<Mutex<String>>) {
    let url = viewer(db, name, "bob").await;
    db.login(name, &format!("grant create on database {} to $login", db.name()))
        .await;
    let (spy, said) = connect_aloud(&url).await;
    run(&spy, TELLTALES).await;
    (spy, said)
}

/// All that a statement brings: rows, or the error with all its parts.
async fn all_of(sql: &Client, statement: &str) -> String {
    match sql.simple_query(statement).await {
        Ok(messages) => format!("{messages:?}"),
        Err(error) => format!("{:?}", error.as_db_error().expect("an answer")),
    }
}

const VISIBLE: [&str; 8] = [
    "visible_members",
    "visible_rooms",
    "visible_events",
    "visible_last_seen",
    "visible_members('zqxj' || 'k-room')",
    "visible_rooms('zqxj' || 'k-room')",
    "visible_events('zqxj' || 'k-event')",
    "visible_last_seen('zqxj' || 'k-vendor')",
];

/// What a viewer may not read at all.
const CLOSED: [&str; 9] = [
    "presence.members",
    "presence.sessions",
    "presence.rooms",
    "presence.last_seen",
    "presence.events",
    "presence.activity_24h",
    "presence_private.session",
    "presence_private.last_seen",
    "event_app.rooms",
];

/// Ways to read one of those; `$from` is it.
const WAYS: [&str; 12] = [
    "select * from $from v where mine.leak(v::text)",
    "select count(*) from $from v where mine.leak(v::text) and v::text = 'x'",
    "select * from $from v join (values ('a')) w(a) on mine.leak2(v::text, w.a)",
    "select * from $from v order by mine.leak(v::text), 1 limit 1",
    "select v::text, mine.leak(max(v::text)) from $from v group by v::text having mine.leak(min(v::text))",
    "select 1 / (case when v::text like '%zqxj' || 'k%' then 0 else 1 end) from $from v",
    "select v::text::integer from $from v",
    "select v::text::jsonb -> 'x' from $from v where v::text like '%message%'",
    "explain (analyze, verbose, buffers, settings) select * from $from v where mine.leak(v::text) and v::text <> 'x'",
    "explain (verbose) select * from $from v where v::text operator(mine.===) 'x'",
    "with x as materialized (select * from $from) select mine.leak(x::text) from x",
    "select string_agg(v::text, mine.leak3(v::text, v::text)::text) from $from v",
];

/// FAULTS 65: no way of reading prints a row, a name or an id that is forbidden.
#[tokio::test]
async fn no_way_of_reading_prints_what_is_forbidden() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    hide(&admin, 20).await;
    run(&admin, "analyze").await;
    let (spy, said) = spy(&db, "presence_test_spy").await;

    for from in VISIBLE
        .map(|view| format!("presence.{view}"))
        .into_iter()
        .chain(CLOSED.map(str::to_owned))
    {
        for way in WAYS {
            let statement = way.replace("$from", &from);
            let got = all_of(&spy, &statement).await;
            let got = got.replace(&format!("('{SECRET}-"), "('"); // his own argument, which EXPLAIN shows
            assert!(!got.contains(SECRET), "{statement}: {got}");
            if CLOSED.contains(&from.as_str()) {
                assert!(
                    got.contains("42501") || got.contains("42601"),
                    "{statement}: {got}"
                );
            }
        }
    }

    let said = said.lock().expect("no panic").clone();
    assert!(
        said.contains("leak: ") && said.contains("open message"),
        "it tells what may be seen: {said}"
    );
    assert!(!said.contains(SECRET), "{said}");
}

/// FAULTS 65: the planner asks its statistics with functions of the one who asks, before his rights are looked at.
#[tokio::test]
async fn the_planner_s_statistics_are_told_to_nobody() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    hide(&admin, 60).await;
    run(&admin, "analyze").await;
    let common = "select m::text from pg_stats, unnest(most_common_vals::text::text[]) m where tablename = 'session' and attname = 'message'";
    assert!(
        list(&admin, common).await.contains(&format!("{SECRET} message")),
        "there is something to be told"
    );
    let (spy, said) = spy(&db, "presence_test_spy").await;

    for from in CLOSED
        .map(str::to_owned)
        .into_iter()
        .chain(VISIBLE.map(|view| format!("presence.{view}")))
    {
        for column in [
            "message", "status", "room_id", "user_id", "name", "event_id", "reason", "id",
        ] {
            for operator in ["===", "<<<", "~~~"] {
                for statement in [
                    format!(
                        "explain select from {from} v where v.{column}::text operator(mine.{operator}) 'm'"
                    ),
                    format!(
                        "explain select from {from} v join {from} w on v.{column}::text operator(mine.{operator}) w.{column}::text"
                    ),
                ] {
                    let got = all_of(&spy, &statement).await;
                    assert!(!got.contains(SECRET), "{statement}: {got}");
                }
            }
        }
    }

    let heard = said.lock().expect("no panic").clone();
    assert_eq!(
        heard, "",
        "planning called nothing with what is in the statistics"
    );
    let own = "create table mine.own as select 'my message'::text as message from generate_series(1, 100); analyze mine.own; \
               explain select from mine.own where message operator(mine.===) 'm'";
    run(&spy, own).await;
    assert!(
        said.lock().expect("no panic").contains("leak: my message"),
        "of a table of one's own it does"
    );
}

/// FAULTS 65: estimates, and what EXPLAIN ANALYZE counts, are the same whatever goes on elsewhere.
#[tokio::test]
async fn what_explain_counts_does_not_depend_on_what_is_hidden() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    hide(&admin, 1).await;
    run(&admin, "analyze").await;
    let (spy, _) = spy(&db, "presence_test_spy").await;
    let explained = async || {
        let mut plans = vec![];
        for view in VISIBLE {
            let explain = format!(
                "explain (analyze, verbose, timing off, summary off) select * from presence.{view} v where v::text <> ''"
            );
            plans.push(list(&spy, &explain).await.join("\n"));
        }
        plans
            .into_iter()
            .map(|plan| plan.split("Buffers:").next().expect("a part").to_owned())
            .collect::<Vec<_>>()
    };
    let before = explained().await;

    hide(&admin, 300).await;
    run(&admin, "analyze").await;

    assert_eq!(explained().await, before);
    assert!(before[0].contains("rows=3"), "{before:?}");
}

/// FAULTS 65: everything in the catalogue that a viewer can read, statistics and activity of others included.
#[tokio::test]
async fn no_catalogue_prints_what_is_forbidden() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    hide(&admin, 20).await;
    run(&admin, "analyze").await;
    let (spy, said) = spy(&db, "presence_test_spy").await;
    let catalogues = "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                      where n.nspname in ('pg_catalog', 'information_schema') and c.relkind in ('r', 'v') order by 1";
    let mut read = 0;

    for catalogue in list(&admin, catalogues).await {
        let got = all_of(&spy, &format!("select c::text from {catalogue} c")).await;
        assert!(!got.contains(SECRET), "{catalogue}");
        read += usize::from(!got.contains("42501"));
    }
    for ours in [
        "select * from pg_catalog.pg_stats where schemaname in ('presence', 'presence_private', 'event_app')",
        "select * from pg_catalog.pg_stats_ext where schemaname in ('presence', 'presence_private', 'event_app')",
        // Their names are in pg_class, as all are; how far they are is told to nobody.
        "select * from pg_catalog.pg_sequences where schemaname in ('presence', 'presence_private', 'presence_host') \
         and last_value is not null",
        "select * from information_schema.columns where table_schema in ('presence_private', 'presence_host', 'event_app')",
    ] {
        assert_eq!(spy.query(ours, &[]).await.expect(ours).len(), 0, "{ours}");
    }

    assert!(read > 150, "it reads them: {read}");
    assert!(!said.lock().expect("no panic").contains(SECRET));
}

/// A trusted backend sees every room; a function that tells what it is given tells it of nobody who has left, nor of
/// somebody who went invisible.
#[tokio::test]
async fn a_backend_s_telltale_functions_tell_of_nobody_who_left() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    run(
        &admin,
        "select presence.heartbeat('general', 'alice', gen_random_uuid());
         select presence.heartbeat('general', 'bob', '00000000-0000-0000-0000-000000000001', seq => 1);
         select presence.leave('general', 'bob', '00000000-0000-0000-0000-000000000001', seq => 2);
         select presence.heartbeat('general', 'carol', '00000000-0000-0000-0000-000000000002', seq => 1);
         select presence.heartbeat('general', 'carol', '00000000-0000-0000-0000-000000000002', status => 'invisible', seq => 2);
         analyze presence_private.session, presence_private.member",
    )
    .await;
    let rights = format!(
        "grant presence_app to $login; grant create on database {} to $login",
        db.name()
    );
    let (backend, said) = connect_aloud(&db.login("presence_test_curious_app", &rights).await).await;
    run(&backend, TELLTALES).await;

    for statement in [
        "select count(*) from presence.members where mine.leak(room_id) and mine.leak(user_id)",
        "select count(*) from presence.members v where mine.leak(v::text)",
        "select count(*) from presence.sessions where mine.leak(room_id) and mine.leak(user_id) and mine.leak(status)",
        "select count(*) from presence.sessions v where mine.leak(v::text)",
        "select count(*) from presence.sessions where user_id operator(mine.===) 'x' or mine.leak(session_id::text)",
    ] {
        assert_eq!(
            list(&backend, &format!("select count::text from ({statement}) c")).await,
            ["1"],
            "{statement}"
        );
    }

    let said = said.lock().expect("no panic").clone();
    assert!(
        said.contains("alice") && !said.contains("bob") && !said.contains("carol"),
        "{said}"
    );
}

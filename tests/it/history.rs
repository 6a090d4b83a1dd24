//! What is kept of presences that ended: visits, last seen, and what a loss of the unlogged data leaves open.

use nix::sys::signal::Signal;
use serde_json::json;
use tokio_postgres::Client;

use crate::support::{
    db::TestDb,
    scene::{Scene, Tab},
    server::{TestCluster, connect},
};

async fn run(sql: &Client, statements: &str) {
    sql.batch_execute(statements).await.expect(statements);
}

async fn list(sql: &Client, query: &str) -> Vec<String> {
    let rows = sql.query(query, &[]).await.expect(query);
    rows.iter().map(|row| row.get(0)).collect()
}

/// `<user> <from>..<to> <reason>` in seconds after the scene's origin, of presences that ended.
async fn visits(scene: &Scene, origin: &str) -> Vec<String> {
    let sql = format!(
        "select concat(user_id, ' ', extract(epoch from began_at - o.at)::integer, '..', \
                       extract(epoch from ended_at - o.at)::integer, ' ', reason) \
           from presence_private.visit, (select ({origin})::timestamptz as at) o order by began_at, user_id"
    );
    list(scene.sql(), &sql).await
}

/// An origin of which the test knows the text.
async fn scene_at(db: &TestDb, origin: &'static str) -> Scene {
    Scene::open_at(db, &format!("timestamptz '{origin}'")).await
}

const NOON: &str = "2040-05-05 12:00:00+00";

#[tokio::test]
async fn a_presence_that_ended_is_one_visit_however_many_tabs_it_had() {
    let Some(db) = TestDb::new().await else { return };
    let scene = scene_at(&db, NOON).await;
    let (first, second) = (Tab::new("general", "alice"), Tab::new("general", "alice"));

    scene.reap(0.0).await; // makes the partitions of that day
    scene.beat(0.0, &first, json!({})).await;
    scene.beat(5.0, &second, json!({})).await;
    scene.leave(10.0, &first, None).await;
    assert_eq!(visits(&scene, &format!("'{NOON}'")).await, [""; 0]);
    scene.leave(20.0, &second, None).await;
    scene.beat(30.0, &Tab::new("general", "alice"), json!({})).await;
    scene.beat(50.0, &Tab::new("general", "bob"), json!({})).await;
    assert_eq!(scene.reap(200.0).await, 2);

    assert_eq!(
        visits(&scene, &format!("'{NOON}'")).await,
        ["alice 0..20 left", "alice 30..30 expired", "bob 50..50 expired"]
    );
}

#[tokio::test]
async fn two_visits_that_end_at_one_moment_are_no_error() {
    let Some(db) = TestDb::new().await else { return };
    let scene = scene_at(&db, NOON).await;

    for _ in 0..2 {
        let tab = Tab::new("general", "alice");
        scene.beat(0.0, &tab, json!({})).await;
        assert_eq!(scene.leave(10.0, &tab, None).await, "left");
    }
    let tab = Tab::new("general", "alice");
    scene.beat(20.0, &tab, json!({})).await;
    assert_eq!(
        scene.leave(5.0, &tab, None).await,
        "left",
        "the clock jumped back"
    );

    assert_eq!(
        visits(&scene, &format!("'{NOON}'")).await,
        ["alice 0..10 left", "alice 20..20 left"]
    );
}

/// Days have their partitions before they come, and lose them after the retention; nothing is lost without one.
#[tokio::test]
async fn partitions_are_made_ahead_and_dropped_after_the_retention() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let days = "select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid \
                where i.inhparent = 'presence_private.visit'::regclass order by 1";
    let keep = |moment: &str| format!("select presence_private.keep_history('{moment}'::timestamptz)::text");
    let today = "select 'visit_' || to_char(now() at time zone 'UTC' + n * interval '1 day', 'YYYYMMDD') \
                 from generate_series(0, 7) n";
    let installed = list(&sql, days).await;
    let expected = list(&sql, today).await;
    assert_eq!(installed.len(), 9);
    assert!(
        expected.iter().all(|day| installed.contains(day)),
        "{installed:?}"
    );

    // A day long ago that has no partition, and one far ahead.
    run(
        &sql,
        "insert into presence_private.visit values \
         ('2040-05-06 10:00+00', '2040-05-06 11:00+00', 'general', 'alice', 'left'), \
         ('2000-01-01 10:00+00', '2000-01-01 11:00+00', 'general', 'alice', 'left')",
    )
    .await;
    assert_eq!(list(&sql, &keep("2040-05-05 00:00+00")).await, ["true"]);
    assert_eq!(list(&sql, &keep("2040-05-05 23:59+00")).await, ["false"]);
    let kept = "select tableoid::regclass::text from presence_private.visit";
    assert_eq!(list(&sql, kept).await, ["presence_private.visit_20400506"]);
    let now = list(&sql, days).await;
    assert_eq!(
        now.len(),
        9,
        "those of today are long past the retention: {now:?}"
    );

    run(&sql, "select presence.configure(retention => '2 days')").await;
    assert_eq!(list(&sql, &keep("2040-05-08 23:59+00")).await, ["true"]);
    assert_eq!(list(&sql, days).await[0], "visit_20400506");
    assert_eq!(list(&sql, &keep("2040-05-09 00:00+00")).await, ["true"]);
    assert_eq!(list(&sql, days).await[0], "visit_20400507");
    assert_eq!(list(&sql, kept).await, [""; 0]);
    let comments = "select c.relname::text from pg_class c where c.relname like 'visit%' and c.relkind in ('r', 'p') \
                    and obj_description(c.oid, 'pg_class') is null";
    assert_eq!(list(&sql, comments).await, [""; 0]);
}

/// A backup that reads the history for an hour holds up neither the reaper nor anybody's leave.
#[tokio::test]
async fn history_that_somebody_reads_is_looked_after_later() {
    let Some(db) = TestDb::new().await else { return };
    let scene = scene_at(&db, NOON).await;
    let reader = db.admin().await;
    let tab = Tab::new("general", "alice");
    run(
        &reader,
        "begin; lock table presence_private.visit in access share mode",
    )
    .await;

    assert_eq!(scene.reap(0.0).await, 0);
    scene.beat(0.0, &tab, json!({})).await;
    assert_eq!(scene.leave(1.0, &tab, None).await, "left");
    let days = "select count(*)::text from pg_inherits where inhparent = 'presence_private.visit'::regclass \
                and inhrelid::regclass::text like '%visit_2040%'";
    assert_eq!(list(scene.sql(), days).await, ["0"]);
    run(&reader, "commit").await;
    assert_eq!(scene.reap(59.0).await, 0);
    assert_eq!(list(scene.sql(), days).await, ["0"], "not every second");
    assert_eq!(scene.reap(61.0).await, 0);

    assert_eq!(list(scene.sql(), days).await, ["8"]);
    let moved = "select tableoid::regclass::text from presence_private.visit";
    assert_eq!(
        list(scene.sql(), moved).await,
        ["presence_private.visit_20400505"]
    );
}

/// The postmaster is killed while alice and bob are here. Bob comes back, alice does not.
#[tokio::test]
async fn a_crash_closes_what_it_left_open_at_the_last_sign_of_life() {
    let Some(mut cluster) = TestCluster::start(&[]).await else {
        return;
    };
    let url = cluster.database("history", "text").await;
    let beat = |user: &str| format!("select from presence.heartbeat('general', '{user}', gen_random_uuid())");
    let sql = connect(&url).await.expect("the cluster answers");
    // Short enough to wait for; nobody renews, so the reaper's own moment is the last sign of life.
    run(
        &sql,
        "select presence.configure(ttl => '2 s', heartbeat => '500 ms')",
    )
    .await;
    run(&sql, &(beat("alice") + ";" + &beat("bob"))).await;
    let began = list(
        &sql,
        "select since::text from presence_private.last_seen order by user_id",
    )
    .await;
    run(&sql, "select presence.reap()").await;
    let alive = list(&sql, "select alive_at::text from presence_private.alive").await;
    run(&sql, "checkpoint").await;

    cluster.kill(Signal::SIGKILL).await;
    cluster.restart().await;
    let sql = connect(&url).await.expect("the cluster is back");
    let seen = "select concat_ws(' ', user_id, case last_seen_at::text when (select max(alive_at::text) from kept) \
                then 'alive' end, reason) from presence.last_seen order by user_id";
    run(
        &sql,
        &format!("create temp table kept as select '{}' as alive_at", alive[0]),
    )
    .await;
    let right_after = list(&sql, seen).await;
    run(&sql, "select presence.reap()").await;
    run(&sql, &beat("bob")).await;
    let absent = "select concat_ws(' ', user_id, (last_seen_at::text = (select alive_at from kept))::text) \
                  from presence.absent_members('bob', 'general')";
    let told = list(&sql, absent).await;
    let open = "select count(*)::text from presence_private.last_seen where reason is null";
    run(&sql, "select presence.reap()").await;
    let before_one_ttl = list(&sql, open).await;
    run(&sql, "select pg_sleep(2.1)").await;
    run(&sql, &beat("bob")).await; // still here
    run(&sql, "select presence.reap(); select presence.reap()").await;

    assert_eq!(right_after, ["alice alive expired", "bob alive expired"]);
    assert_eq!(told, ["alice true"]);
    assert_eq!(before_one_ttl, ["2"]);
    let visits = "select concat_ws(' ', user_id, began_at, ended_at, reason) from presence.visits('general')";
    assert_eq!(
        list(&sql, visits).await,
        [
            format!("alice {} {} expired", began[0], alive[0]),
            format!("bob {}", began[1])
        ]
    );
    let done = "select concat(lost_at is null, ' ', close_at is null) from presence_private.alive";
    assert_eq!(list(&sql, done).await, ["t t"]);
}

#[tokio::test]
async fn the_reaper_writes_down_that_it_is_alive_every_ten_seconds() {
    let Some(db) = TestDb::new().await else { return };
    let scene = scene_at(&db, NOON).await;
    let alive =
        format!("select extract(epoch from alive_at - '{NOON}')::integer::text from presence_private.alive");

    let mut told = vec![];
    for second in 0..25 {
        scene.reap(f64::from(second)).await;
        told.extend(list(scene.sql(), &alive).await);
    }
    told.dedup();

    assert_eq!(told, ["0", "9", "18"]);
}

/// 14:05 in the general room of the gala, and all of its day.
#[tokio::test]
async fn occupancy_counts_people_and_not_tabs_or_rooms() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    run(
        &sql,
        "insert into presence_private.visit (began_at, ended_at, room_id, user_id, reason)
         select '2026-03-01 14:00+00'::timestamptz + b * interval '1 minute', '2026-03-01 14:00+00'::timestamptz + e * interval '1 minute',
                r, u, 'left'
           from (values ('general', 'alice', 0, 30), ('general', 'bob', 10, 20), ('general', 'bob', 20, 40),
                        ('planning', 'alice', 25, 60), ('expo-floor', 'carol', 0, 60)) v(r, u, b, e)",
    )
    .await;
    let of = |call: &str| {
        format!(
            "select concat_ws(' ', peak, to_char(peak_at at time zone 'UTC', 'HH24:MI'), average, people) \
               from presence.{call}, '2026-03-01 14:00+00', '2026-03-01 15:00+00')"
        )
    };

    // alice 30 of 60 minutes, bob 30; two at once from 14:10 to 14:30
    assert_eq!(list(&sql, &of("room_occupancy('general'")).await, ["2 14:10 1 2"]);
    // alice is one person in two rooms: 60 minutes; bob 30
    assert_eq!(list(&sql, &of("event_occupancy('gala'")).await, ["2 14:10 1.5 2"]);
    assert_eq!(list(&sql, &of("room_occupancy('nowhere'")).await, ["0 0 0"]);
    let there =
        "select user_id::text from presence.visits('general', '2026-03-01 14:05+00', '2026-03-01 14:05+00')";
    assert_eq!(list(&sql, there).await, ["alice"]);
    let backwards = sql
        .batch_execute("select presence.room_occupancy('general', now(), now() - interval '1 s')")
        .await;
    let refused = backwards.expect_err("nothing lies between");
    assert_eq!(refused.code().map(|code| code.code()), Some("PR400"));
}

/// By the clock, of those who are here and of those whose lease ran out and whom nobody reaped.
#[tokio::test]
async fn activity_tells_of_the_last_24_hours_and_of_now() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    run(
        &sql,
        "insert into presence_private.visit (began_at, ended_at, room_id, user_id, reason)
         select now() - b * interval '1 hour', now() - e * interval '1 hour', 'general', u, 'left'
           from (values ('alice', 30, 22), ('alice', 5, 4), ('bob', 30, 25)) v(u, b, e)",
    )
    .await;
    run(
        &sql,
        "select from presence.heartbeat('general', 'carol', gen_random_uuid());
         select from presence.heartbeat('planning', 'bob', gen_random_uuid());
         update presence_private.session set beat_at = now() - interval '2 hours', expires_at = now() - interval '1 hour' where user_id = 'bob';
         update presence_private.last_seen set since = now() - interval '3 hours', last_seen_at = now() - interval '3 hours' where user_id = 'bob'",
    )
    .await;

    let active = "select concat_ws(' ', id, visits, date_trunc('minute', present + interval '1 second')) \
                  from presence.activity_24h order by id";
    assert_eq!(
        list(&sql, active).await,
        [
            "general.alice 2 03:00:00",
            "general.carol 1 00:00:00",
            "planning.bob 1 01:00:00"
        ]
    );
}

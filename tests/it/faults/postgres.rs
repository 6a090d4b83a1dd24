//! Postgres is killed, fails over to a standby, or is restored from a dump: a node lives on, and what lasts is kept.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{PATIENCE, until_ready};
use crate::{
    doctor::server::standby_of,
    support::{
        app::{TEST_SLACK, TestApp, service_url},
        db::{TestDb, with_database, with_login},
        programs::{pg_dump, psql},
        server::{TestCluster, connect},
        sql::{as_owner, list, run},
        stream::Stream,
    },
};

const PROMISED: Duration = Duration::from_secs(10);

/// Whoever is on the stream: its user beats until that is answered with a lease, as a client does.
async fn come_back(app: &TestApp, user: &str, tab: Uuid) {
    let deadline = Instant::now() + PATIENCE;
    while app.client(user).beat("general", tab, json!({})).await.0 != StatusCode::OK {
        assert!(Instant::now() < deadline, "heartbeats never went through again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Streams that were open when the data was lost tell of a new epoch, and then of those who are back and nobody else.
async fn assert_right_again(app: &TestApp, stream: &mut Stream, before: &Value, tab: Uuid) {
    let begin = Instant::now();
    let lost = stream.next_of("snapshot").await;
    come_back(app, "alice", tab).await;
    let is_right = stream
        .until("general", PATIENCE, |picture| {
            picture.statuses() == [("alice", "active")].into()
        })
        .await;
    let took = begin.elapsed();

    println!("right again after {took:?}, promised within {PROMISED:?}");
    assert_ne!(&lost.data["epoch"], before);
    assert!(is_right && took < PROMISED * TEST_SLACK, "{took:?}");
    assert_eq!(stream.wrongs(), [""; 0]);
}

/// FAULTS 2.
#[tokio::test]
async fn a_killed_postmaster_ends_no_node_and_no_stream() {
    let Some(mut cluster) = TestCluster::start(&[]).await else {
        return;
    };
    let url = cluster.database("killed", "text").await;
    let app = TestApp::start_with(&service_url(&url), |_| {}).await;
    let (tab, ghost) = (Uuid::new_v4(), Uuid::new_v4());
    come_back(&app, "alice", tab).await;
    come_back(&app, "carol", ghost).await;
    let mut stream = app.client("bob").stream(&["general"]).await;
    let before = stream.next_of("snapshot").await.data["epoch"].clone();
    app.client("carol").leave("general", ghost).await;
    stream.next_of("diff").await; // known to have left
    until_ready(&app, StatusCode::OK).await;

    cluster.kill(Signal::SIGKILL).await;
    until_ready(&app, StatusCode::SERVICE_UNAVAILABLE).await;
    let degraded = stream.next_of("degraded").await;
    let (alive, _) = app.client("alice").get("/livez").await;
    let (refused, problem) = app.client("alice").beat("general", tab, json!({})).await;
    cluster.restart().await;

    assert_right_again(&app, &mut stream, &before, tab).await;
    until_ready(&app, StatusCode::OK).await;
    assert_eq!((degraded.name.as_str(), alive), ("degraded", StatusCode::OK));
    assert_eq!(
        (refused, &problem["type"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable"))
    );
}

/// FAULTS 13. Both servers are in the URL, as the documentation says.
#[tokio::test]
async fn a_node_finds_the_promoted_standby_and_begins_anew_there() {
    let Some(mut cluster) = TestCluster::start(&[]).await else {
        return;
    };
    let url = cluster.database("failover", "text").await;
    let sql = connect(&url).await.expect("it answers");
    let data = PathBuf::from(
        list(&sql, "select current_setting('data_directory')")
            .await
            .remove(0),
    );
    let standby = standby_of(&mut cluster, &data).await;
    let port = |url: &str| url.parse::<tokio_postgres::Config>().expect("a URL").get_ports()[0];
    let (old, new) = (port(&url), port(&standby.url("failover")));
    let both = service_url(&url).replace(&format!(":{old}/"), &format!(":{old},127.0.0.1:{new}/"))
        + "?target_session_attrs=read-write";
    let app = TestApp::start_with(&both, |_| {}).await;
    let (tab, ghost) = (Uuid::new_v4(), Uuid::new_v4());
    come_back(&app, "alice", tab).await;
    come_back(&app, "carol", ghost).await;
    let sql = connect(&url).await.expect("it answers");
    let written = list(&sql, "select pg_current_wal_flush_lsn()::text")
        .await
        .remove(0);
    let follower = connect(&standby.url("failover"))
        .await
        .expect("a standby answers");
    let caught_up = format!("select (pg_last_wal_replay_lsn() >= '{written}')::text");
    let deadline = Instant::now() + PATIENCE;
    while list(&follower, &caught_up).await != ["true"] {
        assert!(Instant::now() < deadline, "the standby follows");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut stream = app.client("bob").stream(&["general"]).await;
    let before = stream.next_of("snapshot").await.data["epoch"].clone();
    app.client("carol").leave("general", ghost).await;
    stream.next_of("diff").await; // known to have left

    cluster.kill(Signal::SIGKILL).await;
    until_ready(&app, StatusCode::SERVICE_UNAVAILABLE).await;
    run(&follower, "select pg_promote()").await;

    assert_right_again(&app, &mut stream, &before, tab).await;
    until_ready(&app, StatusCode::OK).await;
    let here = connect(&standby.url("failover")).await.expect("it is a primary");
    let members = "select user_id::text from presence.members";
    assert_eq!(list(&here, members).await, ["alice"]);
    standby.stop().await;
}

/// FAULTS 22. Unlogged rows are in the dump, and belong to another database.
#[tokio::test]
async fn a_restored_dump_begins_anew_and_keeps_what_lasts() {
    let Some(db) = TestDb::new().await else { return };
    let Some(restored) = TestDb::empty().await else {
        return;
    };
    let (Some(pg_dump), Some(psql)) = (pg_dump(&db).await, psql()) else {
        return;
    };
    let sql = db.admin().await;
    let viewer = "presence_test_restored";
    db.login(viewer, "grant presence_viewer to $login").await;
    as_owner(&sql, &format!("select presence.map_login('{viewer}', 'bob')")).await;
    run(
        &sql,
        "select from presence.heartbeat('general', 'bob', '00000000-0000-4000-8000-000000000001');
         select from presence.leave('general', 'bob', '00000000-0000-4000-8000-000000000001');
         select from presence.heartbeat('general', 'alice', gen_random_uuid())",
    )
    .await;
    let lasting = "select concat_ws(' ', user_id, last_seen_at, reason) from presence_private.last_seen order by user_id";
    let visits = "select concat_ws(' ', began_at, ended_at, reason) from presence.visits('general') where user_id = 'bob'";
    let (seen, visited) = (list(&sql, lasting).await, list(&sql, visits).await);

    let dump = Command::new(pg_dump)
        .arg(db.url())
        .output()
        .expect("pg_dump runs");
    let mut load = Command::new(psql)
        .args(["-q", "-v", "ON_ERROR_STOP=1", "-d", restored.url()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("psql runs");
    let mut script = load.stdin.take().expect("a pipe");
    script.write_all(&dump.stdout).expect("psql reads");
    drop(script); // or psql waits for more
    let loaded = load.wait().expect("psql ends");
    let there = restored.admin().await;
    let rows = "select count(*)::text from presence_private.member";
    let carried = list(&there, rows).await;
    let app = TestApp::start(&restored).await;
    let mut stream = app.client("bob").stream(&["general"]).await;
    let first = stream.next_of("snapshot").await;

    assert!(dump.status.success() && loaded.success());
    assert_eq!(carried, ["1"], "alice is in the dump");
    assert_eq!(
        (list(&there, rows).await, &first.data["members"]),
        (vec!["0".to_owned()], &json!([]))
    );
    let epoch = "select epoch::text from presence_private.epoch";
    assert_ne!(list(&there, epoch).await, list(&sql, epoch).await);
    let seen_there = list(&there, lasting).await;
    assert_eq!(seen_there[1], seen[1], "bob was seen when he was");
    assert!(seen_there[0].starts_with("alice "), "{seen_there:?}");
    assert_eq!((visited.len(), list(&there, visits).await), (1, visited));
    let login = with_database(&with_login(db.url(), viewer), restored.name());
    let bob = connect(&login).await.expect("bob's login");
    assert_eq!(list(&bob, "select presence.whoami()::text").await, ["bob"]);
}

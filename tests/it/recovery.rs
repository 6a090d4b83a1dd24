//! Postgres, or the way to it, goes away and comes back: nobody is told anything wrong, and nothing is lost.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use pg_presence::{config::Settings, observe::Observation};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{sync::broadcast::Receiver, time::timeout};
use uuid::Uuid;

use crate::support::{
    app::{SERVICE_LOGIN, TEST_SLACK, TestApp, service_url},
    cable::{Cable, Mode},
    client::Client,
    db::TestDb,
    server::{TestCluster, connect},
    stream::Stream,
};

const CANARY: Duration = Duration::from_millis(300);
/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A node that hears changes by way of this cable and in no other way: no sweep comes to its help.
async fn listening_by(url: &str, cabled: String) -> TestApp {
    let app = TestApp::start_with(url, |settings: &mut Settings| {
        settings.listen_database_url = Some(cabled);
        settings.canary = CANARY;
        settings.sweep = Duration::from_secs(300);
    })
    .await;
    until_ready(&app, StatusCode::OK).await;
    app
}

#[tokio::test]
async fn what_happened_while_the_listener_was_cut_off_is_delivered() {
    let Some(db) = TestDb::new().await else { return };
    let url = service_url(db.url());
    let (cable, cabled) = Cable::around(&url).await;
    let app = listening_by(&url, cabled).await;
    let mut facts = app.observer().subscribe();
    let mut stream = app.client("bob").stream(&["general"]).await;
    stream.next_of("snapshot").await;

    cable.set(Mode::Cut);
    await_fact(&mut facts, |fact| {
        matches!(fact, Observation::ListenerLost { .. })
    })
    .await;
    until_ready(&app, StatusCode::SERVICE_UNAVAILABLE).await;
    let (joined, _) = app
        .client("alice")
        .beat("general", Uuid::new_v4(), json!({}))
        .await;
    let unheard = stream.next_within(CANARY).await;
    cable.set(Mode::Pass);
    let begin = Instant::now();
    let diff = stream.next().await;
    let took = begin.elapsed();

    println!("heard {took:?} after the cable was mended");
    assert_eq!((joined, unheard), (StatusCode::OK, None));
    assert_eq!(diff.data["joined"][0]["user_id"], "alice");
    assert!(took < 3 * CANARY * TEST_SLACK, "{took:?}");
    until_ready(&app, StatusCode::OK).await;
}

#[tokio::test]
async fn a_deaf_listener_is_noticed_by_its_canaries_and_catches_up() {
    let Some(db) = TestDb::new().await else { return };
    let url = service_url(db.url());
    let (cable, cabled) = Cable::around(&url).await;
    let app = listening_by(&url, cabled).await;
    let mut facts = app.observer().subscribe();
    let mut stream = app.client("bob").stream(&["general"]).await;
    stream.next_of("snapshot").await;

    cable.set(Mode::Swallow);
    let begin = Instant::now();
    let (joined, _) = app
        .client("alice")
        .beat("general", Uuid::new_v4(), json!({}))
        .await;
    until_ready(&app, StatusCode::SERVICE_UNAVAILABLE).await;
    await_fact(&mut facts, |fact| {
        matches!(fact, Observation::ListenerLost { .. })
    })
    .await;
    let noticed = begin.elapsed();
    // The next attempts to connect are swallowed as well: they too must come to an end.
    await_fact(&mut facts, |fact| {
        matches!(fact, Observation::ListenerLost { .. })
    })
    .await;
    cable.set(Mode::Pass);
    let diff = stream.next().await;

    println!("noticed after {noticed:?}, promised within 3 canaries of {CANARY:?}");
    assert_eq!(joined, StatusCode::OK);
    assert!(noticed < 4 * CANARY * TEST_SLACK, "{noticed:?}");
    assert_eq!(diff.data["joined"][0]["user_id"], "alice");
    until_ready(&app, StatusCode::OK).await;
}

#[tokio::test]
async fn a_terminated_listener_is_back_at_once_with_what_it_missed() {
    let Some(db) = TestDb::new().await else { return };
    let url = service_url(db.url());
    let app = listening_by(&url, url.clone()).await;
    let (admin, mut facts) = (db.admin().await, app.observer().subscribe());
    let mut stream = app.client("bob").stream(&["general"]).await;
    stream.next_of("snapshot").await;

    let terminate = "select pg_terminate_backend(pid) from pg_stat_activity \
                     where usename = $1 and datname = current_database() and application_name like 'pg-presence listener %'";
    let begin = Instant::now();
    let ended = admin
        .query(terminate, &[&SERVICE_LOGIN])
        .await
        .expect("it is terminated");
    let (joined, _) = app
        .client("alice")
        .beat("general", Uuid::new_v4(), json!({}))
        .await;
    let diff = stream.next().await;
    await_fact(&mut facts, |fact| matches!(fact, Observation::ListenerConnected)).await;
    let took = begin.elapsed();

    println!("back after {took:?}, promised within a second");
    assert_eq!((ended.is_empty(), joined), (false, StatusCode::OK));
    assert_eq!(diff.data["joined"][0]["user_id"], "alice");
    assert!(took < Duration::from_secs(1) * TEST_SLACK, "{took:?}");
}

#[tokio::test]
async fn without_the_database_streams_stay_open_and_say_so() {
    let Some(db) = TestDb::new().await else { return };
    let url = service_url(db.url());
    let (cable, cabled) = Cable::around(&url).await;
    let (app, other) = (
        TestApp::start_with(&cabled, |_| {}).await,
        TestApp::start(&db).await,
    );
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    let mut stream = app.client("bob").stream(&["general"]).await;
    alice.beat("general", tab, json!({})).await;
    stream.next_of("diff").await;

    cable.set(Mode::Cut);
    let degraded = stream.next().await;
    let begin = Instant::now();
    let path = format!("/v1/rooms/general/sessions/{tab}");
    let refused = alice.send(Method::PUT, &path, Some(&json!({}))).await;
    let took = begin.elapsed();
    until_ready(&app, StatusCode::SERVICE_UNAVAILABLE).await;
    let (alive, _) = alice.get("/livez").await;
    let (unread, problem) = alice.get("/v1/rooms/general").await;
    let unopened = alice.try_stream(&["general"]).await.err();
    other
        .client("carol")
        .beat("general", Uuid::new_v4(), json!({}))
        .await;
    cable.set(Mode::Pass);
    let recovered = stream.next().await;
    let diff = stream.next().await;

    assert_eq!(
        (degraded.name.as_str(), recovered.name.as_str()),
        ("degraded", "recovered")
    );
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "1");
    println!("refused after {took:?}, promised within a second");
    assert!(took < Duration::from_secs(1) * TEST_SLACK, "{took:?}");
    assert_eq!(alive, StatusCode::OK);
    assert_eq!(
        (unread, &problem["type"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable"))
    );
    assert_eq!(unopened, Some(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(diff.data["joined"][0]["user_id"], "carol");
    assert_eq!(
        (alice.beat("general", tab, json!({})).await.0, stream.wrongs()),
        (StatusCode::OK, &[][..])
    );
    until_ready(&app, StatusCode::OK).await;
}

#[tokio::test]
async fn a_killed_backend_begins_a_new_epoch_and_streams_become_right() {
    let Some(cluster) = TestCluster::start(&[]).await else {
        return;
    };
    let url = cluster.database("crash", "text").await;
    let app = TestApp::start_with(&service_url(&url), |_| {}).await;
    let tabs = [("alice", Uuid::new_v4()), ("bob", Uuid::new_v4())];
    beat_all(&app, &tabs).await;
    let (carol, left) = (app.client("carol"), Uuid::new_v4());
    let gone = carol.beat("general", left, json!({})).await;
    let mut stream = app.client("bob").stream(&["general"]).await;
    let before = stream.next_of("snapshot").await;
    carol.leave("general", left).await;
    stream.next_of("diff").await;
    let victim = connect(&url).await.expect("it answers");
    let pid = victim
        .query_one("select pg_backend_pid()", &[])
        .await
        .expect("a backend")
        .get::<_, i32>(0);

    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("the backend is killed");
    drop(victim);
    until_answers(&url).await;
    let begin = Instant::now();
    let lost = stream.next_of("snapshot").await;
    while !beat_all(&app, &tabs).await {
        assert!(begin.elapsed() < PATIENCE, "heartbeats never went through again");
    }
    let here = [("alice", "active"), ("bob", "active")];
    let is_right = stream
        .until("general", PATIENCE, |picture| picture.statuses() == here.into())
        .await;
    let took = begin.elapsed();

    println!("right {took:?} after Postgres was back, promised within 10 s");
    assert_eq!(
        (gone.0, &before.data["online_count"]),
        (StatusCode::OK, &json!(3))
    );
    assert_ne!(lost.data["epoch"], before.data["epoch"]);
    assert!(
        is_right && took < Duration::from_secs(10) * TEST_SLACK,
        "{took:?}"
    );
    let (_, room) = app.client("bob").get("/v1/rooms/general").await;
    assert_eq!(cursor(&room), stream.picture("general").cursor);
    assert_eq!(
        (room["online_count"].as_u64(), stream.wrongs()),
        (Some(2), &[][..]),
        "carol is no ghost"
    );
    until_ready(&app, StatusCode::OK).await;
}

#[tokio::test]
async fn the_end_of_every_connection_under_load_is_no_error_of_ours() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    let (client, begin) = (app.client("alice"), Instant::now());
    let load = join_all((0..8).map(|n| {
        let client = client.of(["alice", "bob", "carol"][n % 3]);
        async move {
            let (tab, mut seen) = (Uuid::new_v4(), vec![]);
            while begin.elapsed() < Duration::from_secs(3) {
                let state = json!({"activity": format!("{}", seen.len())});
                seen.push(client.beat("general", tab, state).await.0);
                seen.push(client.get("/v1/rooms/general").await.0);
            }
            seen
        }
    }));
    let ends = async {
        let all = "select pg_terminate_backend(pid) from pg_stat_activity \
                   where usename = $1 and datname = current_database()";
        let mut ended = 0;
        while begin.elapsed() < Duration::from_millis(2_800) {
            ended += admin.query(all, &[&SERVICE_LOGIN]).await.expect("they end").len();
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        ended
    };

    let (seen, ended) = tokio::join!(load, ends);

    let all: Vec<StatusCode> = seen.into_iter().flatten().collect();
    let (good, bad): (Vec<StatusCode>, Vec<StatusCode>) =
        all.iter().partition(|status| **status == StatusCode::OK);
    println!(
        "{} good and {} refused calls while {ended} connections ended",
        good.len(),
        bad.len()
    );
    assert!(ended > 0 && good.len() > bad.len());
    assert!(
        bad.iter()
            .all(|status| *status == StatusCode::SERVICE_UNAVAILABLE),
        "{bad:?}"
    );
    until_ready(&app, StatusCode::OK).await;
    assert!(beat_all(&app, &[("alice", Uuid::new_v4())]).await);
}

#[tokio::test]
async fn a_truncate_by_hand_is_a_loss_like_any_other() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin, tab) = (TestApp::start(&db).await, db.admin().await, Uuid::new_v4());
    app.client("alice").beat("general", tab, json!({})).await;
    let gone = Uuid::new_v4();
    app.client("carol").beat("general", gone, json!({})).await;
    let mut stream: Stream = app.client("bob").stream(&["general"]).await;
    let before = stream.next_of("snapshot").await;
    app.client("carol").leave("general", gone).await;
    stream.next_of("diff").await;

    // A read that begins meanwhile waits for the tables, and then finds them empty and the epoch unchanged: TRUNCATE is not
    // MVCC-safe.
    let all = "begin; truncate presence_private.session, presence_private.member, presence_private.room, presence_private.change";
    admin.batch_execute(all).await.expect("it is emptied");
    let other = db.admin().await;
    for sql in ["select pg_notify('presence', '*')", "select pg_sleep(0.2)"] {
        other.batch_execute(sql).await.expect(sql);
    }
    admin.batch_execute("commit").await.expect("a commit");
    let after = stream.next().await;
    assert_ne!(after.data["epoch"], before.data["epoch"]);
    let (renewed, _) = app.client("alice").beat("general", tab, json!({})).await;
    let quiet = stream.next_within(Duration::from_millis(500)).await;

    assert_eq!(after.name, "snapshot");
    let here: Vec<&Value> = after.data["members"]
        .as_array()
        .expect("members")
        .iter()
        .collect();
    assert!(
        here.len() == 1 && here[0]["user_id"] == "alice",
        "{here:?}: she is put back, carol had left"
    );
    assert_eq!((renewed, quiet), (StatusCode::OK, None));
    assert_eq!(stream.wrongs(), [""; 0]);
}

/// Whether each was answered with a lease.
async fn beat_all(app: &TestApp, tabs: &[(&str, Uuid)]) -> bool {
    let client: Client = app.client("alice");
    let beats = tabs.iter().map(|(user, tab)| {
        let client = client.of(user);
        async move { client.beat("general", *tab, json!({})).await.0 }
    });
    join_all(beats)
        .await
        .iter()
        .all(|status| *status == StatusCode::OK)
}

async fn until_ready(app: &TestApp, expected: StatusCode) {
    let (client, deadline) = (app.client("alice"), Instant::now() + PATIENCE);
    loop {
        let (status, body) = client.get("/readyz").await;
        if status == expected {
            return;
        }
        assert!(Instant::now() < deadline, "readiness stays {status}: {body}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn until_answers(url: &str) {
    let deadline = Instant::now() + PATIENCE;
    // The killed backend's last word may still be on its way: once is not enough.
    tokio::time::sleep(Duration::from_millis(50)).await;
    while connect(url).await.is_err() {
        assert!(Instant::now() < deadline, "Postgres stays away");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn await_fact(facts: &mut Receiver<Observation>, is: impl Fn(&Observation) -> bool) {
    let fact = async { while !is(&facts.recv().await.expect("facts go on")) {} };
    timeout(PATIENCE, fact).await.expect("it was never observed");
}

fn cursor(room: &Value) -> String {
    format!(
        "{}.{}",
        room["epoch"].as_str().unwrap_or_default(),
        room["revision"]
    )
}

//! Postgres is away for a while: streams lose nothing by it, and what could not be given back runs out.

use std::time::Duration;

use nix::sys::signal::Signal;
use pg_presence::{config::Settings, observe::Observation};
use tokio::{sync::broadcast::Receiver, time::timeout};
use uuid::Uuid;

use super::{
    GONE, GRACE, PATIENCE, TTL, Watcher, log, node, open_in_general, sessions, short, until_sessions,
};
use crate::support::{
    app::{TestApp, service_url},
    cable::{Cable, Mode},
    db::TestDb,
    server::{TestCluster, connect},
};

/// A node whose way to Postgres is this cable.
async fn cabled(db: &TestDb, change: impl FnOnce(&mut Settings)) -> (Cable, TestApp) {
    let (cable, url) = Cable::around(&service_url(db.url())).await;
    let app = TestApp::start_with(&url, |settings| {
        short(settings);
        change(settings);
    })
    .await;
    (cable, app)
}

async fn await_fact(facts: &mut Receiver<Observation>, is: impl Fn(&Observation) -> bool) {
    let fact = async { while !is(&facts.recv().await.expect("facts go on")) {} };
    timeout(PATIENCE, fact).await.expect("it was never observed");
}

#[tokio::test]
async fn a_node_that_is_cut_off_for_less_than_a_ttl_loses_nobody() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let ttl = Duration::from_secs(10);
    let (cable, app) = cabled(&db, |settings| settings.ttl = Some(ttl)).await;
    let mut facts = app.observer().subscribe();
    let mut stream = open_in_general(&app.client("alice"), Uuid::new_v4()).await;
    until_sessions(&admin, &["general alice held"]).await;

    for mode in [Mode::Cut, Mode::Swallow] {
        cable.set(mode);
        await_fact(&mut facts, |fact| matches!(fact, Observation::Degraded { .. })).await;
        assert_eq!(stream.next().await.name, "degraded");
        cable.set(Mode::Cut); // what was swallowed never comes
        cable.set(Mode::Pass);
        await_fact(&mut facts, |fact| matches!(fact, Observation::Recovered)).await;
        assert_eq!(stream.next().await.name, "recovered");
    }
    // Renewed ever since: beyond what its lease was at the last cut.
    assert_eq!(stream.next_within(ttl).await, None);

    assert_eq!(log(&admin, "general").await, ["1 alice join"]);
    assert_eq!(sessions(&admin).await, ["general alice held"]);
}

#[tokio::test]
async fn a_stream_that_closes_while_postgres_is_away_is_given_back_when_it_returns() {
    let Some(db) = TestDb::new().await else { return };
    let (other, admin) = (node(&db).await, db.admin().await);
    let (cable, app) = cabled(&db, |settings| settings.ttl = Some(Duration::from_secs(600))).await;
    let mut facts = app.observer().subscribe();
    let mut watcher = Watcher::of(&other.client("bob"), "general").await;
    let stream = open_in_general(&app.client("alice"), Uuid::new_v4()).await;
    assert_eq!(watcher.next().await, ["alice joined"]);
    until_sessions(&admin, &["general alice held"]).await;

    cable.set(Mode::Cut);
    await_fact(&mut facts, |fact| matches!(fact, Observation::Degraded { .. })).await;
    drop(stream);
    let meanwhile = watcher.during(GONE).await;
    cable.set(Mode::Pass);
    let left = watcher.next().await;

    assert_eq!(meanwhile, [""; 0], "who could be told?");
    assert_eq!(left, ["alice left: disconnected"]);
}

#[tokio::test]
async fn what_is_never_given_back_runs_out_by_itself() {
    let Some(db) = TestDb::new().await else { return };
    let (other, admin) = (node(&db).await, db.admin().await);
    let (cable, app) = cabled(&db, |_| {}).await;
    let mut watcher = Watcher::of(&other.client("bob"), "general").await;
    let stream = open_in_general(&app.client("alice"), Uuid::new_v4()).await;
    assert_eq!(watcher.next().await, ["alice joined"]);
    until_sessions(&admin, &["general alice held"]).await;

    cable.set(Mode::Cut);
    drop(stream);
    let left = watcher.next().await;
    cable.set(Mode::Pass);
    let after = watcher.during(GONE).await;

    assert_eq!((left, after), (vec!["alice left: expired".to_owned()], vec![]));
    assert_eq!(
        log(&admin, "general").await,
        ["1 alice join", "2 alice leave expired"]
    );
}

/// It moved on to a node that Postgres hears, while the first node was cut off with its stream open.
#[tokio::test]
async fn a_node_that_comes_back_takes_nothing_from_where_its_clients_went() {
    let Some(db) = TestDb::new().await else { return };
    let (other, admin, tab) = (node(&db).await, db.admin().await, Uuid::new_v4());
    let (cable, app) = cabled(&db, |_| {}).await;
    let mut watcher = Watcher::of(&other.client("bob"), "general").await;
    let old = open_in_general(&app.client("alice"), tab).await;
    assert_eq!(watcher.next().await, ["alice joined"]);

    cable.set(Mode::Cut);
    let _new = open_in_general(&other.client("alice"), tab).await;
    cable.set(Mode::Pass);
    let while_both_are_open = watcher.during(TTL).await;
    drop(old);
    let after = watcher.during(GONE + TTL).await;

    assert_eq!((while_both_are_open, after), (vec![], vec![]));
    assert_eq!(log(&admin, "general").await, ["1 alice join"]);
    assert_eq!(sessions(&admin).await, ["general alice held"]);
}

#[tokio::test]
async fn a_clean_restart_of_postgres_loses_nobody_whose_stream_is_open() {
    let Some(mut cluster) = TestCluster::start(&[]).await else {
        return;
    };
    let url = cluster.database("restart", "text").await;
    let ttl = Duration::from_secs(10);
    let app = TestApp::start_with(&service_url(&url), |settings: &mut Settings| {
        short(settings);
        settings.ttl = Some(ttl);
    })
    .await;
    let (alice, bob) = (app.client("alice"), app.client("bob"));
    let stays = open_in_general(&alice, Uuid::new_v4()).await;
    let goes = open_in_general(&bob, Uuid::new_v4()).await;
    let admin = connect(&url).await.expect("it answers");
    until_sessions(&admin, &["general alice held", "general bob held"]).await;
    let mut watcher = Watcher::of(&app.client("carol"), "general").await;
    let mut facts = app.observer().subscribe();

    cluster.kill(Signal::SIGINT).await;
    await_fact(&mut facts, |fact| matches!(fact, Observation::Degraded { .. })).await;
    drop(goes);
    cluster.restart().await;
    await_fact(&mut facts, |fact| matches!(fact, Observation::Recovered)).await;
    let left = watcher.next().await;
    while let Some(event) = watcher.stream.next_within(ttl + GRACE).await {
        assert_ne!(event.name, "diff", "{event:?}");
    }

    assert_eq!(left, ["bob left: disconnected"]);
    let admin = connect(&url).await.expect("it answers");
    assert_eq!(sessions(&admin).await, ["general alice held"]);
    assert_eq!(
        log(&admin, "general").await,
        ["1 alice join", "2 bob join", "3 bob leave disconnected"]
    );
    drop(stays);
}

//! Closing a stream: a grace, then one leave; and whoever is back within the grace was never away.

use std::time::Instant;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    GONE, GRACE, HEARTBEAT, PATIENCE, TTL, Watcher, assert_within, log, node, nodes, open_in_general,
    sessions, short, try_open, until_sessions,
};
use crate::support::{
    app::{TestApp, service_url},
    db::TestDb,
    sql::{run, text},
};

/// The database's clock.
const NOW: &str = "select to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')";

async fn with_long_leases(db: &TestDb) -> TestApp {
    TestApp::start_with(&service_url(db.url()), |settings| {
        short(settings);
        settings.ttl = Some(TTL * 30);
    })
    .await
}

#[tokio::test]
async fn a_closed_stream_is_one_leave_within_the_grace_and_a_second_for_a_watcher_elsewhere() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    // Far from running out by itself.
    let (here, there) = (with_long_leases(&db).await, with_long_leases(&db).await);
    let mut watcher = Watcher::of(&there.client("bob"), "general").await;
    let stream = open_in_general(&here.client("alice"), Uuid::new_v4()).await;
    assert_eq!(watcher.next().await, ["alice joined"]);
    // Later than the join: last seen is to be the close, and not the last heartbeat.
    assert_eq!(watcher.during(TTL).await, [""; 0]);

    let before = text(&admin, NOW).await;
    let closed = Instant::now();
    drop(stream);
    let diff = watcher.next_event().await;
    let took = closed.elapsed();

    assert_within(took, GONE, "seen as gone");
    assert!(took >= GRACE, "there is a grace: {took:?}");
    assert_eq!(diff.data["left"][0]["user_id"], "alice");
    assert_eq!(diff.data["left"][0]["reason"], "disconnected");
    let seen = diff.data["left"][0]["last_seen_at"].as_str().unwrap_or_default();
    let after = text(&admin, NOW).await;
    assert!(
        *before <= *seen && *seen <= *after,
        "{before} <= {seen} <= {after}"
    );
    let seconds = format!("select extract(epoch from '{after}'::timestamptz - '{seen}')::float8::text");
    let ago: f64 = text(&admin, &seconds).await.parse().expect("seconds");
    assert!(
        ago > GRACE.as_secs_f64() * 0.9,
        "last seen when it closed, {ago} s ago"
    );
    assert_eq!(watcher.during(TTL).await, [""; 0], "and nothing else");
    assert_eq!(
        log(&admin, "general").await,
        ["1 alice join", "2 alice leave disconnected"]
    );
}

/// What was promised without the stream is kept without it; what the stream alone had joined has a grace.
#[tokio::test]
async fn a_stream_that_is_refused_shortens_no_lease_that_was_there_before_it() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (with_long_leases(&db).await, db.admin().await);
    let alice = app.client("alice");
    let [ended, older, newer] = [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()];
    alice.beat("planning", ended, json!({})).await;
    alice.call(Method::DELETE, "/v1/me/sessions", None).await;
    alice.beat("general", older, json!({})).await;

    let query = format!(
        "room=general&room=planning&session={older}@general&session={newer}@general&session={ended}@planning"
    );
    let refused = try_open(&alice, &query).await.err();

    assert_eq!(refused.map(|(status, _)| status), Some(StatusCode::CONFLICT));
    assert_eq!(sessions(&admin).await.len(), 2, "each has joined");
    until_sessions(&admin, &["general alice free"]).await;
    let left = "select session_id::text from presence_private.session where ended_at is null";
    assert_eq!(text(&admin, left).await, older.to_string());
}

#[tokio::test]
async fn a_reload_shows_nothing_to_anybody_on_the_same_node_or_another() {
    let Some(db) = TestDb::new().await else { return };
    let ((here, there), admin) = (nodes(&db).await, db.admin().await);
    let (tab, mut watcher) = (Uuid::new_v4(), Watcher::of(&here.client("bob"), "general").await);
    let mut stream = open_in_general(&here.client("alice"), tab).await;
    assert_eq!(watcher.next().await, ["alice joined"]);

    for next in [&here, &there, &there, &here] {
        drop(stream);
        until_sessions(&admin, &["general alice in grace"]).await;
        stream = open_in_general(&next.client("alice"), tab).await;
        until_sessions(&admin, &["general alice held"]).await;
    }

    // Every grace would be over by then.
    assert_eq!(watcher.during(GONE).await, [""; 0]);
    assert_eq!(log(&admin, "general").await, ["1 alice join"]);
    assert_eq!(sessions(&admin).await, ["general alice held"]);
}

/// The order that a page brings about that opens its new stream before the old one is noticed to be gone.
#[tokio::test]
async fn a_stream_that_closes_after_its_successor_opened_changes_nothing() {
    let Some(db) = TestDb::new().await else { return };
    let ((here, there), admin) = (nodes(&db).await, db.admin().await);
    let (tab, mut watcher) = (Uuid::new_v4(), Watcher::of(&here.client("bob"), "general").await);
    let mut stream = open_in_general(&here.client("alice"), tab).await;

    for next in [&there, &here, &here, &there] {
        let successor = open_in_general(&next.client("alice"), tab).await;
        drop(std::mem::replace(&mut stream, successor));
    }

    assert_eq!(watcher.during(GONE + TTL).await, ["alice joined"]);
    assert_eq!(log(&admin, "general").await, ["1 alice join"]);
    assert_eq!(sessions(&admin).await, ["general alice held"]);
}

#[tokio::test]
async fn a_heartbeat_within_the_grace_keeps_it_and_what_then_runs_out_has_expired() {
    let Some(db) = TestDb::new().await else { return };
    let ((here, there), admin) = (nodes(&db).await, db.admin().await);
    let (tab, mut watcher) = (Uuid::new_v4(), Watcher::of(&here.client("bob"), "general").await);
    let stream = open_in_general(&here.client("alice"), tab).await;
    assert_eq!(watcher.next().await, ["alice joined"]);

    drop(stream);
    until_sessions(&admin, &["general alice in grace"]).await;
    let (_, lease) = there.client("alice").beat("general", tab, json!({})).await;
    let kept = sessions(&admin).await;
    let diff = watcher.next_event().await;

    assert_eq!(kept, ["general alice free"]);
    assert_eq!(lease["heartbeat_ms"], 500, "no stream holds it");
    assert_eq!(diff.data["left"][0]["reason"], "expired");
    let seen = diff.data["left"][0]["last_seen_at"].clone();
    assert_eq!(seen, beat_at(&lease), "its last sign of life was the heartbeat");
    assert_eq!(
        log(&admin, "general").await,
        ["1 alice join", "2 alice leave expired"]
    );
}

/// When a heartbeat came that was answered so: a TTL before the lease ends.
fn beat_at(lease: &Value) -> Value {
    let text = lease["expires_at"].as_str().expect("a moment");
    let moment = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339);
    let beat = pg_presence::domain::Stamp(moment.expect("RFC 3339") - TTL);
    serde_json::to_value(beat).expect("a moment")
}

/// One of two tabs that closes is seen by nobody.
#[tokio::test]
async fn of_two_sessions_each_has_a_grace_of_its_own() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (node(&db).await, db.admin().await);
    let mut watcher = Watcher::of(&app.client("bob"), "general").await;
    let first = open_in_general(&app.client("alice"), Uuid::new_v4()).await;
    let second = open_in_general(&app.client("alice"), Uuid::new_v4()).await;
    until_sessions(&admin, &["general alice held", "general alice held"]).await;

    drop(first);
    until_sessions(&admin, &["general alice held"]).await;
    assert_eq!(log(&admin, "general").await, ["1 alice join"]);
    drop(second);
    until_sessions(&admin, &[]).await;

    assert_eq!(watcher.next().await, ["alice joined"]);
    assert_eq!(watcher.next().await, ["alice left: disconnected"]);
}

/// A backend of the application that holds a row of ours, in a transaction that takes its time.
#[tokio::test]
async fn a_session_that_somebody_keeps_locked_is_renewed_and_given_back_afterwards() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let app = with_long_leases(&db).await;
    let mut watcher = Watcher::of(&app.client("bob"), "general").await;
    let stream = open_in_general(&app.client("alice"), Uuid::new_v4()).await;
    assert_eq!(watcher.next().await, ["alice joined"]);
    until_sessions(&admin, &["general alice held"]).await;
    let lock = "begin; select from presence_private.session for update";
    let expires_at = "select expires_at::text from presence_private.session";

    run(&admin, lock).await;
    let before = text(&admin, expires_at).await;
    let while_locked = watcher.during(HEARTBEAT * 2).await;
    let unchanged = text(&admin, expires_at).await;
    run(&admin, "commit").await;
    let deadline = Instant::now() + PATIENCE;
    while text(&admin, expires_at).await == before {
        assert!(Instant::now() < deadline, "it is never renewed");
    }
    run(&admin, lock).await;
    drop(stream);
    let closed_while_locked = watcher.during(GRACE * 2).await;
    run(&admin, "commit").await;
    let left = watcher.next().await;

    assert_eq!((while_locked, unchanged), (vec![], before));
    assert_eq!(closed_while_locked, [""; 0]);
    assert_eq!(left, ["alice left: disconnected"]);
}

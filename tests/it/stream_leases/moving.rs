//! From one node to another: an old socket that is dead and does not know it, and nodes that stop.

use serde_json::json;
use uuid::Uuid;

use super::{GONE, TTL, Watcher, log, nodes, open_in_general, sessions, until_sessions};
use crate::support::{
    cable::{Cable, Mode},
    client::Client,
    db::TestDb,
};

/// A client whose way to this node is this cable.
async fn cabled(url: &str, user: &str) -> (Cable, Client) {
    let address = url.strip_prefix("http://").expect("a URL");
    let (cable, url) = Cable::around(&format!("http://nobody@{address}")).await;
    let client = Client::new(url.replace("nobody@", "").trim_end_matches('/'), user);
    (cable, client)
}

/// FAULTS 28.
#[tokio::test]
async fn who_moved_on_while_the_old_socket_was_half_open_does_not_leave_when_it_closes() {
    let Some(db) = TestDb::new().await else { return };
    let ((old, new), admin) = (nodes(&db).await, db.admin().await);
    let (tab, mut watcher) = (Uuid::new_v4(), Watcher::of(&new.client("bob"), "general").await);
    let (cable, alice) = cabled(old.url(), "alice").await;
    let _dead = open_in_general(&alice, tab).await;
    until_sessions(&admin, &["general alice held"]).await;

    cable.set(Mode::Swallow);
    let _stream = open_in_general(&new.client("alice"), tab).await;
    let while_half_open = watcher.during(TTL).await;
    cable.set(Mode::Cut);
    let after = watcher.during(GONE + TTL).await;

    assert_eq!(while_half_open, ["alice joined"]);
    assert_eq!(after, [""; 0]);
    assert_eq!(log(&admin, "general").await, ["1 alice join"]);
    assert_eq!(sessions(&admin).await, ["general alice held"]);
}

#[tokio::test]
async fn the_old_node_neither_renews_nor_ends_what_left_the_new_one() {
    let Some(db) = TestDb::new().await else { return };
    let ((old, new), admin) = (nodes(&db).await, db.admin().await);
    let (tab, mut watcher) = (Uuid::new_v4(), Watcher::of(&new.client("bob"), "general").await);
    let (cable, alice) = cabled(old.url(), "alice").await;
    let _dead = open_in_general(&alice, tab).await;
    cable.set(Mode::Swallow);
    let stream = open_in_general(&new.client("alice"), tab).await;
    assert_eq!(watcher.next().await, ["alice joined"]);
    assert_eq!(watcher.during(TTL).await, [""; 0]);

    drop(stream);
    let left = watcher.next().await;
    cable.set(Mode::Cut);
    let after = watcher.during(GONE).await;

    assert_eq!(
        (left, after),
        (vec!["alice left: disconnected".to_owned()], vec![])
    );
    assert_eq!(
        log(&admin, "general").await,
        ["1 alice join", "2 alice leave disconnected"]
    );
}

/// FAULTS 27.
#[tokio::test]
async fn who_goes_on_at_another_node_when_one_stops_was_never_away() {
    let Some(db) = TestDb::new().await else { return };
    let ((stops, stays), admin) = (nodes(&db).await, db.admin().await);
    let (tab, mut watcher) = (Uuid::new_v4(), Watcher::of(&stays.client("bob"), "general").await);
    let mut stream = open_in_general(&stops.client("alice"), tab).await;
    assert_eq!(watcher.next().await, ["alice joined"]);

    stops.terminate();
    let bye = stream.next_of("bye").await;
    drop(stream);
    stops.ended().await.expect("an orderly end");
    let _next = open_in_general(&stays.client("alice"), tab).await;
    let told = watcher.during(GONE + TTL).await;

    assert_eq!(bye.data["reason"], "shutdown");
    assert!(
        bye.data["retry_ms"]
            .as_u64()
            .is_some_and(|wait| wait < TTL.as_millis() as u64 * 2)
    );
    assert_eq!(told, [""; 0]);
    assert_eq!(log(&admin, "general").await, ["1 alice join"]);
    assert_eq!(sessions(&admin).await, ["general alice held"]);
}

#[tokio::test]
async fn a_node_that_stops_shortens_nothing() {
    let Some(db) = TestDb::new().await else { return };
    let ((stops, stays), admin) = (nodes(&db).await, db.admin().await);
    let mut watcher = Watcher::of(&stays.client("bob"), "general").await;
    let mut stream = open_in_general(&stops.client("alice"), Uuid::new_v4()).await;
    assert_eq!(watcher.next().await, ["alice joined"]);
    until_sessions(&admin, &["general alice held"]).await;

    stops.terminate();
    stream.next_of("bye").await;
    drop(stream);
    stops.ended().await.expect("an orderly end");
    let left_to_run = crate::support::sql::text(
        &admin,
        "select extract(epoch from expires_at - statement_timestamp())::float8::text from presence_private.session",
    )
    .await;
    let held = sessions(&admin).await;
    let diff = watcher.next_event().await;

    let left_to_run: f64 = left_to_run.parse().expect("seconds");
    println!("{left_to_run} s to run");
    assert_eq!(held, ["general alice held"], "nobody gave it back");
    assert_eq!(
        diff.data["left"][0]["reason"],
        json!("expired"),
        "its lease ran out"
    );
}

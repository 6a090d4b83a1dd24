//! Notifications on streams: on each of the watcher's, on any node, within a second, and on nobody else's.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use pg_presence::observe::Observation;

use super::told;
use crate::support::{
    app::{TEST_SLACK, TestApp},
    client::Client,
    db::TestDb,
    sql::run,
    stream::{Event, Stream},
};

async fn watch(client: &Client, user: &str) {
    let body = json!({"quiet_ms": 0});
    let (status, set) = client
        .call(Method::PUT, &format!("/v1/me/watches/{user}"), Some(&body))
        .await;
    assert_eq!(status, 200, "{set}");
}

async fn next_notification(stream: &mut Stream) -> Event {
    stream.next_of("notification").await
}

#[tokio::test]
async fn every_stream_of_the_watcher_on_any_node_is_told_within_a_second_and_nobody_else_is() {
    let Some(db) = TestDb::new().await else { return };
    let nodes = [TestApp::start(&db).await, TestApp::start(&db).await];
    let [here, there] = [&nodes[0], &nodes[1]].map(|node| node.client("alice"));
    watch(&here, "bob").await;
    let mut streams = [here.stream(&["general"]).await, there.stream(&["planning"]).await];
    let mut other = there.of("carol").stream(&["general"]).await;

    let begin = Instant::now();
    there.of("bob").beat("general", Uuid::new_v4(), json!({})).await;

    let mut seen = vec![];
    for stream in &mut streams {
        seen.push(next_notification(stream).await.data);
    }
    let took = begin.elapsed();
    println!("told after {took:?}");
    assert!(took < Duration::from_secs(1) * TEST_SLACK, "{took:?}");
    let (_, page) = there.get("/v1/me/notifications").await;
    assert_eq!(seen, vec![page["notifications"][0].clone(); 2]);
    // What follows on carol's stream is the next change of the room, and nothing before it.
    other
        .until("general", Duration::from_secs(10), |room| {
            room.members.contains_key("bob")
        })
        .await;
    there.of("alice").beat("general", Uuid::new_v4(), json!({})).await;
    loop {
        let event = other.next().await;
        assert_ne!(event.name, "notification");
        if event.data["joined"][0]["user_id"] == "alice" {
            break;
        }
    }
}

/// A crash of Postgres may lose the last notifications, and give their ids again.
#[tokio::test]
async fn ids_that_are_given_again_after_a_crash_are_told_all_the_same() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    run(
        &sql,
        "alter table presence_private.notification alter notification_id restart with 1000",
    )
    .await;
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");
    watch(&alice, "bob").await;
    let mut stream = alice.stream(&["general"]).await;
    alice.of("bob").beat("general", Uuid::new_v4(), json!({})).await;
    assert_eq!(next_notification(&mut stream).await.data["id"], "1000");

    let mut facts = app.observer().subscribe();
    run(
        &sql,
        "alter table presence_private.edge rename to edge_away; delete from presence_private.notification; \
         alter table presence_private.notification alter notification_id restart with 10",
    )
    .await;
    loop {
        let fact = timeout(Duration::from_secs(60), facts.recv()).await;
        if let Observation::ExpandFailed { .. } = fact.expect("in time").expect("a fact") {
            break;
        }
    }
    run(&sql, "alter table presence_private.edge_away rename to edge").await;
    run(&sql, "select presence.leave_everywhere('bob')").await;
    run(
        &sql,
        "update presence_private.last_seen set last_seen_at = last_seen_at - interval '1 min' where user_id = 'bob'",
    )
    .await;
    alice.of("bob").beat("general", Uuid::new_v4(), json!({})).await;

    assert_eq!(next_notification(&mut stream).await.data["id"], "10");
}

/// The row is there, the stream is silent.
#[tokio::test]
async fn whoever_is_busy_is_not_disturbed_and_finds_it_in_the_list() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");
    let tab = Uuid::new_v4();
    alice.beat("general", tab, json!({"status": "busy"})).await;
    alice.beat("general", tab, json!({"status": "typing"})).await;
    let carol = alice.of("carol");
    watch(&alice, "bob").await;
    watch(&alice, "carol").await;
    watch(&carol, "bob").await;
    let mut stream = alice.stream(&["general"]).await;
    let mut other = carol.stream(&["general"]).await;

    alice.of("bob").beat("general", Uuid::new_v4(), json!({})).await;
    next_notification(&mut other).await; // by the same look that passes alice over
    alice.beat("general", tab, json!({"status": "active"})).await;
    carol.beat("general", Uuid::new_v4(), json!({})).await;

    assert_eq!(next_notification(&mut stream).await.data["user_id"], "carol");
    assert_eq!(unread(&alice).await, 2);
}

/// Said for all rooms, by somebody who is in none.
#[tokio::test]
async fn whoever_is_busy_in_all_rooms_is_not_disturbed_though_they_are_nowhere() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");
    let carol = alice.of("carol");
    watch(&alice, "bob").await;
    watch(&carol, "bob").await;
    let busy = json!({"status": "busy"});
    alice.call(Method::PUT, "/v1/me/status", Some(&busy)).await;
    let (mut stream, mut other) = (alice.stream(&["general"]).await, carol.stream(&["general"]).await);

    alice.of("bob").beat("general", Uuid::new_v4(), json!({})).await;
    next_notification(&mut other).await; // by the same look that passes alice over
    alice.call(Method::DELETE, "/v1/me/status", None).await;
    watch(&alice, "carol").await;
    carol.beat("general", Uuid::new_v4(), json!({})).await;

    assert_eq!(next_notification(&mut stream).await.data["user_id"], "carol");
    assert_eq!(unread(&alice).await, 2);
}

async fn unread(client: &Client) -> Value {
    client.get("/v1/me/notifications").await.1["unread_count"].clone()
}

/// Waits until so many are listed.
async fn until_listed(client: &Client, count: u64) {
    let patience = Instant::now() + Duration::from_secs(20);
    while unread(client).await.as_u64() < Some(count) {
        assert!(Instant::now() < patience, "nothing is listed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_reload_and_a_room_switch_tell_nobody() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start_with(&crate::support::app::service_url(db.url()), |settings| {
        settings.grace = Duration::from_secs(60);
    })
    .await;
    let (alice, bob) = (app.client("alice"), app.client("bob"));
    watch(&alice, "bob").await;
    watch(&alice, "carol").await;
    let mut stream = alice.stream(&["general"]).await;

    let [first, second, third] = [(); 3].map(|()| Uuid::new_v4());
    bob.beat("general", first, json!({})).await;
    assert_eq!(next_notification(&mut stream).await.data["user_id"], "bob");
    bob.leave("general", first).await;
    bob.beat("general", second, json!({})).await;
    bob.leave("general", second).await;
    bob.beat("planning", third, json!({})).await;
    alice.of("carol").beat("general", Uuid::new_v4(), json!({})).await;

    assert_eq!(next_notification(&mut stream).await.data["user_id"], "carol");
    assert_eq!(
        told(&db.admin().await).await,
        ["alice bob general", "alice carol general"]
    );
}

/// A ring that is lost, as where the listener is away, is no notification that is lost.
#[tokio::test]
async fn without_a_ring_streams_are_told_a_few_seconds_later() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");
    let mut stream = alice.stream(&["general"]).await;

    let written = "insert into presence_private.notification (at, watcher_id, user_id, room_id) \
                   values (now(), 'alice', 'bob', 'general'), (now(), 'dave', 'bob', 'general')";
    run(&db.admin().await, written).await;

    assert_eq!(next_notification(&mut stream).await.data["user_id"], "bob");
}

#[tokio::test]
async fn what_was_told_while_a_stream_was_away_is_in_the_list() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");
    watch(&alice, "bob").await;

    alice.of("bob").beat("general", Uuid::new_v4(), json!({})).await;

    until_listed(&alice, 1).await;
}

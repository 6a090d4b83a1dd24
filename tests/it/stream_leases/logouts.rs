//! A logout ends all streams of its user, whatever they watch, and on whatever node.

use pg_presence::config::Settings;
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

use super::{PATIENCE, open, sessions, short};
use crate::support::{
    app::{TestApp, service_url},
    db::TestDb,
    sql::run,
};

/// None of them holds a session.
const WATCHED: [&str; 4] = ["count=general", "event=gala", "user=bob", "room=planning"];

async fn node(db: &TestDb) -> TestApp {
    TestApp::start_with(&service_url(db.url()), |settings: &mut Settings| {
        short(settings);
        settings.sweep = Duration::from_secs(300); // no sweep tells: it is the ring
    })
    .await
}

/// FAULTS 40.
#[tokio::test]
async fn a_logout_ends_streams_that_hold_no_session_on_every_node_whoever_logs_out() {
    let Some(db) = TestDb::new().await else { return };
    let (admin, nodes) = (db.admin().await, [node(&db).await, node(&db).await]);
    let mut of_others = open(&nodes[1].client("bob"), "event=gala&user=alice").await;
    of_others.next_of("user").await;

    for logout in [
        "by HTTP",
        "select presence.leave_everywhere('alice')",
        "insert into presence_private.eviction (user_id, logout) values ('alice', true)",
    ] {
        let mut streams = vec![];
        for node in &nodes {
            for query in WATCHED {
                streams.push((query, open(&node.client("alice"), query).await));
            }
        }

        match logout {
            "by HTTP" => {
                let alice = nodes[0].client("alice");
                let (status, _) = alice.call(Method::DELETE, "/v1/me/sessions", None).await;
                assert_eq!(status, StatusCode::NO_CONTENT);
            }
            sql => run(&admin, sql).await,
        }

        for (query, stream) in &mut streams {
            let bye = stream.next_of("bye").await.data;
            assert_eq!(
                bye,
                json!({"reason": "logged-out", "retry_ms": null}),
                "{query}: {logout}"
            );
        }
    }
    let mut next = open(&nodes[0].client("alice"), "count=general").await;
    next.next_of("count").await;
    while let Some(event) = next.next_within(Duration::from_secs(2)).await {
        assert_ne!(event.name, "bye", "a stream of the next login stays");
    }
    while let Some(event) = of_others.next_within(Duration::ZERO).await {
        assert_ne!(event.name, "bye", "nobody else was logged out");
    }
    assert_eq!(sessions(&admin).await, [""; 0]);
}

/// A password is changed: the page that opens with the new login may be faster than the end of the old one's sessions.
#[tokio::test]
async fn a_stream_of_the_next_login_stays_though_the_logout_is_still_at_work() {
    let Some(db) = TestDb::new().await else { return };
    let (admin, holder) = (db.admin().await, db.admin().await);
    let app = node(&db).await;
    let (alice, bob) = (app.client("alice"), app.client("bob"));
    let mut old = open(&alice, &format!("room=general&session={}", Uuid::new_v4())).await;
    old.next_of("snapshot").await;
    run(
        &holder,
        "begin; select from presence_private.room where room_id = 'general' for update",
    )
    .await;

    run(
        &admin,
        "insert into presence_private.eviction (user_id, logout) values ('alice', true)",
    )
    .await;
    let session = Uuid::new_v4();
    let query = format!("room=general&room=planning&session={session}@planning");
    let mut new = open(&alice, &query).await;
    new.next_of("snapshot").await;
    assert_eq!(old.next_of("bye").await.data["reason"], "logged-out");
    run(&holder, "rollback").await;

    let mut of_others = open(&bob, "room=general").await;
    of_others
        .until("general", PATIENCE, |room| room.members.is_empty())
        .await;
    while let Some(event) = new.next_within(Duration::from_secs(2)).await {
        assert_ne!(event.name, "bye", "{:?}", event.data);
    }
    assert_eq!(sessions(&admin).await.len(), 1, "the new one");
}

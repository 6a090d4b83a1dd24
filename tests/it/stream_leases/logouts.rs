//! A logout ends all streams of its user, whatever they watch, and on whatever node.

use pg_presence::config::Settings;
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::time::Duration;

use super::{open, sessions, short};
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

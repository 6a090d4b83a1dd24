//! What a stream refuses is named: with a hundred topics a client must know which.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{app::TestApp, client::Client, db::TestDb};

/// The status, the problem's type, and the members that name what was refused.
async fn refusal(client: &Client, query: &str) -> (u16, Value) {
    let (status, problem) = client.get(&format!("/v1/stream?{query}")).await;
    let named = ["type", "topic", "session_id", "room_id"]
        .map(|name| (name.to_owned(), problem[name].clone()))
        .into_iter()
        .filter(|(_, value)| !value.is_null());
    (status.as_u16(), Value::Object(named.collect()))
}

#[tokio::test]
async fn a_refused_stream_names_the_topic_or_the_session_that_is_not_right() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");
    let long = "x".repeat(129);
    let invalid = |member: &str, value: &str| (400, json!({"type": "invalid", member: value}));

    let count = format!("count={long}");
    assert_eq!(
        refusal(&alice, &format!("room=general&{count}")).await,
        invalid("topic", &count)
    );
    assert_eq!(
        refusal(&alice, "room=general&rooms=planning").await,
        invalid("topic", "rooms")
    );
    assert_eq!(
        refusal(&alice, "room=general&session=mine").await,
        invalid("session_id", "mine")
    );
    let tab = Uuid::new_v4();
    let elsewhere = json!({"type": "invalid", "session_id": tab, "room_id": "planning"});
    assert_eq!(
        refusal(&alice, &format!("room=general&session={tab}@planning")).await,
        (400, elsewhere)
    );
    let very_long = refusal(&alice, &format!("user={}", "y".repeat(4000))).await.1;
    assert_eq!(very_long["topic"].as_str().map(str::len), Some(160));
}

#[tokio::test]
async fn a_session_that_a_stream_may_not_hold_is_named_with_its_room() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let (alice, ended, one_more) = (app.client("alice"), Uuid::new_v4(), Uuid::new_v4());
    alice.beat("general", ended, json!({})).await;
    let logout = alice.call(Method::DELETE, "/v1/me/sessions", None).await.0;
    for _ in 0..10 {
        alice.beat("planning", Uuid::new_v4(), json!({})).await;
    }

    let again = refusal(
        &alice,
        &format!("room=general&room=planning&session={ended}@general"),
    )
    .await;
    let eleventh = refusal(&alice, &format!("room=general&room=planning&session={one_more}")).await;

    assert_eq!(logout, StatusCode::NO_CONTENT);
    let problem = |kind: &str, session: Uuid, room: &str| {
        let named = json!({"type": kind, "session_id": session, "room_id": room});
        (409, named)
    };
    assert_eq!(again, problem("session-ended", ended, "general"));
    assert_eq!(eleventh, problem("too-many-sessions", one_more, "planning"));
}

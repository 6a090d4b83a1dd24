//! What has a limit, and what happens at it, over HTTP.

use pg_presence::config::Settings;
use reqwest::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use crate::support::{
    app::{TestApp, service_url},
    db::TestDb,
};

const BURST: u32 = 10;

/// FAULTS 58. One in a minute at most comes after the burst: the test is over by then, however slow the machine.
#[tokio::test]
async fn who_floods_with_heartbeats_is_told_when_to_come_back_and_nobody_else_notices() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start_with(&service_url(db.url()), |settings: &mut Settings| {
        settings.rate_per_s = 1;
        settings.rate_burst = BURST;
    })
    .await;
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    let path = format!("/v1/rooms/general/sessions/{tab}");

    let mut refused = None;
    for n in 0..10 * BURST {
        let status = if n % 2 == 0 { "busy" } else { "active" };
        let answer = alice
            .send(Method::PUT, &path, Some(&json!({"status": status})))
            .await;
        if answer.status() != StatusCode::OK {
            refused = Some((n, answer));
            break;
        }
    }
    let (bob, _) = app.client("bob").beat("general", Uuid::new_v4(), json!({})).await;
    let left = alice.leave("general", tab).await;
    let backend = alice.with_claims(json!({"sub": "alice", "scope": "presence:write"}));
    let item = json!({"room_id": "general", "user_id": "carol", "session_id": Uuid::new_v4()});
    let many = json!({"items": vec![item; 2 * BURST as usize]});
    let (batch, items) = backend.call(Method::POST, "/v1/heartbeats", Some(&many)).await;
    let own = json!({"room_id": "general", "session_id": tab});
    let (_, flood) = app
        .client("carol")
        .call(
            Method::POST,
            "/v1/heartbeats",
            Some(&json!({"items": vec![own; 10 * BURST as usize]})),
        )
        .await;

    let (passed, answer) = refused.expect("a limit");
    assert!(passed >= BURST, "{passed}");
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers()["retry-after"], "1");
    assert_eq!(answer.headers()["ratelimit-policy"], r#""heartbeats";q=10"#);
    assert_eq!(answer.headers()["ratelimit"], r#""heartbeats";r=0;t=1"#);
    let problem: serde_json::Value = answer.json().await.expect("a problem");
    assert_eq!(problem["type"], "rate-limited");
    assert_eq!(
        (bob, left, batch),
        (StatusCode::OK, StatusCode::NO_CONTENT, StatusCode::OK)
    );
    let is_done = |item: &serde_json::Value| item["expires_at"].is_string();
    assert!(
        items["items"].as_array().expect("items").iter().all(is_done),
        "{items}"
    );
    let flood = flood["items"].as_array().expect("items");
    let refused = flood.iter().filter(|item| item["type"] == "rate-limited").count();
    assert!(refused > 0 && is_done(&flood[0]), "{refused} of {}", flood.len());
}

/// What counts as a heartbeat.
#[tokio::test]
async fn calls_that_cost_count_to_the_rate() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start_with(&service_url(db.url()), |settings: &mut Settings| {
        settings.rate_per_s = 1;
        settings.rate_burst = BURST;
    })
    .await;
    let (nothing, all) = (json!({}), json!({"all": true}));
    let calls = [
        (Method::DELETE, "/v1/me/sessions", None),
        (Method::PUT, "/v1/me/watches/carol", Some(&nothing)),
        (Method::DELETE, "/v1/me/watches/carol", None),
        (Method::POST, "/v1/me/notifications/read", Some(&all)),
        (Method::GET, "/v1/rooms/general/activity", None),
        (Method::GET, "/v1/events/gala/activity", None),
    ];

    for (n, (method, path, body)) in calls.iter().enumerate() {
        let caller = app.client(["alice", "bob", "vera"][n % 3]);
        let mut passed = 0;
        let refusal = loop {
            let (status, answer) = caller.call(method.clone(), path, *body).await;
            if status == StatusCode::TOO_MANY_REQUESTS {
                break answer;
            }
            passed += 1;
            assert!(passed < 10 * BURST, "{method} {path}: no limit");
        };
        assert_eq!(refusal["type"], "rate-limited", "{method} {path}");
    }
}

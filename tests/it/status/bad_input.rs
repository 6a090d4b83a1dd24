//! What it may not say, over HTTP and in SQL; and how often.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{PATH, nothing};
use crate::support::{
    app::{TestApp, service_url},
    db::TestDb,
    sql::code,
};

#[tokio::test]
async fn what_is_no_status_is_refused_and_changes_nothing() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");

    for body in [
        json!({"status": "typing"}),
        json!({"status": "gone"}),
        json!({"status": 7}),
        json!({"status_ttl_ms": 1000}),
        json!({"status": null, "status_ttl_ms": 1000}),
        json!({"status": "busy", "status_ttl_ms": -1}),
        json!({"status": "busy", "status_ttl_ms": 31_622_400_001_i64}),
        json!({"status": "busy", "status_ttl_ms": 1.5}),
        json!({"message": "x".repeat(141)}),
        json!({"message": "a\0b"}),
        json!({"activity": "viewing budget"}),
        json!([]),
    ] {
        let (status, problem) = alice.call(Method::PUT, PATH, Some(&body)).await;
        assert_eq!(
            (status, &problem["type"]),
            (StatusCode::BAD_REQUEST, &json!("invalid")),
            "{body}: {problem}"
        );
    }
    let plain = alice.request(Method::PUT, PATH).body("{}").send().await;
    assert_eq!(plain.expect("an answer").status(), 415);
    for method in [Method::PUT, Method::GET, Method::DELETE] {
        let bare = alice.bare(method, PATH).json(&json!({})).send().await;
        assert_eq!(bare.expect("an answer").status(), 401);
    }
    let longest = json!({"status": "busy", "status_ttl_ms": 31_622_400_000_i64, "message": "😀".repeat(140)});
    let (status, _) = alice.call(Method::PUT, PATH, Some(&longest)).await;
    assert_eq!(status, 200);
    // One that is over at once is none.
    let over: Value = super::set(
        &alice,
        json!({"status": "busy", "status_ttl_ms": 0, "message": null}),
    )
    .await;
    assert_eq!(over, nothing());
}

#[tokio::test]
async fn sql_refuses_the_same() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;

    for arguments in [
        "null, 'busy'",
        "'alice', 'typing'",
        "'alice', 'gone'",
        "'alice', 'busy', 'infinity'",
        "'alice', 'busy', now() + interval '367 days'",
        "'alice', null, now() + interval '1 hour'",
        "'alice', '', now() + interval '1 hour'",
        "'alice', message => repeat('x', 141)",
    ] {
        let statement = format!("select presence.set_status({arguments})");
        assert_eq!(
            code(&admin, &statement).await.as_deref(),
            Some("PR400"),
            "{arguments}"
        );
    }
}

#[tokio::test]
async fn it_counts_as_a_heartbeat_where_there_is_a_rate() {
    let Some(db) = TestDb::new().await else { return };
    let slow = |settings: &mut pg_presence::config::Settings| {
        (settings.rate_per_s, settings.rate_burst) = (1, 2);
    };
    let app = TestApp::start_with(&service_url(db.url()), slow).await;
    let alice = app.client("alice");

    let mut answers = vec![];
    for _ in 0..50 {
        let (status, _) = alice
            .call(Method::PUT, PATH, Some(&json!({"status": "busy"})))
            .await;
        answers.push(status.as_u16());
    }

    assert_eq!(answers[0], 200);
    assert!(answers.contains(&429), "{answers:?}");
}

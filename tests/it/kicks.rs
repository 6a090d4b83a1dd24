//! Kicking a member and clearing a room over HTTP.

use reqwest::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use crate::support::{app::TestApp, db::TestDb};

#[tokio::test]
async fn an_admin_kicks_a_member_and_clears_a_room_and_nobody_else_does() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let (alice, bob) = (app.client("alice"), app.client("bob"));
    let admin = alice.with_claims(json!({"sub": "operator", "scope": "other presence:admin"}));
    let mut watcher = app.client("carol").stream(&["general"]).await;
    watcher.next_of("snapshot").await;
    for client in [&alice, &alice, &bob] {
        client.beat("general", Uuid::new_v4(), json!({})).await;
    }
    let all = |picture: &crate::support::stream::Picture| picture.members.len() == 2;
    assert!(
        watcher
            .until("general", std::time::Duration::from_secs(20), all)
            .await
    );

    let paths = ["/v1/rooms/general/members/alice", "/v1/rooms/general/presence"];
    let mut refused = vec![];
    for path in paths {
        let (status, problem) = bob.call(Method::DELETE, path, None).await;
        refused.push((status, problem["type"].clone()));
    }
    let (kicked, _) = admin.call(Method::DELETE, paths[0], None).await;
    let first = watcher.next_of("diff").await;
    let (again, _) = admin.call(Method::DELETE, paths[0], None).await;
    let (cleared, _) = admin.call(Method::DELETE, paths[1], None).await;
    let second = watcher.next_of("diff").await;
    let (nowhere, _) = admin
        .call(Method::DELETE, "/v1/rooms/nowhere/presence", None)
        .await;
    let (back, _) = alice.beat("general", Uuid::new_v4(), json!({})).await;

    assert_eq!(refused, vec![(StatusCode::FORBIDDEN, json!("forbidden")); 2]);
    assert_eq!([kicked, again, cleared, nowhere], [StatusCode::NO_CONTENT; 4]);
    let left = |event: &crate::support::stream::Event| {
        let left = &event.data["left"][0];
        (
            left["user_id"].clone(),
            left["reason"].clone(),
            event.data["online_count"].clone(),
        )
    };
    assert_eq!(left(&first), (json!("alice"), json!("removed"), json!(1)));
    assert_eq!(left(&second), (json!("bob"), json!("removed"), json!(0)));
    assert_eq!(back, StatusCode::OK, "who may enter may come back");
}

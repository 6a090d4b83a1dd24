//! The main job over HTTP and SSE: come, stay, go.

use std::time::Duration;

use pg_presence::domain::limits;
use serde_json::json;
use uuid::Uuid;

use crate::support::{app::TestApp, db::TestDb};

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_join_an_update_and_a_leave_reach_the_others() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let (alice, bob, tab) = (app.client("alice"), app.client("bob"), Uuid::new_v4());
    let mut stream = bob.stream(&["general"]).await;
    assert_eq!(stream.next().await.name, "ready");
    assert_eq!(stream.next().await.data["members"], json!([]));

    let (status, lease) = alice.beat("general", tab, json!({"message": "hi"})).await;
    assert_eq!(
        (status.as_u16(), &lease["status"]),
        (200, &json!("active")),
        "{lease}"
    );
    let joined = stream.next().await;
    alice.beat("general", tab, json!({"status": "busy"})).await;
    let updated = stream.next().await;
    assert_eq!(alice.leave("general", tab).await.as_u16(), 204);
    let left = stream.next().await;

    assert_eq!(joined.data["joined"][0]["user_id"], "alice");
    assert_eq!(joined.data["joined"][0]["message"], "hi");
    assert_eq!(joined.data["joined"][0]["role"], "coordinator");
    assert_eq!(updated.data["updated"][0]["status"], "busy");
    assert_eq!(left.data["left"][0]["reason"], "left");
    assert_eq!(stream.wrongs(), [""; 0]);
    assert!(limits::TOPICS_MAX > 0 && PATIENCE > Duration::ZERO);
}

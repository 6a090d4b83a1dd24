//! A token that ends while a stream is open (FAULTS 52).

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::timeout;

use super::{claims, client, status};
use crate::support::{
    app::{TEST_SLACK, TestApp},
    client::token,
    db::TestDb,
};

/// Of the times in tokens.
const LEEWAY: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_stream_ends_with_its_token_and_the_leeway() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let begin = Instant::now();
    let mut stream = client(&app, &token(claims("alice", 1)))
        .stream(&["general"])
        .await;

    let bye = timeout(Duration::from_secs(60), stream.next_of("bye"))
        .await
        .expect("it ends");
    let took = begin.elapsed();

    println!("cut after {took:?}, promised after 1 s and the leeway of 5 s");
    assert_eq!(bye.data["reason"], json!("token-expired"));
    assert!(bye.data["retry_ms"].is_u64(), "{}", bye.data);
    // The token's times are whole seconds.
    assert!(took > LEEWAY - Duration::from_secs(1) && took < (LEEWAY + Duration::from_secs(1)) * TEST_SLACK);
}

#[tokio::test]
async fn a_newer_token_of_the_user_prolongs_the_users_streams_and_nobody_elses() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let short = |user: &str| token(claims(user, 2));
    let mut alices = client(&app, &short("alice")).stream(&["general"]).await;
    let mut another = client(&app, &short("alice")).stream(&["planning"]).await;
    let mut bobs = client(&app, &short("bob")).stream(&["general"]).await;

    let newer = client(&app, &token(claims("alice", 600)));
    assert!(status(&app, &token(claims("carol", 600))).await.is_success());
    assert!(newer.get("/v1/rooms/planning").await.0.is_success());
    timeout(Duration::from_secs(60), bobs.next_of("bye"))
        .await
        .expect("it ends");
    // Its token ended with bob's, before he was cut off.
    newer.beat("general", uuid::Uuid::new_v4(), json!({})).await;
    newer.beat("planning", uuid::Uuid::new_v4(), json!({})).await;

    for stream in [&mut alices, &mut another] {
        let next = stream.next_of("diff").await;
        assert_eq!(next.data["joined"][0]["user_id"], "alice");
    }
}

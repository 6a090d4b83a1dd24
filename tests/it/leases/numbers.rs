//! Numbers that clients give to heartbeats and leaves: what was overtaken does no harm (FAULTS 40).

use serde_json::json;

use crate::support::{
    db::TestDb,
    scene::{Scene, Tab},
};

#[tokio::test]
async fn a_heartbeat_that_its_leave_overtook_is_stale() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, tab) = (Scene::open(&db).await, Tab::new("general", "alice"));
    scene.beat(0.0, &tab, json!({"seq": 1})).await;
    assert_eq!(scene.leave(1.0, &tab, Some(3)).await, "left");

    assert_eq!(scene.beat(2.0, &tab, json!({"seq": 2})).await, "stale");
    assert_eq!(scene.beat(2.0, &tab, json!({"seq": 3})).await, "stale");
    assert!(scene.shown(&tab).await.is_null());
    assert_eq!(scene.beat(3.0, &tab, json!({"seq": 4})).await, "active");

    assert_eq!(
        scene.changes("general").await,
        ["1 alice join", "2 alice leave left", "3 alice join"]
    );
}

#[tokio::test]
async fn an_unnumbered_leave_overtakes_all_that_is_numbered() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, tab) = (Scene::open(&db).await, Tab::new("general", "alice"));
    scene.beat(0.0, &tab, json!({"seq": 1})).await;
    scene.leave(1.0, &tab, None).await;

    assert_eq!(scene.beat(2.0, &tab, json!({"seq": 99})).await, "stale");
    assert_eq!(scene.beat(3.0, &tab, json!({})).await, "active");
}

#[tokio::test]
async fn a_leave_that_overtook_its_join_is_remembered() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, tab) = (Scene::open(&db).await, Tab::new("general", "alice"));

    assert_eq!(scene.leave(0.0, &tab, Some(2)).await, "nothing");
    assert_eq!(scene.beat(1.0, &tab, json!({"seq": 1})).await, "stale");

    assert_eq!(scene.changes("general").await, [""; 0]);
}

#[tokio::test]
async fn a_stranger_can_have_nothing_remembered() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, tab) = (Scene::open(&db).await, Tab::new("general", "dave"));

    assert_eq!(scene.leave(0.0, &tab, Some(2)).await, "nothing");

    let stored = scene
        .sql()
        .query("select from presence_private.session", &[])
        .await;
    assert!(stored.expect("it is read").is_empty());
}

#[tokio::test]
async fn a_leave_that_a_later_heartbeat_overtook_does_nothing() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, tab) = (Scene::open(&db).await, Tab::new("general", "alice"));
    scene.beat(0.0, &tab, json!({"seq": 1})).await;
    scene.beat(1.0, &tab, json!({"seq": 5})).await;

    assert_eq!(scene.leave(2.0, &tab, Some(4)).await, "nothing");
    assert_eq!(scene.shown(&tab).await["status"], "active");
    assert_eq!(scene.leave(3.0, &tab, Some(5)).await, "left");
    assert!(scene.shown(&tab).await.is_null());
}

#[tokio::test]
async fn a_heartbeat_older_than_the_last_renews_without_its_words() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, tab) = (Scene::open(&db).await, Tab::new("general", "alice"));
    scene
        .beat(0.0, &tab, json!({"seq": 5, "status": "busy", "message": "new"}))
        .await;

    let old = json!({"seq": 4, "status": "away", "message": "old"});
    let answer = scene.beat(10.0, &tab, old).await;
    let older = scene
        .beat(11.0, &tab, json!({"seq": 3, "status": "typing"}))
        .await;
    let oldest = scene
        .beat(12.0, &tab, json!({"seq": 2, "status": "invisible"}))
        .await;

    assert_eq!([answer, older, oldest], ["busy"; 3]);
    let shown = scene.shown(&tab).await;
    assert_eq!(
        (&shown["status"], &shown["message"]),
        (&json!("busy"), &json!("new"))
    );
    assert_eq!(scene.expires_at(&tab).await, 87.0);
    assert_eq!(scene.changes("general").await, ["1 alice join"]);
}

#[tokio::test]
async fn an_end_is_forgotten_after_two_minutes() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, tab) = (Scene::open(&db).await, Tab::new("general", "alice"));
    scene.beat(0.0, &tab, json!({"seq": 1})).await;
    scene.leave(1.0, &tab, Some(2)).await;

    scene.reap(120.0).await;
    assert_eq!(scene.beat(120.5, &tab, json!({"seq": 2})).await, "stale");
    scene.reap(121.0).await;
    let stored = scene
        .sql()
        .query("select from presence_private.session", &[])
        .await;

    assert!(stored.expect("it is read").is_empty());
    assert_eq!(scene.beat(122.0, &tab, json!({"seq": 2})).await, "active");
}

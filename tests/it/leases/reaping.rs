//! Time becomes a change in one place, and the database's clock may err (FAULTS 16, 38, 47).

use serde_json::json;

use crate::support::{
    db::TestDb,
    scene::{Scene, Tab},
};

#[tokio::test]
async fn a_lease_past_due_that_nobody_reaped_is_renewed_unseen() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, tab) = (Scene::open(&db).await, Tab::new("general", "alice"));
    scene.beat(0.0, &tab, json!({})).await;

    assert_eq!(scene.beat(79.0, &tab, json!({})).await, "active");
    assert_eq!(scene.reap(80.0).await, 0);

    assert_eq!(scene.expires_at(&tab).await, 154.0);
    assert_eq!(scene.changes("general").await, ["1 alice join"]);
}

/// Snapshots have left them out by then: whoever read one would never hear of them again.
#[tokio::test]
async fn who_was_gone_for_more_than_five_seconds_leaves_before_they_join_again() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, tab) = (Scene::open(&db).await, Tab::new("general", "alice"));
    scene
        .beat(0.0, &tab, json!({"status": "busy", "message": "at the venue"}))
        .await;

    assert_eq!(scene.beat(80.1, &tab, json!({})).await, "active");

    assert_eq!(
        scene.changes("general").await,
        ["1 alice join", "2 alice leave expired", "3 alice join"]
    );
}

#[tokio::test]
async fn one_of_two_leases_ends_unseen() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open(&db).await;
    let (first, second) = (Tab::new("general", "alice"), Tab::new("general", "alice"));
    scene.beat(0.0, &first, json!({})).await;
    scene.beat(10.0, &second, json!({})).await;

    assert_eq!(scene.reap(75.0).await, 1);

    assert_eq!(scene.shown(&second).await["sessions"], 1);
    assert_eq!(scene.changes("general").await, ["1 alice join"]);
}

#[tokio::test]
async fn all_that_ends_in_a_room_at_once_is_one_revision() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open(&db).await;
    for user in ["alice", "bob", "carol"] {
        scene.beat(0.0, &Tab::new("general", user), json!({})).await;
    }

    assert_eq!(scene.reap(80.0).await, 3);

    assert_eq!(
        scene.changes("general").await[3..],
        [
            "4 alice leave expired",
            "4 bob leave expired",
            "4 carol leave expired"
        ]
    );
}

#[tokio::test]
async fn no_lease_ends_within_one_heartbeat_of_the_servers_start() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open_at(&db, "pg_postmaster_start_time()").await;
    let tab = Tab::new("general", "alice");
    scene.beat(-100.0, &tab, json!({})).await;

    assert_eq!(scene.reap(0.1).await, 0);
    assert_eq!(scene.reap(25.0).await, 0);
    assert_eq!(scene.shown(&tab).await["status"], "active");
    assert_eq!(scene.reap(25.1).await, 1);

    assert_eq!(scene.last_seen(&tab).await, "-100 expired");
}

#[tokio::test]
async fn a_status_settles_also_right_after_the_servers_start() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open_at(&db, "pg_postmaster_start_time()").await;
    let tab = Tab::new("general", "alice");
    scene.beat(-100.0, &tab, json!({"status": "typing"})).await;

    scene.reap(0.1).await;

    assert_eq!(scene.shown(&tab).await["status"], "active");
}

#[tokio::test]
async fn no_lease_outlives_now_and_the_ttl() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, tab) = (Scene::open(&db).await, Tab::new("general", "alice"));
    scene.beat(600.0, &tab, json!({})).await;

    assert_eq!(scene.reap(0.0).await, 0, "the clock jumped back ten minutes");
    let clamped = scene.expires_at(&tab).await;
    scene.beat(-10.0, &tab, json!({})).await;
    let renewed = scene.expires_at(&tab).await;
    assert_eq!(scene.reap(65.0).await, 1);

    assert_eq!((clamped, renewed), (75.0, 65.0));
}

#[tokio::test]
async fn last_seen_never_runs_backwards() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, tab) = (Scene::open(&db).await, Tab::new("general", "alice"));
    scene.beat(100.0, &tab, json!({})).await;
    scene.leave(110.0, &tab, None).await;

    scene.beat(50.0, &tab, json!({})).await;
    let here = scene.last_seen(&tab).await;
    scene.leave(60.0, &tab, None).await;
    let gone = scene.last_seen(&tab).await;
    scene.beat(70.0, &tab, json!({})).await;
    scene.reap(150.0).await;

    assert_eq!((here.as_str(), gone.as_str()), ("110", "110 left"));
    assert_eq!(scene.last_seen(&tab).await, "110 expired");
}

#[tokio::test]
async fn the_log_is_kept_for_two_minutes() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, tab) = (Scene::open(&db).await, Tab::new("general", "alice"));
    scene.beat(0.0, &tab, json!({})).await;
    scene.beat(60.0, &tab, json!({"status": "busy"})).await;

    scene.reap(120.0).await;
    let kept = scene.changes("general").await;
    scene.reap(121.0).await;

    assert_eq!(kept, ["1 alice join", "2 alice update"]);
    assert_eq!(scene.changes("general").await, ["2 alice update"]);
}

#[tokio::test]
async fn one_reaper_works_at_a_time() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, other) = (Scene::open(&db).await, db.admin().await);
    other
        .batch_execute("begin; select presence.reap()")
        .await
        .expect("the first");

    let meanwhile = scene.reap(0.0).await;
    other.batch_execute("commit").await.expect("the first ends");

    assert_eq!((meanwhile, scene.reap(0.0).await), (-1, 0));
}

//! Leases in SQL: join, renew, leave, expire, and the reasons. Time is moved, never waited for.

mod merge;
mod numbers;
mod reaping;

use serde_json::json;

use crate::support::{
    db::TestDb,
    scene::{Scene, Tab},
};

#[tokio::test]
async fn a_lease_is_joined_renewed_and_left() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, tab) = (Scene::open(&db).await, Tab::new("general", "alice"));

    assert_eq!(scene.beat(0.0, &tab, json!({})).await, "active");
    assert_eq!(scene.beat(10.0, &tab, json!({})).await, "active");
    assert_eq!(scene.expires_at(&tab).await, 85.0);
    assert_eq!(scene.last_seen(&tab).await, "10");
    assert_eq!(scene.leave(20.0, &tab, None).await, "left");
    assert_eq!(scene.leave(21.0, &tab, None).await, "nothing");

    assert_eq!(
        scene.changes("general").await,
        ["1 alice join", "2 alice leave left"]
    );
    assert_eq!(scene.last_seen(&tab).await, "20 left");
    assert!(scene.shown(&tab).await.is_null());
}

#[tokio::test]
async fn an_expired_lease_was_last_seen_at_its_last_renewal() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, tab) = (Scene::open(&db).await, Tab::new("general", "alice"));
    scene.beat(0.0, &tab, json!({})).await;
    scene.beat(30.0, &tab, json!({})).await;

    assert_eq!(scene.reap(104.9).await, 0);
    assert_eq!(scene.shown(&tab).await["status"], "active");
    assert_eq!(scene.reap(105.0).await, 1);
    assert_eq!(scene.reap(106.0).await, 0);

    assert_eq!(
        scene.changes("general").await,
        ["1 alice join", "2 alice leave expired"]
    );
    assert_eq!(scene.last_seen(&tab).await, "30 expired");
}

#[tokio::test]
async fn a_second_tab_changes_nothing_that_people_see() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open(&db).await;
    let (first, second) = (Tab::new("general", "alice"), Tab::new("general", "alice"));

    scene.beat(0.0, &first, json!({})).await;
    scene.beat(1.0, &second, json!({})).await;
    let both = scene.shown(&first).await;
    assert_eq!(scene.leave(2.0, &first, None).await, "left");
    let one = scene.shown(&first).await;
    let before = scene.changes("general").await;
    assert_eq!(scene.leave(3.0, &second, None).await, "left");

    assert_eq!((&both["sessions"], &both["joined"]), (&json!(2), &json!(0)));
    assert_eq!((&one["sessions"], &one["joined"]), (&json!(1), &json!(0)));
    assert_eq!(before, ["1 alice join"]);
    assert_eq!(
        scene.changes("general").await,
        ["1 alice join", "2 alice leave left"]
    );
    assert_eq!(scene.last_seen(&first).await, "3 left");
}

#[tokio::test]
async fn a_member_who_returns_joins_anew() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, tab) = (Scene::open(&db).await, Tab::new("general", "alice"));
    scene
        .beat(0.0, &tab, json!({"status": "busy", "message": "hi"}))
        .await;
    scene.leave(1.0, &tab, None).await;

    scene.beat(2.0, &tab, json!({})).await;

    let shown = scene.shown(&tab).await;
    assert_eq!(
        (&shown["status"], &shown["joined"]),
        (&json!("active"), &json!(2))
    );
    assert!(shown["message"].is_null());
    assert_eq!(
        scene.changes("general").await,
        ["1 alice join", "2 alice leave left", "3 alice join"]
    );
    assert_eq!(scene.last_seen(&tab).await, "2");
}

/// FAULTS 40: a session id never returns after a logout, wherever it is tried.
#[tokio::test]
async fn a_logout_ends_all_sessions_for_good() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open_at(&db, "statement_timestamp()").await;
    let (here, there) = (Tab::new("general", "alice"), Tab::new("planning", "alice"));
    let bob = Tab::new("general", "bob");
    for tab in [&here, &there, &bob] {
        scene.beat(0.0, tab, json!({})).await;
    }

    let ended = scene
        .sql()
        .query_one("select presence.leave_everywhere('alice')", &[])
        .await;

    assert_eq!(ended.expect("a logout").get::<_, i32>(0), 2);
    for tab in [&here, &there] {
        for room in ["general", "planning", "vera-catering"] {
            let again = format!("select presence.heartbeat('{room}', 'alice', '{}')", tab.id);
            assert_eq!(scene.refusal(&again).await.as_deref(), Some("PR410"), "{room}");
        }
        let changes = scene.changes(tab.room).await;
        assert!(
            changes
                .iter()
                .any(|change| change.ends_with("alice leave logged_out"))
        );
    }
    assert_eq!(scene.leave(1.0, &here, None).await, "nothing");
    assert_eq!(
        scene.beat(3600.0, &here, json!({})).await,
        "ended",
        "also in an hour, and after a leave"
    );
    assert_eq!(scene.shown(&bob).await["status"], "active");
    assert_eq!(
        scene.beat(1.0, &Tab::new("general", "alice"), json!({})).await,
        "active"
    );
}

#[tokio::test]
async fn whoever_is_removed_leaves_with_that_reason() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open_at(&db, "statement_timestamp()").await;
    let tabs = ["alice", "alice", "bob", "carol"].map(|user| Tab::new("general", user));
    let elsewhere = Tab::new("planning", "alice");
    for tab in tabs.iter().chain([&elsewhere]) {
        scene.beat(0.0, tab, json!({})).await;
    }

    let kicked = scene
        .sql()
        .query_one("select presence.remove_member('general', 'alice')", &[])
        .await;
    let cleared = scene
        .sql()
        .query_one("select presence.remove_room('general')", &[])
        .await;

    assert_eq!(kicked.expect("a kick").get::<_, i32>(0), 2);
    assert_eq!(cleared.expect("a cleared room").get::<_, i32>(0), 2);
    assert_eq!(
        scene.changes("general").await[3..],
        [
            "4 alice leave removed",
            "5 bob leave removed",
            "5 carol leave removed"
        ]
    );
    assert_eq!(scene.shown(&elsewhere).await["status"], "active");
    let late = scene.beat(1.0, &tabs[2], json!({"seq": 7})).await;
    assert_eq!(late, "stale", "a heartbeat that was under way");
}

#[tokio::test]
async fn what_is_refused_says_why() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open_at(&db, "statement_timestamp()").await;
    let alice = "select presence.heartbeat('general', 'alice', gen_random_uuid()";
    for _ in 0..10 {
        assert_eq!(scene.refusal(&format!("{alice})")).await, None);
    }

    let cases = [
        (format!("{alice})"), "PR429"),
        (format!("{alice}, 'sleeping')"), "PR400"),
        (format!("{alice}, 'Active')"), "PR400"),
        (format!("{alice}, 'busy', interval '-1 s')"), "PR400"),
        (format!("{alice}, 'busy', interval '367 days')"), "PR400"),
        (format!("{alice}, message => repeat('ü', 141))"), "PR400"),
        (format!("{alice}, activity => repeat('x', 81))"), "PR400"),
        (format!("{alice}, data => '[]')"), "PR400"),
        (
            format!("{alice}, data => jsonb_build_object('a', repeat('x', 1020)))"),
            "PR400",
        ),
        (format!("{alice}, seq => -1)"), "PR400"),
        (
            "select presence.heartbeat(null, 'alice', gen_random_uuid())".to_owned(),
            "PR400",
        ),
        (
            "select presence.heartbeat('general', 'alice', null)".to_owned(),
            "PR400",
        ),
        (
            "select presence.heartbeat('general', 'dave', gen_random_uuid())".to_owned(),
            "PR404",
        ),
        (
            "select presence.heartbeat('nowhere', 'alice', gen_random_uuid())".to_owned(),
            "PR404",
        ),
        (
            "select presence.heartbeat('vera-catering', 'victor', gen_random_uuid())".to_owned(),
            "PR404",
        ),
        ("select presence.configure(ttl => '1 s')".to_owned(), "PR400"),
        ("select presence.configure(sessions_max => 0)".to_owned(), "PR400"),
    ];
    for (statement, expected) in &cases {
        assert_eq!(
            scene.refusal(statement).await.as_deref(),
            Some(*expected),
            "{statement}"
        );
    }
    assert_eq!(
        scene.changes("general").await,
        ["1 alice join"],
        "what was refused left nothing behind"
    );
}

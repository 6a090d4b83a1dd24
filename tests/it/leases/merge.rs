//! What people see of a member: the merge of the sessions, typing, timed statuses, invisibility.

use serde_json::{Value, json};

use crate::support::{
    db::TestDb,
    scene::{Scene, Tab},
};

/// FAULTS 45.
#[tokio::test]
async fn typing_decays_to_what_was_before() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, tab) = (Scene::open(&db).await, Tab::new("general", "alice"));
    scene
        .beat(0.0, &tab, json!({"status": "busy", "status_ttl": "900 s"}))
        .await;

    let said = scene.beat(10.0, &tab, json!({"status": "typing"})).await;
    let typing = scene.shown(&tab).await;
    let renewed = scene.beat(14.0, &tab, json!({})).await;
    scene.reap(15.9).await;
    let still = scene.shown(&tab).await;
    scene.reap(16.0).await;
    let after = scene.shown(&tab).await;

    assert_eq!((said.as_str(), renewed.as_str()), ("typing", "typing"));
    assert_eq!(
        (&typing["status"], &typing["until"]),
        (&json!("typing"), &Value::Null)
    );
    assert_eq!(still, typing, "a plain renewal neither ends nor prolongs it");
    assert_eq!((&after["status"], &after["until"]), (&json!("busy"), &json!(900)));
    assert_eq!(
        scene.changes("general").await,
        ["1 alice join", "2 alice update", "3 alice update"]
    );
}

#[tokio::test]
async fn a_sign_of_typing_prolongs_it_and_changes_nothing() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, tab) = (Scene::open(&db).await, Tab::new("general", "alice"));
    scene.beat(0.0, &tab, json!({"status": "typing"})).await;
    scene.beat(3.0, &tab, json!({"status": "typing"})).await;

    scene.reap(6.0).await;
    let still = scene.shown(&tab).await;
    let stopped = scene.beat(7.0, &tab, json!({"status": "active"})).await;

    assert_eq!(still["status"], "typing");
    assert_eq!(stopped, "active", "a status ends typing at once");
    assert_eq!(scene.changes("general").await, ["1 alice join", "2 alice update"]);
}

#[tokio::test]
async fn nobody_types_for_longer_than_a_minute() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, tab) = (Scene::open(&db).await, Tab::new("general", "alice"));
    scene.beat(0.0, &tab, json!({})).await;
    scene
        .beat(1.0, &tab, json!({"status": "typing", "status_ttl": "1 hour"}))
        .await;

    scene.reap(60.9).await;
    let still = scene.shown(&tab).await;
    scene.reap(61.0).await;

    assert_eq!(still["status"], "typing");
    assert_eq!(scene.shown(&tab).await["status"], "active");
}

#[tokio::test]
async fn a_timed_status_becomes_active() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, tab) = (Scene::open(&db).await, Tab::new("general", "alice"));
    scene
        .beat(
            0.0,
            &tab,
            json!({"status": "in_meeting", "status_ttl": "10 s", "message": "hi"}),
        )
        .await;

    scene.beat(5.0, &tab, json!({})).await;
    scene.reap(9.9).await;
    let before = scene.shown(&tab).await;
    scene.reap(10.0).await;
    let after = scene.shown(&tab).await;

    assert_eq!(
        (&before["status"], &before["until"]),
        (&json!("in_meeting"), &json!(10))
    );
    assert_eq!(
        (&after["status"], &after["until"]),
        (&json!("active"), &Value::Null)
    );
    assert_eq!(after["message"], "hi");
    assert_eq!(scene.changes("general").await, ["1 alice join", "2 alice update"]);
}

#[tokio::test]
async fn the_most_telling_status_of_all_tabs_is_shown() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open(&db).await;
    let order = ["away", "idle", "active", "in_meeting", "busy", "typing"];
    let tabs = order.map(|status| (status, Tab::new("general", "alice")));

    for (status, tab) in &tabs {
        scene.beat(0.0, tab, json!({"status": status})).await;
        assert_eq!(scene.shown(tab).await["status"], *status);
    }
    for ((_, leaves), (next, _)) in tabs.iter().rev().zip(tabs.iter().rev().skip(1)) {
        scene.leave(1.0, leaves, None).await;
        assert_eq!(scene.shown(leaves).await["status"], *next);
    }

    assert_eq!(scene.changes("general").await.len(), 11);
}

#[tokio::test]
async fn a_weaker_tab_changes_nothing() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open(&db).await;
    let (busy, away) = (Tab::new("general", "alice"), Tab::new("general", "alice"));

    scene
        .beat(0.0, &busy, json!({"status": "busy", "status_ttl": "60 s"}))
        .await;
    scene
        .beat(1.0, &away, json!({"status": "away", "status_ttl": "20 s"}))
        .await;
    scene.beat(2.0, &away, json!({"status": "idle"})).await;

    assert_eq!(scene.shown(&busy).await["until"], 60, "of the session that wins");
    assert_eq!(scene.changes("general").await, ["1 alice join"]);
}

#[tokio::test]
async fn words_are_of_the_tab_that_changed_them_last() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open(&db).await;
    let (first, second) = (Tab::new("general", "alice"), Tab::new("general", "alice"));
    let words = async || {
        let shown = scene.shown(&first).await;
        [
            shown["message"].clone(),
            shown["activity"].clone(),
            shown["data"].clone(),
        ]
    };

    scene
        .beat(0.0, &first, json!({"message": "one", "data": {"page": 1}}))
        .await;
    assert_eq!(words().await, [json!("one"), Value::Null, json!({"page": 1})]);
    scene.beat(1.0, &second, json!({})).await;
    assert_eq!(
        words().await,
        [json!("one"), Value::Null, json!({"page": 1})],
        "says nothing"
    );
    scene
        .beat(2.0, &second, json!({"activity": "viewing budget"}))
        .await;
    assert_eq!(words().await, [Value::Null, json!("viewing budget"), Value::Null]);
    scene.beat(3.0, &first, json!({"status": "busy"})).await;
    assert_eq!(
        words().await,
        [Value::Null, json!("viewing budget"), Value::Null],
        "a status is no word"
    );
    scene.beat(4.0, &first, json!({"message": "two"})).await;
    assert_eq!(words().await, [json!("two"), Value::Null, json!({"page": 1})]);
    scene.leave(5.0, &first, None).await;
    assert_eq!(words().await, [Value::Null, json!("viewing budget"), Value::Null]);
}

#[tokio::test]
async fn what_is_absent_stays_and_what_is_empty_clears() {
    let Some(db) = TestDb::new().await else { return };
    let (scene, tab) = (Scene::open(&db).await, Tab::new("general", "alice"));
    let all = json!({"status": "away", "message": "m", "activity": "a", "data": {"k": 1}});
    scene.beat(0.0, &tab, all.clone()).await;

    scene.beat(1.0, &tab, json!({"message": "n"})).await;
    let kept = scene.shown(&tab).await;
    scene.beat(2.0, &tab, json!({"message": "", "data": {}})).await;
    let cleared = scene.shown(&tab).await;
    scene.beat(3.0, &tab, json!({"activity": ""})).await;
    let empty = scene.shown(&tab).await;
    scene
        .beat(
            4.0,
            &tab,
            json!({"status": "away", "message": "", "activity": "", "data": {}}),
        )
        .await;

    let of = |shown: &Value| ["status", "message", "activity", "data"].map(|field| shown[field].clone());
    assert_eq!(
        of(&kept),
        [json!("away"), json!("n"), json!("a"), json!({"k": 1})]
    );
    assert_eq!(
        of(&cleared),
        [json!("away"), Value::Null, json!("a"), Value::Null]
    );
    assert_eq!(of(&empty), [json!("away"), Value::Null, Value::Null, Value::Null]);
    assert_eq!(
        scene.changes("general").await.len(),
        4,
        "clearing what is clear changes nothing"
    );
}

/// FAULTS 49.
#[tokio::test]
async fn who_goes_invisible_looks_like_gone() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open_at(&db, "statement_timestamp()").await;
    let (plain, numbered) = (Tab::new("general", "alice"), Tab::new("general", "bob"));
    scene.beat(0.0, &plain, json!({"message": "secret"})).await;
    scene
        .beat(0.0, &numbered, json!({"message": "secret", "seq": 1}))
        .await;

    let answers = [
        scene.beat(1.0, &plain, json!({"status": "invisible"})).await,
        scene
            .beat(1.0, &numbered, json!({"status": "invisible", "seq": 2}))
            .await,
        scene.beat(2.0, &numbered, json!({"seq": 1})).await,
        scene
            .beat(3.0, &numbered, json!({"status": "invisible", "seq": 3}))
            .await,
    ];

    assert_eq!(answers, ["invisible", "invisible", "stale", "invisible"]);
    assert_eq!(
        scene.changes("general").await[2..],
        ["3 alice leave left", "4 bob leave left"]
    );
    for nothing in [
        "select from presence.sessions",
        "select from presence.members",
        "select from presence_private.member",
        "select from presence_private.session where ended_at is null or message is not null or user_id = 'alice'",
    ] {
        let rows = scene.sql().query(nothing, &[]).await.expect("it is read");
        assert!(rows.is_empty(), "{nothing}");
    }
}

#[tokio::test]
async fn who_begins_invisible_was_never_there() {
    let Some(db) = TestDb::new().await else { return };
    let scene = Scene::open_at(&db, "statement_timestamp()").await;
    let tab = Tab::new("general", "alice");

    let first = scene.beat(0.0, &tab, json!({"status": "invisible"})).await;
    let lease = scene
        .sql()
        .query_one(
            "select status, expires_at is null and joined_at is null \
             from presence.heartbeat('general', 'alice', gen_random_uuid(), 'invisible')",
            &[],
        )
        .await
        .expect("it is answered");

    assert_eq!(first, "invisible");
    assert_eq!(
        (lease.get::<_, &str>(0), lease.get::<_, bool>(1)),
        ("invisible", true)
    );
    assert_eq!(scene.changes("general").await, [""; 0]);
    let stored = "select from presence_private.session union all select from presence_private.last_seen";
    assert!(
        scene
            .sql()
            .query(stored, &[])
            .await
            .expect("it is read")
            .is_empty()
    );
}

//! Heartbeats of many: merged into few statements, and nobody gets a neighbour's error.

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_postgres::Client as Postgres;
use uuid::Uuid;

use crate::support::{app::TestApp, db::TestDb};

#[tokio::test]
async fn each_item_is_answered_as_the_single_call_would_be_and_in_order() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    let item = |room: &str, more: Value| {
        let mut item = json!({"room_id": room, "session_id": tab});
        item.as_object_mut()
            .expect("an object")
            .extend(more.as_object().cloned().unwrap_or_default());
        item
    };
    let items = json!({"items": [
        item("general", json!({"status": "busy"})),
        item("expo-floor", json!({})),
        item("nowhere", json!({})),
        item("planning", json!({"status": "asleep"})),
        item("planning", json!({"unknown": 1})),
        item("planning", json!({"seq": -1})),
        item("planning", json!({"session_id": "no uuid"})),
        item("", json!({})),
        json!("no object"),
        json!({"room_id": "planning"}),
        item("general", json!({"message": "the same again"})),
        item("planning", json!({"user_id": "bob"})),
        item("planning", json!({"user_id": "alice"})),
    ]});

    let (status, answer) = alice.call(Method::POST, "/v1/heartbeats", Some(&items)).await;

    assert_eq!(status, StatusCode::OK);
    let seen: Vec<&str> = answer["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(word)
        .collect();
    let expected = [
        "busy",
        "room-not-found",
        "room-not-found",
        "invalid",
        "invalid",
        "invalid",
        "invalid",
        "invalid",
        "invalid",
        "invalid",
        "busy",
        "forbidden",
        "active",
    ];
    assert_eq!(seen, expected, "{answer:#}");
    let (_, room) = alice.get("/v1/rooms/general").await;
    assert_eq!(
        (&room["online_count"], &room["members"][0]["message"]),
        (&json!(1), &json!("the same again"))
    );
    let (_, planning) = alice.get("/v1/rooms/planning").await;
    assert_eq!(
        planning["members"].as_array().map(Vec::len),
        Some(1),
        "bob did not come"
    );
    for problem in [&answer["items"][1], &answer["items"][11]] {
        assert!(problem["status"].is_u64() && problem["title"].is_string() && problem["detail"].is_string());
    }
}

#[tokio::test]
async fn a_trusted_backend_beats_for_anybody_who_may_enter() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let backend = app
        .client("dave")
        .with_claims(json!({"sub": "dave", "scope": "other presence:write"}));
    let of = |room: &str, user: &str| json!({"room_id": room, "user_id": user, "session_id": Uuid::new_v4()});
    let items =
        json!({"items": [of("general", "alice"), of("general", "vera"), of("vera-catering", "vera")]});

    let (_, answer) = backend.call(Method::POST, "/v1/heartbeats", Some(&items)).await;

    let seen: Vec<&str> = answer["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(word)
        .collect();
    assert_eq!(seen, ["active", "room-not-found", "active"]);
}

#[tokio::test]
async fn a_batch_of_1001_items_or_of_none_is_told_so() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");
    let many = |count: usize| json!({"items": vec![json!({"room_id": "general", "session_id": Uuid::nil()}); count]});

    let (too_many, problem) = alice
        .call(Method::POST, "/v1/heartbeats", Some(&many(1001)))
        .await;
    let (enough, all) = alice
        .call(Method::POST, "/v1/heartbeats", Some(&many(1000)))
        .await;
    let (none, empty) = alice.call(Method::POST, "/v1/heartbeats", Some(&many(0))).await;

    assert_eq!(
        (too_many, &problem["type"]),
        (StatusCode::BAD_REQUEST, &json!("invalid"))
    );
    assert_eq!(
        (enough, all["items"].as_array().map(Vec::len)),
        (StatusCode::OK, Some(1000))
    );
    assert_eq!((none, empty), (StatusCode::OK, json!({"items": []})));
}

/// The clients do not share the node's one thread: a thousand of them would keep it from its own work for seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_heartbeats_at_once_take_far_fewer_statements_each_with_its_own_outcome() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    people(&admin, 1000).await;
    // Every tenth is taken out again: the neighbours' outcomes must not be theirs.
    let out = "delete from event_app.room_participants where user_id like 'user-%0'";
    admin
        .batch_execute(out)
        .await
        .expect("participants are taken out");
    let client = app.client("alice");
    let figures = app.observer().figures();
    let before = figures.heartbeat_batches.get();

    let beats = (1..=1000).map(|n| {
        let client = client.of(&format!("user-{n}"));
        async move {
            let message = format!("I am {n}");
            let (status, lease) = client
                .beat("general", Uuid::from_u128(n), json!({"message": message}))
                .await;
            (n, status, lease["session_id"].clone())
        }
    });
    let answers = join_all(beats).await;

    let statements = figures.heartbeat_batches.get() - before;
    println!("1000 heartbeats in {statements} statements");
    assert!(statements < 250, "{statements} statements");
    for (n, status, session) in answers {
        match n % 10 {
            0 => assert_eq!(status, StatusCode::NOT_FOUND, "user-{n}"),
            _ => assert_eq!(
                (status, session),
                (StatusCode::OK, json!(Uuid::from_u128(n))),
                "user-{n}"
            ),
        }
    }
    let said = "select count(*) from presence.members where message = 'I am ' || split_part(user_id, '-', 2)";
    let said = admin.query_one(said, &[]).await.expect("the view is read");
    assert_eq!(said.get::<_, i64>(0), 900);
}

/// As many participants of `general`, `user-1` and so on.
pub async fn people(admin: &Postgres, count: i32) {
    for sql in [
        "insert into event_app.users (id, name) select 'user-' || n, 'User ' || n from generate_series(1, $1::int) n",
        "insert into event_app.room_participants (room_id, user_id) \
         select 'general', 'user-' || n from generate_series(1, $1::int) n",
    ] {
        admin
            .execute(sql, &[&count])
            .await
            .expect("participants are added");
    }
}

/// What an item of an answer says, in one word.
fn word(item: &Value) -> &str {
    item["type"].as_str().or(item["status"].as_str()).unwrap_or("?")
}

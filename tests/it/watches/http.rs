//! Watches and notifications over HTTP.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::expand;
use crate::support::{app::TestApp, client::Client, db::TestDb, sql::run};

async fn put(client: &Client, user: &str, body: Value) -> (StatusCode, Value) {
    client
        .call(Method::PUT, &format!("/v1/me/watches/{user}"), Some(&body))
        .await
}

async fn unwatch(client: &Client, user: &str) -> StatusCode {
    let path = format!("/v1/me/watches/{user}");
    client.send(Method::DELETE, &path, None).await.status()
}

async fn mark(client: &Client, body: Value) -> (StatusCode, Value) {
    let path = "/v1/me/notifications/read";
    client.call(Method::POST, path, Some(&body)).await
}

async fn notifications(client: &Client, query: &str) -> Value {
    let (status, page) = client.get(&format!("/v1/me/notifications{query}")).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    page
}

fn ids(page: &Value) -> Vec<String> {
    let rows = page["notifications"].as_array().expect("a list");
    rows.iter()
        .map(|row| row["id"].as_str().expect("a string").to_owned())
        .collect()
}

#[tokio::test]
async fn a_watch_is_set_read_replaced_and_ended() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");
    app.client("bob").beat("general", Uuid::new_v4(), json!({})).await;

    let (status, set) = put(&alice, "bob", json!({})).await;
    assert_eq!(status, StatusCode::OK, "{set}");
    let since = set["created_at"].clone();
    assert_eq!(
        set,
        json!({"user_id": "bob", "room_id": null, "quiet_ms": 300_000, "until_at": null, "created_at": since})
    );
    let (_, set) = put(
        &alice,
        "bob",
        json!({"room_id": "planning", "quiet_ms": 0, "until_ms": 60_000}),
    )
    .await;
    let until = set["until_at"].clone();
    assert!(until.as_str() > since.as_str(), "{set}");
    assert_eq!(
        set,
        json!({"user_id": "bob", "room_id": "planning", "quiet_ms": 0, "until_at": until, "created_at": since})
    );
    put(&alice, "vera", json!({"quiet_ms": null})).await;

    let (_, list) = alice.get("/v1/me/watches").await;
    let watches = list["watches"].as_array().expect("a list");
    assert_eq!(
        watches[0],
        json!({"user_id": "bob", "name": "Bob Brandt", "avatar_url": null, "online": false, "room_id": "planning",
            "quiet_ms": 0, "until_at": until, "created_at": since}),
        "bob is in another room"
    );
    assert_eq!(watches.len(), 2);
    put(&alice, "bob", json!({})).await;
    let (_, list) = alice.get("/v1/me/watches").await;
    assert_eq!(list["watches"][0]["online"], true);
    assert_eq!(unwatch(&alice, "bob").await, StatusCode::NO_CONTENT);
    assert_eq!(unwatch(&alice, "bob").await, StatusCode::NO_CONTENT);
    let (_, list) = alice.get("/v1/me/watches").await;
    assert_eq!(list["watches"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        app.client("bob").get("/v1/me/watches").await.1,
        json!({"watches": []})
    );
}

#[tokio::test]
async fn who_may_not_be_known_cannot_be_watched_and_a_watch_keeps_to_its_bounds() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let dave = app.client("dave");

    let (status, hidden) = put(&dave, "alice", json!({})).await;
    let (_, missing) = put(&dave, "nobody", json!({})).await;
    assert_eq!(
        (status, &hidden["type"]),
        (StatusCode::NOT_FOUND, &json!("user-not-found"))
    );
    let same = |problem: &Value| json!([problem["type"], problem["title"], problem["detail"]]);
    assert_eq!(same(&hidden), same(&missing));
    let bob = app.client("bob");
    let (_, elsewhere) = put(&bob, "alice", json!({"room_id": "vera-catering"})).await;
    assert_eq!(same(&elsewhere), same(&missing));
    for wrong in [
        json!({"quiet_ms": -1}),
        json!({"quiet_ms": 86_400_001}),
        json!({"until_ms": 0}),
        json!({"until_ms": 31_622_400_001_i64}),
        json!({"quiet_ms": 1.5}),
        json!({"room_id": ""}),
        json!({"room": "general"}),
    ] {
        let (status, problem) = put(&bob, "alice", wrong.clone()).await;
        assert_eq!(
            (status, &problem["type"]),
            (StatusCode::BAD_REQUEST, &json!("invalid")),
            "{wrong}"
        );
    }
    assert_eq!(put(&bob, "bob", json!({})).await.0, StatusCode::BAD_REQUEST);
    run(
        &db.admin().await,
        "insert into event_app.users (id, name) select 'u' || n, n from generate_series(1, 200) n; \
         insert into event_app.room_participants select 'general', 'u' || n from generate_series(1, 200) n; \
         select count(presence.watch('bob', 'u' || n)) from generate_series(1, 200) n",
    )
    .await;
    let (status, problem) = put(&bob, "alice", json!({})).await;
    assert_eq!(
        (status, &problem["type"]),
        (StatusCode::CONFLICT, &json!("too-many-watches"))
    );
}

#[tokio::test]
async fn notifications_are_read_in_pages_and_marked_as_read() {
    let Some(db) = TestDb::new().await else { return };
    let (app, sql) = (TestApp::start(&db).await, db.admin().await);
    let (alice, carol) = (app.client("alice"), app.client("carol"));
    run(
        &sql,
        "insert into presence_private.notification (at, watcher_id, user_id, room_id, event_id) \
         select now() - n * interval '1 min', 'alice', 'bob', 'general', 'gala' from generate_series(1, 5) n; \
         insert into presence_private.notification (at, watcher_id, user_id, room_id) values (now(), 'carol', 'bob', 'general')",
    )
    .await;

    let all = notifications(&alice, "").await;
    assert_eq!(
        (ids(&all), &all["unread_count"], &all["next"]),
        (
            ["5", "4", "3", "2", "1"].map(str::to_owned).to_vec(),
            &json!(5),
            &Value::Null
        )
    );
    let mut first = all["notifications"][0].clone();
    assert!(first["at"].take().as_str().is_some_and(|at| at.ends_with('Z')));
    assert_eq!(
        first,
        json!({"id": "5", "kind": "online", "user_id": "bob", "name": "Bob Brandt", "avatar_url": null, "room_id": "general",
            "event_id": "gala", "at": null, "read_at": null})
    );
    let page = notifications(&alice, "?limit=2").await;
    assert_eq!(
        (ids(&page).join(","), &page["next"]),
        ("5,4".to_owned(), &json!("4"))
    );
    let page = notifications(&alice, "?limit=3&after=4").await;
    assert_eq!(
        (ids(&page).join(","), &page["next"]),
        ("3,2,1".to_owned(), &Value::Null)
    );

    let (status, answer) = mark(&alice, json!({"ids": ["5", "3", "6", "999"]})).await;
    assert_eq!((status, answer), (StatusCode::OK, json!({"unread_count": 3})));
    assert_eq!(
        notifications(&carol, "").await["unread_count"],
        1,
        "carol's own is hers"
    );
    let unread = notifications(&alice, "?unread=true").await;
    assert_eq!(
        (ids(&unread).join(","), &unread["unread_count"]),
        ("4,2,1".to_owned(), &json!(3))
    );
    assert!(notifications(&alice, "").await["notifications"][0]["read_at"].is_string());
    assert_eq!(
        mark(&alice, json!({"all": true})).await.1,
        json!({"unread_count": 0})
    );
    assert_eq!(ids(&notifications(&alice, "?unread=true").await), [""; 0]);
}

#[tokio::test]
async fn what_names_no_notification_or_no_page_is_refused() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");

    for wrong in [
        json!({}),
        json!({"all": false}),
        json!({"ids": ["1"], "all": true}),
        json!({"ids": [1]}),
        json!({"ids": ["x"]}),
        json!({"ids": ["-1"]}),
        json!({"ids": ["0"]}),
        json!({"ids": [""]}),
        json!({"ids": vec!["1"; 501]}),
    ] {
        assert_eq!(
            mark(&alice, wrong.clone()).await.0,
            StatusCode::BAD_REQUEST,
            "{wrong}"
        );
    }
    for wrong in [
        "?limit=0",
        "?limit=501",
        "?after=x",
        "?after=",
        "?unread=maybe",
        "?before=1",
    ] {
        let (status, _) = alice.get(&format!("/v1/me/notifications{wrong}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

/// What was decided when it was written is asked again when it is read.
#[tokio::test]
async fn what_may_no_longer_be_known_is_neither_listed_nor_counted() {
    let Some(db) = TestDb::new().await else { return };
    let (app, sql) = (TestApp::start(&db).await, db.admin().await);
    let alice = app.client("alice");
    put(&alice, "vera", json!({})).await;
    run(
        &sql,
        "select presence.heartbeat('vera-catering', 'vera', gen_random_uuid())",
    )
    .await;
    expand(&sql).await;
    while ids(&notifications(&alice, "").await).is_empty() {
        tokio::task::yield_now().await; // the node was faster, and is about to commit
    }

    run(
        &sql,
        "delete from event_app.room_participants where room_id = 'vera-catering' and user_id = 'alice'",
    )
    .await;

    let page = notifications(&alice, "").await;
    assert_eq!((ids(&page), &page["unread_count"]), (vec![], &json!(0)));
    let (_, list) = alice.get("/v1/me/watches").await;
    assert_eq!(
        (&list["watches"][0]["name"], &list["watches"][0]["online"]),
        (&Value::Null, &json!(false))
    );
}

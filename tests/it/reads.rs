//! The reads over HTTP: exactly the documented fields, in the documented shapes.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{app::TestApp, client::Client, db::TestDb};

#[tokio::test]
async fn an_unchanged_room_is_304_and_a_changed_one_is_not() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    alice.beat("general", tab, json!({})).await;
    let first = alice.send(Method::GET, "/v1/rooms/general", None).await;
    let etag = first.headers()["etag"].clone();
    let again = async || {
        let request = alice.request(Method::GET, "/v1/rooms/general");
        let answer = request.header("if-none-match", &etag).send().await;
        answer.expect("an answer")
    };

    let unchanged = again().await;
    alice.beat("general", tab, json!({"status": "busy"})).await;
    let changed = again().await;

    assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(unchanged.headers()["etag"], etag);
    assert_eq!(changed.status(), StatusCode::OK);
    assert_ne!(changed.headers()["etag"], etag);
    assert_eq!(unchanged.bytes().await.expect("no body").len(), 0);
}

#[tokio::test]
async fn offline_adds_the_absent_who_were_seen_latest_first() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    for user in ["bob", "carol"] {
        let (client, tab) = (app.client(user), Uuid::new_v4());
        client.beat("general", tab, json!({})).await;
        client.leave("general", tab).await;
    }
    let alice = app.client("alice");
    alice.beat("general", Uuid::new_v4(), json!({})).await;

    let (_, without) = alice.get("/v1/rooms/general").await;
    let (_, latest) = alice.get("/v1/rooms/general?offline=1").await;
    let (_, all) = alice.get("/v1/rooms/general?offline=1000").await;
    let (too_many, problem) = alice.get("/v1/rooms/general?offline=1001").await;

    assert_eq!(without["offline"], json!([]));
    assert_eq!(named(&latest["offline"]), ["carol"]);
    assert_eq!(named(&all["offline"]), ["carol", "bob"]);
    let absent = ["avatar_url", "last_seen_at", "name", "role", "user_id"];
    assert_eq!(fields(&all["offline"][0]), absent);
    assert_eq!(all["offline"][0]["name"], "Carol Cruz");
    assert_eq!(named(&all["members"]), ["alice"]);
    assert_eq!(
        (too_many, &problem["type"]),
        (StatusCode::BAD_REQUEST, &json!("invalid"))
    );
}

#[tokio::test]
async fn members_come_in_pages_and_the_count_is_of_all() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    for user in ["carol", "alice", "bob"] {
        app.client(user).beat("general", Uuid::new_v4(), json!({})).await;
    }
    let alice = app.client("alice");

    let (_, first) = alice.get("/v1/rooms/general?limit=2").await;
    let (_, second) = alice.get("/v1/rooms/general?limit=2&after=bob").await;
    let (_, beyond) = alice.get("/v1/rooms/general?after=zoe").await;
    let (none, _) = alice.get("/v1/rooms/general?limit=0").await;

    assert_eq!(
        (named(&first["members"]), &first["next"]),
        (vec!["alice", "bob"], &json!("bob"))
    );
    assert_eq!(
        (named(&second["members"]), &second["next"]),
        (vec!["carol"], &json!(null))
    );
    assert_eq!(
        (&first["online_count"], &second["online_count"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(beyond["members"], json!([]));
    assert_eq!(none, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_room_has_the_documented_fields_also_where_nobody_ever_was() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");
    let (_, empty) = alice.get("/v1/rooms/planning").await;
    let state = json!({"status": "busy", "message": "at the gate", "activity": "viewing budget", "data": {"b": 1, "a": [2]}});
    alice.beat("general", Uuid::new_v4(), state).await;

    let (_, room) = alice.get("/v1/rooms/general").await;

    let snapshot = [
        "epoch",
        "members",
        "next",
        "offline",
        "online_count",
        "revision",
        "room_id",
    ];
    assert_eq!(
        (fields(&empty), fields(&room)),
        (snapshot.to_vec(), snapshot.to_vec())
    );
    assert_eq!(
        (&empty["revision"], &empty["online_count"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(empty["epoch"], room["epoch"]);
    let member = &room["members"][0];
    let known = [
        "activity",
        "avatar_url",
        "data",
        "joined_at",
        "message",
        "name",
        "role",
        "status",
        "status_until",
        "user_id",
    ];
    assert_eq!(fields(member), known);
    assert_eq!(member["data"], json!({"a": [2], "b": 1}));
    assert_eq!(
        member["joined_at"].as_str().map(str::len),
        Some("2026-01-01T00:00:00.000Z".len())
    );
}

#[tokio::test]
async fn the_sidebar_counts_the_rooms_that_the_caller_may_see() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");
    alice.beat("general", Uuid::new_v4(), json!({})).await;

    let (_, all) = alice.get("/v1/rooms").await;
    let (_, some) = alice.get("/v1/rooms?id=planning&id=expo-floor&id=nowhere").await;

    let room = |id: &str, name: &str, kind: &str, count: u8| json!({"room_id": id, "name": name, "kind": kind, "event_id": "gala", "online_count": count});
    let planning = room("planning", "Planning", "chat", 0);
    let (general, vera) = (
        room("general", "General", "chat", 1),
        room("vera-catering", "Vera Catering", "vendor", 0),
    );
    assert_eq!(all, json!({"rooms": [general, planning, vera]}));
    assert_eq!(some, json!({"rooms": [planning]}));
}

#[tokio::test]
async fn the_dashboard_counts_a_person_in_two_rooms_once() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let (alice, bob) = (app.client("alice"), app.client("bob"));
    alice
        .beat("general", Uuid::new_v4(), json!({"status": "away"}))
        .await;
    alice
        .beat("planning", Uuid::new_v4(), json!({"status": "busy"}))
        .await;

    let (_, event) = bob.get("/v1/events/gala").await;

    assert_eq!(
        fields(&event),
        [
            "coordinator_id",
            "event_id",
            "name",
            "online_count",
            "people",
            "rooms"
        ]
    );
    assert_eq!(
        (&event["name"], &event["coordinator_id"]),
        (&json!("Summer Gala"), &json!("alice"))
    );
    assert_eq!(event["online_count"], 1);
    assert_eq!(
        named(&event["people"]),
        ["alice", "bob", "carol"],
        "vera's room is not bob's to see"
    );
    let person = &event["people"][0];
    assert_eq!(
        fields(person),
        [
            "avatar_url",
            "last_seen_at",
            "name",
            "online",
            "role",
            "status",
            "user_id"
        ]
    );
    assert_eq!(
        (&person["online"], &person["status"], &person["role"]),
        (&json!(true), &json!("busy"), &json!("coordinator"))
    );
    assert_eq!(event["people"][2]["online"], false);
    assert_eq!(event["people"][2]["status"], json!(null));
    let room = &event["rooms"][0];
    assert_eq!(
        fields(room),
        ["kind", "members", "name", "online_count", "room_id"]
    );
    assert_eq!(
        (named(&room["members"]), &room["online_count"]),
        (vec!["alice"], &json!(1))
    );
}

#[tokio::test]
async fn an_event_without_a_room_for_the_caller_looks_like_none() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let bob = app.client("bob");

    let (missing, problem) = bob.get("/v1/events/nothing").await;
    let (forbidden, same) = bob.get("/v1/events/expo").await;

    assert_eq!(
        (missing, &problem["type"]),
        (StatusCode::NOT_FOUND, &json!("event-not-found"))
    );
    assert_eq!(
        (forbidden, &same["type"]),
        (StatusCode::NOT_FOUND, &json!("event-not-found"))
    );
}

#[tokio::test]
async fn a_person_is_seen_through_the_rooms_that_both_may_enter() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    let user = async |who: &Client, of: &str| who.get(&format!("/v1/users/{of}")).await;
    alice.beat("vera-catering", tab, json!({"status": "busy"})).await;

    let (_, by_vera) = user(&app.client("vera"), "alice").await;
    let (_, by_carol) = user(&app.client("carol"), "alice").await;
    let (_, by_herself) = user(&alice, "alice").await;
    let (by_victor, problem) = user(&app.client("victor"), "alice").await;
    let (_, of_an_outsider) = user(&app.client("dave"), "dave").await;

    assert_eq!(
        fields(&by_vera),
        [
            "avatar_url",
            "last_seen_at",
            "name",
            "online",
            "rooms",
            "status",
            "user_id"
        ]
    );
    let here = json!([{"room_id": "vera-catering", "status": "busy"}]);
    assert_eq!(
        (&by_vera["rooms"], &by_vera["status"], &by_vera["online"]),
        (&here, &json!("busy"), &json!(true))
    );
    assert_eq!(by_herself["rooms"], here);
    let unseen = json!({"user_id": "alice", "name": "Alice Adams", "avatar_url": null, "online": false,
        "status": null, "last_seen_at": null, "rooms": []});
    assert_eq!(by_carol, unseen);
    assert_eq!(
        (by_victor, &problem["type"]),
        (StatusCode::NOT_FOUND, &json!("user-not-found"))
    );
    assert_eq!(
        (&of_an_outsider["online"], &of_an_outsider["name"]),
        (&json!(false), &json!("Dave Dunn"))
    );
}

fn fields(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value
        .as_object()
        .into_iter()
        .flat_map(|object| object.keys().map(String::as_str))
        .collect();
    names.sort_unstable();
    names
}

fn named(list: &Value) -> Vec<&str> {
    let people = list.as_array().into_iter().flatten();
    people.filter_map(|person| person["user_id"].as_str()).collect()
}

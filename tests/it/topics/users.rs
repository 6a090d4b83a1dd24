//! `user=`: a person as their GET has them, through shared rooms and nothing else.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    QUIET,
    reader::{open, try_open},
};
use crate::support::{
    app::{TestApp, service_url},
    client::Client,
    db::TestDb,
    sql::run,
};

async fn get(client: &Client, user: &str) -> String {
    let answer = client.send(Method::GET, &format!("/v1/users/{user}"), None).await;
    assert_eq!(answer.status(), StatusCode::OK);
    answer.text().await.expect("the whole body")
}

#[tokio::test]
async fn a_person_is_their_get_at_once_and_after_each_change_in_a_shared_room() {
    let Some(db) = TestDb::new().await else { return };
    let (here, there) = (TestApp::start(&db).await, TestApp::start(&db).await);
    let (alice, bob, tab) = (there.client("alice"), here.client("bob"), Uuid::new_v4());

    let mut reader = open(&alice, "user=bob").await;
    let mut frames = vec![reader.next_of("user").await];
    let mut gets = vec![get(&alice, "bob").await];
    for (room, state) in [
        ("general", json!({})),
        ("general", json!({"status": "away"})),
        ("planning", json!({"status": "busy"})),
    ] {
        bob.beat(room, tab, state).await;
        frames.push(reader.next().await);
        gets.push(get(&alice, "bob").await);
    }
    for room in ["planning", "general"] {
        bob.leave(room, tab).await;
        frames.push(reader.next().await);
        gets.push(get(&alice, "bob").await);
    }
    let unheard = reader.next_within(QUIET).await;

    for (frame, get) in frames.iter().zip(&gets) {
        assert_eq!(frame.block, format!("event: user\ndata: {get}\n\n"));
    }
    let statuses: Vec<&Value> = frames.iter().map(|frame| &frame.data["status"]).collect();
    let expected = [
        json!(null),
        json!("active"),
        json!("away"),
        json!("busy"),
        json!("away"),
        json!(null),
    ];
    assert_eq!(statuses, expected.iter().collect::<Vec<_>>());
    assert!(frames[5].data["last_seen_at"].is_string() && frames[5].data["online"] == false);
    assert!(unheard.is_none(), "{unheard:?}");
}

#[tokio::test]
async fn what_happens_in_rooms_that_are_not_shared_changes_nothing_at_all() {
    let Some(db) = TestDb::new().await else { return };
    let merge = |settings: &mut pg_presence::config::Settings| settings.merge = Duration::from_millis(300);
    let app = TestApp::start_with(&service_url(db.url()), merge).await;
    let (alice, carol, victor, tab) = (
        app.client("alice"),
        app.client("carol"),
        app.client("victor"),
        Uuid::new_v4(),
    );
    let mut by_victor = open(&victor, "user=carol").await;
    by_victor.next_of("user").await;
    let mut by_bob = open(&app.client("bob"), "user=carol&user=alice").await;
    by_bob.until(|told| told.users.len() == 2).await;
    let mut gets = vec![get(&app.client("bob"), "carol").await];

    // Carol and bob share general alone; what she does on the expo floor is none of his business.
    for (room, state) in [
        ("expo-floor", json!({})),
        ("expo-floor", json!({"status": "busy"})),
    ] {
        carol.beat(room, tab, state).await;
        victor.beat(room, tab, json!({"status": "away"})).await;
        alice.beat("vera-catering", tab, json!({})).await;
        gets.push(get(&app.client("bob"), "carol").await);
    }
    carol.leave("expo-floor", tab).await;
    gets.push(get(&app.client("bob"), "carol").await);
    let unheard = by_bob.next_within(QUIET).await;
    alice.beat("general", tab, json!({})).await;
    let heard = by_bob.next().await;
    // Of what others do in a shared room nothing is sent either: it reads as before.
    let quiet = by_bob.next_within(QUIET).await;
    let victors = by_victor.agrees(&victor, "user=carol").await;

    gets.dedup();
    assert_eq!(gets.len(), 1, "{gets:?}");
    assert_eq!(
        (unheard.map(|frame| frame.block), quiet.map(|frame| frame.block)),
        (None, None)
    );
    assert_eq!(
        (heard.name.as_str(), &heard.data["user_id"]),
        ("user", &json!("alice"))
    );
    assert_eq!(victors, [""; 0]);
    assert!(by_victor.frames > 2, "victor shares the expo floor");
}

#[tokio::test]
async fn oneself_is_a_topic_too_through_all_rooms_and_without_any() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let (alice, dave, tab) = (app.client("alice"), app.client("dave"), Uuid::new_v4());
    let mut reader = open(&alice, "user=alice").await;
    reader.next_of("user").await;
    let mut lonely = open(&dave, "user=dave").await;
    let first = lonely.next_of("user").await;

    for room in ["general", "planning", "vera-catering"] {
        alice.beat(room, tab, json!({})).await;
        let frame = reader.next().await;
        assert_eq!(frame.text, get(&alice, "alice").await);
    }
    let into = "insert into event_app.room_participants (room_id, user_id) values ('planning', 'dave')";
    run(&db.admin().await, into).await;
    // Within a sweep of it dave's topic listens to his new room.
    dave.beat("planning", tab, json!({})).await;
    let came = lonely.next().await;

    assert_eq!(
        (&first.data["online"], &first.data["rooms"]),
        (&json!(false), &json!([]))
    );
    assert_eq!(came.text, get(&dave, "dave").await);
    assert_eq!(came.data["online"], true);
}

#[tokio::test]
async fn where_nothing_is_shared_any_more_the_person_is_revoked() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    let (alice, vera, bob, tab) = (
        app.client("alice"),
        app.client("vera"),
        app.client("bob"),
        Uuid::new_v4(),
    );
    for (client, query) in [
        (&vera, "user=bob"),
        (&bob, "user=nobody"),
        (&bob, "user=vera&user=victor"),
    ] {
        let refused = try_open(client, query).await.err();
        assert_eq!(
            refused,
            Some((StatusCode::NOT_FOUND, "user-not-found".to_owned())),
            "{query}"
        );
    }
    let mut reader = open(&vera, "user=alice&user=vera&user=bob").await;
    reader
        .until(|told| told.users.len() == 2 && told.revoked.len() == 1)
        .await;
    alice.beat("vera-catering", tab, json!({})).await;
    reader.next().await;

    let out = "delete from event_app.room_participants where room_id = 'vera-catering' and user_id = 'alice'";
    run(&admin, out).await;
    let revoked = reader.next().await;
    alice.beat("general", tab, json!({})).await;
    let silence = reader.next_within(QUIET).await;
    vera.beat("vera-catering", tab, json!({})).await;
    let other = reader.next().await;

    assert_eq!(revoked.block, "event: revoked\ndata: {\"user_id\":\"alice\"}\n\n");
    assert_eq!(silence.map(|frame| frame.block), None);
    assert_eq!(other.data["user_id"], "vera");
    assert_eq!(reader.told.wrongs, [""; 0]);
}

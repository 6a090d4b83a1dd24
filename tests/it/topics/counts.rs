//! `count=`: how many are in a room, and nothing else; and what a stream's query may be.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::{
    QUIET,
    reader::{open, try_open},
};
use crate::support::{
    app::{TestApp, service_url},
    db::TestDb,
    sql::run,
};

#[tokio::test]
async fn a_count_is_sent_at_once_and_then_where_the_number_differs_only() {
    let Some(db) = TestDb::new().await else { return };
    let (here, there) = (TestApp::start(&db).await, TestApp::start(&db).await);
    let (alice, bob, tab) = (here.client("alice"), here.client("bob"), Uuid::new_v4());
    alice.beat("general", tab, json!({})).await;

    let mut reader = open(&there.client("carol"), "count=general").await;
    let (ready, first) = (reader.next().await, reader.next().await);
    alice
        .beat("general", tab, json!({"status": "busy", "message": "hi"}))
        .await;
    alice.beat("general", Uuid::new_v4(), json!({})).await;
    let unheard = reader.next_within(QUIET).await;
    bob.beat("general", tab, json!({})).await;
    let second = reader.next().await;
    bob.leave("general", tab).await;
    let third = reader.next().await;

    assert_eq!(ready.name, "ready");
    assert!(unheard.is_none(), "{unheard:?}");
    for (frame, count) in [(first, 1), (second, 2), (third, 1)] {
        assert_eq!(
            frame.block,
            format!("event: count\ndata: {{\"room_id\":\"general\",\"online_count\":{count}}}\n\n")
        );
    }
}

#[tokio::test]
async fn one_in_and_one_out_within_the_merge_says_nothing() {
    let Some(db) = TestDb::new().await else { return };
    let merge = |settings: &mut pg_presence::config::Settings| settings.merge = Duration::from_secs(2);
    let app = TestApp::start_with(&service_url(db.url()), merge).await;
    let (alice, bob, carol, tab) = (
        app.client("alice"),
        app.client("bob"),
        app.client("carol"),
        Uuid::new_v4(),
    );
    let mut reader = open(&carol, "count=general").await;
    reader.next_of("count").await;
    assert!(reader.next_within(Duration::from_secs(3)).await.is_none());

    alice.beat("general", tab, json!({})).await;
    let first = reader.next().await;
    bob.beat("general", tab, json!({})).await;
    alice.leave("general", tab).await;
    let unheard = reader.next_within(Duration::from_secs(4)).await;
    carol.beat("general", tab, json!({})).await;
    let second = reader.next().await;

    assert_eq!(first.data, json!({"room_id": "general", "online_count": 1}));
    assert!(unheard.is_none(), "{unheard:?}");
    assert_eq!(second.data, json!({"room_id": "general", "online_count": 2}));
}

#[tokio::test]
async fn a_forbidden_count_is_revoked_and_alone_it_is_not_found() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    let (alice, bob, tab) = (app.client("alice"), app.client("bob"), Uuid::new_v4());

    for query in [
        "count=vera-catering",
        "count=nowhere",
        "count=nowhere&count=vera-catering&event=expo",
    ] {
        let refused = try_open(&bob, query).await.err();
        assert_eq!(
            refused,
            Some((StatusCode::NOT_FOUND, "room-not-found".to_owned())),
            "{query}"
        );
    }
    let mut reader = open(&bob, "count=general&count=vera-catering&count=planning").await;
    let first = [
        reader.next().await,
        reader.next().await,
        reader.next().await,
        reader.next().await,
    ];
    run(
        &admin,
        "delete from event_app.room_participants where room_id = 'general' and user_id = 'bob'",
    )
    .await;
    alice.beat("general", tab, json!({})).await;
    let revoked = reader.next().await;
    alice.beat("planning", tab, json!({})).await;
    let next = reader.next().await;

    let mut first = first.map(|frame| (frame.name, frame.data["room_id"].clone()));
    first.sort_by_key(|(name, room)| format!("{name} {room}"));
    let expected = [
        ("count", json!("general")),
        ("count", json!("planning")),
        ("ready", json!(null)),
        ("revoked", json!("vera-catering")),
    ];
    assert_eq!(first, expected.map(|(name, room)| (name.to_owned(), room)));
    assert_eq!(
        (revoked.name.as_str(), revoked.data),
        ("revoked", json!({"room_id": "general"}))
    );
    assert_eq!(next.data, json!({"room_id": "planning", "online_count": 1}));
    assert!(reader.next_within(QUIET).await.is_none());
}

#[tokio::test]
async fn a_room_and_its_count_go_side_by_side() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let (alice, bob, tab) = (app.client("alice"), app.client("bob"), Uuid::new_v4());
    alice.beat("general", tab, json!({})).await;
    let query = "count=general&room=general";

    let mut reader = open(&bob, query).await;
    let mut names = vec![];
    for _ in 0..3 {
        names.push(reader.next().await.name);
    }
    alice.beat("general", tab, json!({"status": "away"})).await;
    names.push(reader.next().await.name);
    bob.beat("general", tab, json!({})).await;
    names.push(reader.next().await.name);
    names.push(reader.next().await.name);
    let cursor = match &reader.told.rooms["general"] {
        super::reader::Room::Whole(picture) => picture.cursor.clone(),
        room => panic!("{room:?}"),
    };
    let mut resumed = open(&bob, &format!("room=general@{cursor}&count=general")).await;
    let again = [resumed.next().await, resumed.next().await];

    assert_eq!(names, ["ready", "snapshot", "count", "diff", "diff", "count"]);
    assert_eq!(reader.agrees(&bob, query).await, [""; 0]);
    assert_eq!(
        (again[0].name.as_str(), &again[1].data),
        ("ready", &json!({"room_id": "general", "online_count": 2})),
        "a room with a current cursor says nothing, its count does"
    );
    assert!(resumed.next_within(QUIET).await.is_none());
}

#[tokio::test]
async fn a_stream_takes_a_hundred_topics_in_any_mix_and_no_more() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");
    let seen = ["room=general", "count=planning", "event=gala", "user=bob"];
    let missing = (0..96).map(|n| format!("{}=missing-{n}", ["room", "count", "event", "user"][n % 4]));
    let hundred: Vec<String> = seen.into_iter().map(str::to_owned).chain(missing).collect();

    let mut reader = open(&alice, &hundred.join("&")).await;
    let whole = reader
        .until(|told| {
            told.revoked.len() == 96
                && told.rooms.len() + told.counts.len() + told.events.len() + told.users.len() == 4
        })
        .await;
    let differs = reader.agrees(&alice, &seen.join("&")).await;

    assert!(whole, "{:?}", reader.told);
    assert_eq!(differs, [""; 0]);
    let more = format!("{}&user=carol", hundred.join("&"));
    let many_sessions = format!(
        "room=general&{}",
        vec!["session=00000000-0000-4000-8000-000000000001"; 101].join("&")
    );
    for query in [
        more.as_str(),
        many_sessions.as_str(),
        "",
        "session=00000000-0000-4000-8000-000000000001",
        "room=general&rooms=planning",
        "room=general&Count=planning",
        "room=general&event=",
        "room=general&user=",
        "room=general&count=",
        "room=",
    ] {
        let refused = try_open(&alice, query).await.err();
        assert_eq!(
            refused,
            Some((StatusCode::BAD_REQUEST, "invalid".to_owned())),
            "{query:?}"
        );
    }
}

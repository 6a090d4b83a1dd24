//! What people do by hand: to the application's tables, to ours, and to their own names.

use std::time::{Duration, Instant};

use pg_presence::config::Settings;
use reqwest::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::PATIENCE;
use crate::support::{
    app::{TEST_SLACK, TestApp, service_url},
    db::TestDb,
    sql::{list, run},
    stream::Picture,
};

const CUT_MAX: Duration = Duration::from_secs(1);
const QUIET: Duration = Duration::from_millis(600);

/// Who is to lose which room, by what, and who may still look at it afterwards.
const LOSSES: [(&str, &str, &str, Option<&str>); 5] = [
    (
        "carol",
        "general",
        "delete from event_app.room_participants where room_id = 'general' and user_id = 'carol'",
        Some("alice"),
    ),
    (
        "victor",
        "expo-floor",
        "update event_app.rooms set kind = 'vendor', vendor_id = 'vera' where id = 'expo-floor'",
        Some("carol"),
    ),
    (
        "vera",
        "vera-catering",
        "update event_app.rooms set vendor_id = 'victor' where id = 'vera-catering'",
        Some("alice"),
    ),
    (
        "bob",
        "planning",
        "delete from event_app.rooms where id = 'planning'",
        None,
    ),
    (
        "bob",
        "general",
        "delete from event_app.users where id = 'bob'",
        Some("alice"),
    ),
];

/// FAULTS 48. The sweep is an age away: it is the change itself that cuts the stream.
#[tokio::test]
async fn each_way_to_lose_a_room_cuts_its_streams_and_ends_the_presence() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let app = TestApp::start_with(&service_url(db.url()), |settings: &mut Settings| {
        settings.sweep = Duration::from_secs(300);
    })
    .await;

    for (user, room, sql, watcher) in LOSSES {
        let client = app.client(user);
        let (joined, _) = client.beat(room, Uuid::new_v4(), json!({})).await;
        let mut stream = client.stream(&[room]).await;
        let is_there = |picture: &Picture| picture.members.contains_key(user);
        assert!(stream.until(room, PATIENCE, is_there).await, "{user} in {room}");
        run(&admin, &format!("begin; {sql}; rollback")).await;
        let rolled_back = stream.next_within(QUIET).await;

        run(&admin, sql).await;
        let begin = Instant::now();
        let cut = stream.next().await;
        let took = begin.elapsed();
        if let Some(watcher) = watcher {
            let client = app.client(watcher);
            let mut watching = client.stream(&[room]).await;
            let is_gone = |picture: &Picture| !picture.members.contains_key(user);
            assert!(
                watching.until(room, PATIENCE, is_gone).await,
                "{user} left {room}"
            );
            client
                .beat(room, Uuid::new_v4(), json!({"message": "among us"}))
                .await;
        }

        println!("{user} was cut off {room} after {took:?}, promised within {CUT_MAX:?}");
        assert_eq!((joined, rolled_back), (StatusCode::OK, None), "{sql}");
        assert_eq!(
            (cut.name.as_str(), &cut.data),
            ("revoked", &json!({"room_id": room})),
            "{sql}"
        );
        assert!(took < CUT_MAX * TEST_SLACK, "{took:?}: {sql}");
        assert_eq!(stream.next_within(QUIET).await, None, "{sql}");
        let ended = format!(
            "select distinct reason from presence_private.change \
             where room_id = '{room}' and user_id = '{user}' and what = 'leave'"
        );
        assert_eq!(list(&admin, &ended).await, ["revoked"], "{sql}");
        assert_eq!(
            client.beat(room, Uuid::new_v4(), json!({})).await.0,
            StatusCode::NOT_FOUND
        );
    }
}

/// FAULTS 17, 37. Rows that are taken out under a node's feet: revisions go back, and what it told is read again.
#[tokio::test]
async fn rows_that_are_deleted_by_hand_are_gone_from_the_streams_too() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    let mut stream = app.client("bob").stream(&["general"]).await;
    let alone = |picture: &Picture| picture.statuses() == [("alice", "active")].into();
    let epoch = |picture: &Picture| picture.cursor.split('.').next().unwrap_or_default().to_owned();

    for tables in [
        &["session", "member", "room", "change"][..],
        &["session", "member", "room"],
        &["room"],
        &["session", "room", "member", "change", "epoch"],
    ] {
        for status in ["busy", "away", "active"] {
            alice
                .beat(
                    "general",
                    tab,
                    json!({"status": status, "message": tables.join(" ")}),
                )
                .await;
        }
        // What she said last is known to the node once its streams were told.
        let said =
            |picture: &Picture| alone(picture) && picture.members["alice"]["message"] == tables.join(" ");
        assert!(stream.until("general", PATIENCE, said).await);

        let before = epoch(&stream.picture("general"));
        let deletes = tables
            .iter()
            .map(|table| format!("delete from presence_private.{table};"));
        run(&admin, &format!("begin; {} commit", deletes.collect::<String>())).await;
        // A loss like any other: all begins anew, with those whom the node knows to be here.
        let anew = stream
            .until("general", PATIENCE, |picture| epoch(picture) != before)
            .await;
        let (again, _) = alice.beat("general", tab, json!({})).await;
        let back = stream.until("general", PATIENCE, alone).await;

        let told = stream.picture("general");
        assert_eq!(
            (anew, again, back),
            (true, StatusCode::OK, true),
            "{tables:?} {told:?}"
        );
    }
    assert_eq!(stream.wrongs(), [""; 0]);
}

/// FAULTS 33. The application's own names are text of every kind as well.
#[tokio::test]
async fn names_of_every_kind_are_delivered_intact() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    let name = "O'Brien\r\n\nevent: bye\ndata: {}\n\u{2028}\u{1f600}\u{202e}\u{5d0}\u{0301}\"\\";
    let renamed = "update event_app.users set name = $1, avatar_url = $1 where id = 'alice'";
    admin.execute(renamed, &[&name]).await.expect("any name");
    let mut stream = app.client("bob").stream(&["general"]).await;

    app.client("alice")
        .beat("general", Uuid::new_v4(), json!({}))
        .await;
    let joined = stream.next_of("diff").await.data["joined"][0].clone();
    let (_, room) = app.client("bob").get("/v1/rooms/general").await;

    for member in [&joined, &room["members"][0]] {
        assert_eq!(
            (&member["name"], &member["avatar_url"]),
            (&json!(name), &json!(name))
        );
    }
    assert_eq!(stream.wrongs(), [""; 0]);
}

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

/// Members that are not what their sessions say, and rooms that count wrong.
const DIFFERS: &str = "\
select format('%s in %s', m.user_id, m.room_id) from presence_private.member m
 where m.sessions <> (select count(*) from presence_private.session s
                       where s.room_id = m.room_id and s.user_id = m.user_id and s.ended_at is null)
 union all
select r.room_id::text from presence_private.room r
 where r.online_count <> (select count(*) from presence_private.member m where m.room_id = r.room_id)";

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

/// FAULTS 17. Whose sessions are deleted by hand is taken out of the room: everybody is told, and the next heartbeat joins
/// anew. One tab of several shows nothing.
#[tokio::test]
async fn whose_sessions_are_deleted_by_hand_leaves_and_comes_back_with_a_heartbeat() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    let tabs = [Uuid::new_v4(), Uuid::new_v4()];
    let mut stream = app.client("bob").stream(&["general"]).await;
    for tab in tabs {
        app.client("alice").beat("general", tab, json!({})).await;
    }
    app.client("carol")
        .beat("general", Uuid::new_v4(), json!({}))
        .await;
    let both = |picture: &Picture| picture.members.len() == 2;
    assert!(stream.until("general", PATIENCE, both).await);

    let delete =
        |session: Uuid| format!("delete from presence_private.session where session_id = '{session}'");
    run(&admin, &delete(tabs[0])).await;
    let of_one_tab = stream.next_within(QUIET).await;
    run(&admin, &format!("do $$ begin {}; end $$", delete(tabs[1]))).await;
    let left = stream.next_of("diff").await.data["left"][0].clone();
    let (again, _) = app.client("alice").beat("general", tabs[1], json!({})).await;
    let joined = stream.next_of("diff").await.data["joined"][0]["user_id"].clone();

    assert_eq!(of_one_tab, None);
    assert_eq!(
        (&left["user_id"], &left["reason"]),
        (&json!("alice"), &json!("removed"))
    );
    assert_eq!((again, joined), (StatusCode::OK, json!("alice")));
    assert_eq!(stream.wrongs(), [""; 0]);
    assert_eq!(list(&admin, DIFFERS).await, [""; 0]);
    run(&admin, "delete from presence_private.session").await;
    let nobody = |picture: &Picture| picture.members.is_empty();
    assert!(stream.until("general", PATIENCE, nobody).await);
    assert_eq!(list(&admin, DIFFERS).await, [""; 0]);
}

/// FAULTS 17. A member is what its sessions say: it cannot be deleted while they live, and nobody is told anything.
#[tokio::test]
async fn a_member_that_is_deleted_by_hand_stays_as_long_as_its_sessions() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    let mut stream = app.client("bob").stream(&["general"]).await;
    app.client("alice")
        .beat(
            "general",
            Uuid::new_v4(),
            json!({"status": "busy", "message": "at the venue"}),
        )
        .await;
    let alone = |picture: &Picture| picture.statuses() == [("alice", "busy")].into();
    assert!(stream.until("general", PATIENCE, alone).await);
    let rows = "select to_jsonb(m)::text from presence_private.member m";
    let before = list(&admin, rows).await;

    run(&admin, "delete from presence_private.member").await;
    let told = stream.next_within(QUIET).await;

    assert_eq!(told, None);
    assert_eq!(list(&admin, rows).await, before);
    // In one transaction, in whatever order: first what people see, then what it is made of.
    run(
        &admin,
        "begin; delete from presence_private.member; delete from presence_private.session; commit",
    )
    .await;
    let nobody = |picture: &Picture| picture.members.is_empty();
    assert!(stream.until("general", PATIENCE, nobody).await);
    assert_eq!((list(&admin, rows).await, stream.wrongs()), (vec![], &[][..]));
}

/// FAULTS 17. One of the tables alone: nothing is left in the others that would haunt a room.
#[tokio::test]
async fn a_truncate_of_one_table_alone_is_a_loss_as_well() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin, tab) = (TestApp::start(&db).await, db.admin().await, Uuid::new_v4());
    let mut stream = app.client("bob").stream(&["general"]).await;
    let ours = |picture: &Picture| picture.members.keys().eq(["alice"]);

    for table in ["session", "member", "room", "change"] {
        app.client("alice").beat("general", tab, json!({})).await;
        assert!(stream.until("general", PATIENCE, ours).await, "{table}");
        let before = stream.picture("general").cursor;
        let epoch = before.split('.').next().unwrap_or_default().to_owned();
        // Of whom no node knows: he must not be there afterwards.
        run(
            &admin,
            &format!(
                "begin; select presence.heartbeat('planning', 'bob', gen_random_uuid());
                 truncate presence_private.{table}; commit"
            ),
        )
        .await;

        let anew = |picture: &Picture| !picture.cursor.starts_with(&epoch) && ours(picture);
        assert!(
            stream.until("general", PATIENCE, anew).await,
            "{table}: she is put back"
        );
        let haunts = "select user_id::text from presence_private.member where room_id = 'planning'";
        assert_eq!(list(&admin, haunts).await, [""; 0], "{table}");
        assert_eq!(list(&admin, DIFFERS).await, [""; 0], "{table}");
    }
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

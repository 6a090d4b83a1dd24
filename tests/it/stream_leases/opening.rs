//! Opening a stream: who is in which rooms from then on, and who is not.

use pg_presence::config::Settings;
use reqwest::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::{
    GONE, Watcher, assert_within, log, node, nodes, open, sessions, short, try_open, until_sessions,
};
use crate::support::{
    app::{TestApp, service_url},
    db::TestDb,
    sql::{list, run},
};

#[tokio::test]
async fn a_stream_with_a_session_is_in_every_room_of_the_stream() {
    let Some(db) = TestDb::new().await else { return };
    let ((here, there), admin) = (nodes(&db).await, db.admin().await);
    let mut watchers = [
        Watcher::of(&there.client("bob"), "general").await,
        Watcher::of(&there.client("bob"), "planning").await,
    ];

    let query = format!("room=general&room=planning&session={}", Uuid::new_v4());
    let mut stream = open(&here.client("alice"), &query).await;
    let ready = stream.next().await;
    let snapshots = [stream.next().await, stream.next().await];

    assert_eq!(ready.name, "ready");
    for snapshot in &snapshots {
        assert_eq!(
            (snapshot.name.as_str(), &snapshot.data["online_count"]),
            ("snapshot", &json!(1))
        );
        assert_eq!(
            snapshot.data["members"][0]["user_id"], "alice",
            "its own snapshot has it"
        );
    }
    for watcher in &mut watchers {
        assert_eq!(watcher.next().await, ["alice joined"]);
    }
    until_sessions(&admin, &["general alice held", "planning alice held"]).await;
}

#[tokio::test]
async fn a_session_at_a_room_is_in_that_room_alone() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (node(&db).await, db.admin().await);
    let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
    let query = format!(
        "room=general&room=planning&room=vera-catering&session={one}@general&session={two}@vera-catering"
    );

    let mut stream = open(&app.client("alice"), &query).await;
    for _ in 0..3 {
        stream.next_of("snapshot").await;
    }

    until_sessions(&admin, &["general alice held", "vera-catering alice held"]).await;
    assert_eq!(stream.picture("general").statuses(), [("alice", "active")].into());
    assert_eq!(stream.picture("planning").statuses(), [].into(), "only observed");
    assert_eq!(log(&admin, "planning").await, [""; 0]);
}

/// So of two nodes the one that was asked later holds, however slow the first one is.
#[tokio::test]
async fn a_stream_begins_once_the_database_knows_that_it_holds() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (node(&db).await, db.admin().await);
    run(
        &admin,
        "create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.5); return new; end';
         create trigger slow before update on presence_private.session for each row
             when (old.holder is null and new.holder is not null) execute function slow()",
    )
    .await;

    let query = format!("room=general&session={}", Uuid::new_v4());
    let _stream = open(&app.client("alice"), &query).await;

    assert_eq!(sessions(&admin).await, ["general alice held"]);
}

#[tokio::test]
async fn who_only_observes_is_no_member() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (node(&db).await, db.admin().await);

    let mut stream = app.client("alice").stream(&["general", "planning"]).await;
    stream.next_of("snapshot").await;
    stream.next_of("snapshot").await;

    assert_eq!(sessions(&admin).await, [""; 0]);
    assert_eq!(log(&admin, "general").await, [""; 0]);
}

#[tokio::test]
async fn a_session_in_a_room_that_the_stream_does_not_watch_is_invalid() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (node(&db).await, db.admin().await);
    let tab = Uuid::new_v4();

    for query in [
        format!("room=general&session={tab}@planning"),
        format!("room=general&count=planning&session={tab}@planning"),
        format!("room=general&session={tab}&session={tab}@planning"),
        "room=general&session=not-a-uuid".to_owned(),
        format!("room=general&session={tab}@"),
        format!("session={tab}"),
    ] {
        let (status, problem) = try_open(&app.client("alice"), &query).await.expect_err(&query);
        assert_eq!(
            (status, &problem["type"]),
            (StatusCode::BAD_REQUEST, &json!("invalid")),
            "{query}"
        );
    }

    assert_eq!(sessions(&admin).await, [""; 0]);
}

#[tokio::test]
async fn of_several_rooms_a_forbidden_one_is_revoked_and_nothing_is_held_in_it() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (node(&db).await, db.admin().await);
    let query = format!("room=expo-floor&room=general&session={}", Uuid::new_v4());

    let mut stream = open(&app.client("alice"), &query).await;
    let revoked = stream.next_of("revoked").await;

    assert_eq!(revoked.data, json!({"room_id": "expo-floor"}));
    until_sessions(&admin, &["general alice held"]).await;
    assert_eq!(traces(&admin, "expo-floor").await, [""; 0]);
}

#[tokio::test]
async fn where_all_rooms_are_forbidden_there_is_no_stream_and_no_trace() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (node(&db).await, db.admin().await);
    let query = format!("room=expo-floor&room=no-such-room&session={}", Uuid::new_v4());

    let (status, problem) = try_open(&app.client("alice"), &query)
        .await
        .expect_err("forbidden");

    assert_eq!(
        (status, &problem["type"]),
        (StatusCode::NOT_FOUND, &json!("room-not-found"))
    );
    for room in ["expo-floor", "no-such-room"] {
        assert_eq!(traces(&admin, room).await, [""; 0]);
    }
}

/// FAULTS 40: a session id never returns after a logout, by a stream either.
#[tokio::test]
async fn a_session_that_was_logged_out_cannot_come_back_by_a_stream() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (node(&db).await, db.admin().await);
    let (alice, old) = (app.client("alice"), Uuid::new_v4());
    alice.beat("general", old, json!({})).await;
    run(&admin, "select presence.leave_everywhere('alice')").await;

    for room in ["general", "planning"] {
        let query = format!("room={room}&session={old}");
        let (status, problem) = try_open(&alice, &query).await.expect_err("a logged-out id");
        assert_eq!(
            (status, &problem["type"]),
            (StatusCode::CONFLICT, &json!("session-ended"))
        );
    }

    assert_eq!(sessions(&admin).await, [""; 0]);
}

#[tokio::test]
async fn too_many_sessions_in_one_room_leave_none_behind_in_another() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let app = TestApp::start_with(&service_url(db.url()), |settings: &mut Settings| {
        short(settings);
        settings.ttl = Some(std::time::Duration::from_secs(600)); // what stays stays
    })
    .await;
    let alice = app.client("alice");
    run(&admin, "select presence.configure(sessions_max => 1)").await;
    alice.beat("planning", Uuid::new_v4(), json!({})).await;
    let mut watcher = Watcher::of(&app.client("bob"), "general").await;

    let query = format!("room=general&room=planning&session={}", Uuid::new_v4());
    let (status, problem) = try_open(&alice, &query).await.expect_err("too many");

    assert_eq!(
        (status, &problem["type"]),
        (StatusCode::CONFLICT, &json!("too-many-sessions"))
    );
    until_sessions(&admin, &["planning alice free"]).await;
    assert_eq!(watcher.next().await, ["alice joined"]);
    assert_eq!(watcher.next().await, ["alice left: disconnected"]);
}

/// FAULTS 42: a component that is mounted and unmounted at once, a page that is closed while it loads.
#[tokio::test]
async fn a_stream_that_is_given_up_while_it_opens_leaves_nobody_behind() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let app = TestApp::start_with(&service_url(db.url()), |settings: &mut Settings| {
        short(settings);
        settings.ttl = Some(std::time::Duration::from_secs(600));
    })
    .await;
    run(&admin, "select presence.configure(sessions_max => 1000)").await;

    for n in 0..80 {
        let query = format!("room=general&session={}", Uuid::new_v4());
        let patience = std::time::Duration::from_micros(250 * n);
        // Its request is dropped, and with it the connection.
        let alice = app.client("alice");
        drop(tokio::time::timeout(patience, try_open(&alice, &query)).await);
    }
    let given_up = std::time::Instant::now();
    until_sessions(&admin, &[]).await;

    assert_within(given_up.elapsed(), GONE, "all gone");
    let joins = list(
        &admin,
        "select user_id::text from presence_private.change where what = 'join'",
    )
    .await;
    assert!(!joins.is_empty(), "some had been there");
    assert!(app.observer().figures().streams.get() == 0);
}

/// Whatever is known of a room and anybody in it.
async fn traces(admin: &tokio_postgres::Client, room: &str) -> Vec<String> {
    let mut all = vec![];
    for table in ["session", "member", "room", "change", "last_seen"] {
        let query = format!("select '{table}' from presence_private.{table} where room_id = '{room}'");
        all.extend(list(admin, &query).await);
    }
    all
}

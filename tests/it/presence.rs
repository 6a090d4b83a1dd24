//! The main job over HTTP and SSE: come, stay, go.

use std::time::{Duration, Instant};

use pg_presence::config::Settings;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio_postgres::Client as Postgres;
use uuid::Uuid;

use crate::support::{
    app::{TEST_SLACK, TestApp, service_url},
    db::TestDb,
};

const TTL: Duration = Duration::from_millis(1_500);
const REAP: Duration = Duration::from_millis(200);
/// Longer than anything that might still come would take.
const QUIET: Duration = Duration::from_millis(700);

/// Leases that end soon. The reaper spares everybody for one heartbeat after the server's start.
fn short(settings: &mut Settings) {
    settings.ttl = Some(TTL);
    settings.heartbeat = Some(Duration::from_millis(600));
    settings.typing = Some(Duration::from_millis(500));
    settings.reap = REAP;
}

#[tokio::test]
async fn a_join_an_update_and_a_leave_reach_the_others() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let (alice, bob, tab) = (app.client("alice"), app.client("bob"), Uuid::new_v4());
    let mut stream = bob.stream(&["general"]).await;
    assert_eq!(stream.next().await.name, "ready");
    assert_eq!(stream.next().await.data["members"], json!([]));

    let (status, lease) = alice.beat("general", tab, json!({"message": "hi"})).await;
    let joined = stream.next().await;
    alice.beat("general", tab, json!({"status": "busy"})).await;
    let updated = stream.next().await;
    let gone = alice.leave("general", tab).await;
    let left = stream.next().await;

    assert_eq!((status, &lease["status"]), (StatusCode::OK, &json!("active")));
    assert_eq!(lease["session_id"], json!(tab));
    assert!(
        lease["expires_at"].as_str() > lease["joined_at"].as_str(),
        "{lease}"
    );
    assert_eq!(lease["heartbeat_ms"], 25_000);
    assert_eq!(joined.data["joined"][0]["user_id"], "alice");
    assert_eq!(joined.data["joined"][0]["message"], "hi");
    assert_eq!(joined.data["joined"][0]["role"], "coordinator");
    assert_eq!(updated.data["updated"][0]["status"], "busy");
    assert_eq!(updated.data["updated"][0]["message"], "hi", "unsaid is unchanged");
    assert_eq!(gone, StatusCode::NO_CONTENT);
    assert_eq!(left.data["left"][0]["reason"], "left");
    assert!(left.data["left"][0]["last_seen_at"].is_string());
    assert_eq!(stream.wrongs(), [""; 0]);
}

#[tokio::test]
async fn a_lease_that_nobody_renews_ends_once_and_in_time() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start_with(&service_url(db.url()), short).await;
    let mut stream = app.client("bob").stream(&["general"]).await;
    let begin = Instant::now();
    app.client("alice")
        .beat("general", Uuid::new_v4(), json!({}))
        .await;
    stream.next_of("diff").await;

    let left = stream.next_of("diff").await;

    let took = begin.elapsed();
    assert_eq!(left.data["left"][0]["reason"], "expired");
    let promised = TTL + REAP + Duration::from_secs(1);
    println!("expired after {took:?}, promised {TTL:?} to {promised:?}");
    assert!(took >= TTL && took < promised * TEST_SLACK, "{took:?}");
    assert_eq!(stream.next_within(QUIET).await, None);
    assert_eq!(changes(&db.admin().await, "leave").await, ["expired"]);
}

#[tokio::test]
async fn renewals_keep_a_member_and_show_nothing() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start_with(&service_url(db.url()), short).await;
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    let mut stream = app.client("bob").stream(&["general"]).await;
    alice.beat("general", tab, json!({"status": "busy"})).await;
    stream.next_of("diff").await;
    let begin = Instant::now();

    while begin.elapsed() < 2 * TTL {
        let (status, _) = alice.beat("general", tab, json!({})).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(stream.next_within(TTL / 5).await, None);
    }

    assert_eq!(stream.picture("general").statuses(), [("alice", "busy")].into());
}

#[tokio::test]
async fn a_second_tab_shows_nothing_until_the_last_one_closes() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let (alice, one, two) = (app.client("alice"), Uuid::new_v4(), Uuid::new_v4());
    let mut stream = app.client("bob").stream(&["general"]).await;
    alice.beat("general", one, json!({})).await;
    let joined = stream.next_of("diff").await;

    alice.beat("general", two, json!({})).await;
    alice.leave("general", one).await;
    let between = stream.next_within(QUIET).await;
    alice.leave("general", two).await;
    let left = stream.next_of("diff").await;

    assert_eq!(between, None);
    assert_eq!(left.data["from"], joined.data["revision"], "no revision between");
    assert_eq!(left.data["left"][0]["reason"], "left");
}

#[tokio::test]
async fn typing_decays_to_what_was_before_without_a_word() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start_with(&service_url(db.url()), short).await;
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    let mut stream = app.client("bob").stream(&["general"]).await;
    let busy = json!({"status": "busy", "status_ttl_ms": 3_600_000, "message": "until three"});
    alice.beat("general", tab, busy).await;
    let before = stream.next_of("diff").await.data["joined"][0].clone();

    alice.beat("general", tab, json!({"status": "typing"})).await;
    let typing = stream.next_of("diff").await.data["updated"][0].clone();
    let (_, renewed) = alice.beat("general", tab, json!({})).await;
    let after = stream.next_of("diff").await.data["updated"][0].clone();

    assert_eq!(before["status"], "busy");
    assert_eq!(
        (&typing["status"], &typing["status_until"]),
        (&json!("typing"), &json!(null))
    );
    assert_eq!(renewed["status"], "typing", "a renewal does not end it");
    assert_eq!(after, before, "busy until the same moment, with the same message");
    assert!(before["status_until"].is_string());
}

#[tokio::test]
async fn a_timed_status_becomes_active_by_itself() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let mut stream = app.client("bob").stream(&["general"]).await;
    let meeting = json!({"status": "in_meeting", "status_ttl_ms": 300});
    app.client("alice").beat("general", Uuid::new_v4(), meeting).await;

    let joined = stream.next_of("diff").await.data["joined"][0].clone();
    let settled = stream.next_of("diff").await.data["updated"][0].clone();

    assert_eq!(joined["status"], "in_meeting");
    assert_eq!(
        (&settled["status"], &settled["status_until"]),
        (&json!("active"), &json!(null))
    );
}

#[tokio::test]
async fn to_become_invisible_looks_like_leaving_and_is_stored_nowhere() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let (alice, tab, admin) = (app.client("alice"), Uuid::new_v4(), db.admin().await);
    let mut stream = app.client("bob").stream(&["general"]).await;
    let invisible = json!({"status": "invisible", "message": "secret"});
    alice.beat("general", tab, json!({})).await;
    stream.next_of("diff").await;

    let (status, lease) = alice.beat("general", tab, invisible.clone()).await;
    let left = stream.next_of("diff").await;
    let (again, _) = alice.beat("general", tab, invisible).await;

    assert_eq!((status, again), (StatusCode::OK, StatusCode::OK));
    assert_eq!(
        (&lease["status"], &lease["expires_at"]),
        (&json!("invisible"), &json!(null))
    );
    assert_eq!(left.data["left"][0]["reason"], "left");
    assert_eq!(stream.next_within(QUIET).await, None);
    let stored = admin.query("select from presence_private.session", &[]).await;
    assert!(stored.expect("sessions are read").is_empty());
}

#[tokio::test]
async fn psql_and_the_stream_agree_within_one_reap_period_and_a_second() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start_with(&service_url(db.url()), short).await;
    let (admin, silent) = (db.admin().await, Uuid::new_v4());
    let mut stream = app.client("carol").stream(&["general"]).await;
    let patience = (REAP + Duration::from_secs(1)) * TEST_SLACK;

    for (user, tab, state) in [
        ("alice", Uuid::new_v4(), json!({"status": "busy"})),
        ("bob", silent, json!({"status": "typing"})),
        (
            "alice",
            Uuid::new_v4(),
            json!({"status": "in_meeting", "status_ttl_ms": 400}),
        ),
        ("carol", Uuid::new_v4(), json!({"status": "away"})),
    ] {
        app.client(user).beat("general", tab, state).await;
        let deadline = Instant::now() + patience;
        let mut agrees = false;
        while !agrees && Instant::now() < deadline {
            let in_sql = listed(&admin).await;
            agrees = stream
                .until("general", REAP / 2, |picture| {
                    let seen = picture.statuses().into_iter();
                    seen.map(|(user, status)| format!("{user} {status}"))
                        .eq(in_sql.iter().cloned())
                })
                .await;
        }
        assert!(agrees, "{:?}", stream.picture("general"));
    }

    let emptied = stream
        .until("general", TTL + patience, |picture| picture.members.is_empty())
        .await;
    assert!(emptied && listed(&admin).await.is_empty());
}

#[tokio::test]
async fn with_the_service_stopped_nobody_is_listed_once_the_lease_has_ended() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start_with(&service_url(db.url()), short).await;
    let admin = db.admin().await;
    app.client("alice")
        .beat("general", Uuid::new_v4(), json!({}))
        .await;

    app.terminate();
    app.ended().await.expect("an orderly end");
    let listed_then = listed(&admin).await;
    let lease_end = "select pg_sleep(greatest(0, extract(epoch from max(expires_at) - clock_timestamp()))) \
                     from presence_private.session";
    admin.query(lease_end, &[]).await.expect("the lease's end comes");

    assert_eq!(listed_then, ["alice active"]);
    assert_eq!(listed(&admin).await, [""; 0]);
    assert_eq!(
        changes(&admin, "leave").await,
        [""; 0],
        "nobody was there to write one"
    );
}

#[tokio::test]
async fn a_closing_page_leaves_by_its_beacon_without_a_token_of_its_user() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let (alice, one, two) = (app.client("alice"), Uuid::new_v4(), Uuid::new_v4());
    let mut stream = app.client("bob").stream(&["general", "planning"]).await;
    let (_, first) = alice.beat("general", one, json!({"seq": 1})).await;
    let (_, second) = alice.beat("planning", two, json!({})).await;
    let token = |lease: &serde_json::Value| lease["leave_token"].as_str().unwrap_or_default().to_owned();
    let lines = format!("{} 2\n{}\nnot-a-token 7\n", token(&first), token(&second));

    let beacon = alice
        .bare(Method::POST, "/v1/leave")
        .header("content-type", "text/plain");
    let answer = beacon.body(lines).send().await.expect("an answer");

    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    for room in ["general", "planning"] {
        let alone = |picture: &crate::support::stream::Picture| picture.members.is_empty();
        assert!(stream.until(room, QUIET * TEST_SLACK, alone).await, "{room}");
    }
    assert_eq!(changes(&db.admin().await, "leave").await, ["left", "left"]);
    let (late, problem) = alice.beat("general", one, json!({"seq": 2})).await;
    assert_eq!(
        (late, &problem["type"]),
        (StatusCode::CONFLICT, &json!("stale-heartbeat"))
    );
}

#[tokio::test]
async fn a_logged_out_session_id_never_returns() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    let mut stream = app.client("bob").stream(&["general"]).await;
    alice.beat("general", tab, json!({})).await;
    stream.next_of("diff").await;

    let (logout, _) = alice.call(Method::DELETE, "/v1/me/sessions", None).await;
    let left = stream.next_of("diff").await;
    let (same, problem) = alice.beat("general", tab, json!({})).await;
    let (elsewhere, _) = alice.beat("planning", tab, json!({})).await;
    let (fresh, _) = alice.beat("general", Uuid::new_v4(), json!({})).await;

    assert_eq!(logout, StatusCode::NO_CONTENT);
    assert_eq!(left.data["left"][0]["reason"], "logged_out");
    assert_eq!(
        (same, &problem["type"]),
        (StatusCode::CONFLICT, &json!("session-ended"))
    );
    assert_eq!(elsewhere, StatusCode::CONFLICT);
    assert_eq!(fresh, StatusCode::OK);
}

#[tokio::test]
async fn a_heartbeat_that_its_leave_overtook_is_stale() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    let path = format!("/v1/rooms/general/sessions/{tab}?seq=5");

    let (early, _) = alice.call(Method::DELETE, &path, None).await;
    let (overtaken, problem) = alice.beat("general", tab, json!({"seq": 5})).await;
    let (later, _) = alice.beat("general", tab, json!({"seq": 6})).await;
    let (old_leave, _) = alice.call(Method::DELETE, &path, None).await;

    assert_eq!(
        (early, old_leave),
        (StatusCode::NO_CONTENT, StatusCode::NO_CONTENT)
    );
    assert_eq!(
        (overtaken, &problem["type"]),
        (StatusCode::CONFLICT, &json!("stale-heartbeat"))
    );
    assert_eq!(later, StatusCode::OK);
    let (_, room) = alice.get("/v1/rooms/general").await;
    assert_eq!(
        room["online_count"], 1,
        "a leave that a heartbeat overtook does nothing"
    );
}

#[tokio::test]
async fn an_eleventh_tab_is_one_too_many() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");
    for _ in 0..10 {
        let (status, _) = alice.beat("general", Uuid::new_v4(), json!({})).await;
        assert_eq!(status, StatusCode::OK);
    }

    let (status, problem) = alice.beat("general", Uuid::new_v4(), json!({})).await;

    assert_eq!(
        (status, &problem["type"]),
        (StatusCode::CONFLICT, &json!("too-many-sessions"))
    );
}

/// `<user> <status>` of everybody that psql lists in `general`.
async fn listed(admin: &Postgres) -> Vec<String> {
    let sql =
        "select user_id || ' ' || status from presence.members where room_id = 'general' order by user_id";
    let rows = admin.query(sql, &[]).await.expect("the view is read");
    rows.iter().map(|row| row.get(0)).collect()
}

/// Reasons of logged changes of this kind, in order.
async fn changes(admin: &Postgres, what: &str) -> Vec<String> {
    let sql = "select coalesce(reason, what) from presence_private.change where what = $1 order by at, room_id, revision";
    let rows = admin.query(sql, &[&what]).await.expect("the log is read");
    rows.iter().map(|row| row.get(0)).collect()
}

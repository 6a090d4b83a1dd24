//! Streams: where they begin, how they go on elsewhere, what they cost, how they end.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    batch::people,
    support::{
        app::{TEST_SLACK, TestApp},
        client::Client,
        db::TestDb,
        stream::Stream,
    },
};

/// Longer than anything that might still come would take.
const QUIET: Duration = Duration::from_millis(700);
/// A reader that takes nothing for so long is closed.
const STALL_MAX: Duration = Duration::from_secs(15);
/// A process that is told to stop has ended by then.
const STOP_MAX: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_current_cursor_yields_nothing_until_something_changes() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let (alice, bob, tab) = (app.client("alice"), app.client("bob"), Uuid::new_v4());
    alice.beat("general", tab, json!({})).await;
    let cursor = bob
        .stream(&["general"])
        .await
        .next_of("snapshot")
        .await
        .id
        .expect("an id");

    let mut stream = bob.stream(&[&format!("general@{cursor}")]).await;
    let ready = stream.next().await;
    let nothing = stream.next_within(QUIET).await;
    alice.beat("general", tab, json!({"status": "busy"})).await;
    let diff = stream.next().await;

    assert_eq!((ready.name.as_str(), nothing), ("ready", None));
    assert_eq!(diff.name, "diff");
    assert_eq!(
        format!(
            "{}.{}",
            diff.data["epoch"].as_str().unwrap_or_default(),
            diff.data["from"]
        ),
        cursor
    );
    assert_eq!(diff.data["updated"][0]["user_id"], "alice");
}

#[tokio::test]
async fn an_old_cursor_is_answered_with_the_missing_diff_by_any_node() {
    let Some(db) = TestDb::new().await else { return };
    let (here, there) = (TestApp::start(&db).await, TestApp::start(&db).await);
    let (alice, carol) = (here.client("alice"), here.client("carol"));
    let (stays, goes) = (Uuid::new_v4(), Uuid::new_v4());
    alice.beat("general", stays, json!({})).await;
    carol.beat("general", goes, json!({})).await;
    let mut before = here.client("bob").stream(&["general"]).await;
    before.next_of("snapshot").await;
    let picture = before.picture("general");
    drop(before);
    alice.beat("general", stays, json!({"status": "busy"})).await;
    carol.leave("general", goes).await;
    carol.beat("planning", goes, json!({})).await;
    here.client("bob").beat("general", goes, json!({})).await;

    for node in [&here, &there] {
        let (bob, cursor) = (node.client("bob"), &picture.cursor);
        let by_id = bob
            .request(Method::GET, "/v1/stream?room=general")
            .header("last-event-id", cursor);
        let by_id = Stream::new(by_id.send().await.expect("a stream"));
        for mut stream in [bob.stream(&[&format!("general@{cursor}")]).await, by_id] {
            stream.remember("general", picture.clone());
            stream.next().await;
            let diff = stream.next().await;

            assert_eq!(diff.name, "diff");
            assert_eq!(diff.data["joined"][0]["user_id"], "bob");
            assert_eq!(diff.data["updated"][0]["status"], "busy");
            assert_eq!(
                (&diff.data["left"][0]["user_id"], &diff.data["left"][0]["reason"]),
                (&json!("carol"), &json!("left"))
            );
            assert_eq!(
                stream.picture("general").statuses(),
                [("alice", "busy"), ("bob", "active")].into()
            );
            assert_eq!(stream.wrongs(), [""; 0]);
        }
    }
}

#[tokio::test]
async fn a_cursor_that_cannot_be_answered_from_gets_the_whole_room() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let (alice, bob, tab) = (app.client("alice"), app.client("bob"), Uuid::new_v4());
    for status in ["busy", "away", "idle"] {
        alice.beat("general", tab, json!({"status": status})).await;
    }
    let cursor = bob
        .stream(&["general"])
        .await
        .next_of("snapshot")
        .await
        .id
        .expect("an id");
    let (epoch, _) = cursor.split_once('.').expect("an epoch and a revision");
    let trim = "delete from presence_private.change where room_id = 'general' and revision = 2";
    db.admin()
        .await
        .batch_execute(trim)
        .await
        .expect("the log is trimmed");

    for (what, cursor) in [
        ("another epoch", format!("{}.1", Uuid::new_v4())),
        ("ahead of the head", format!("{epoch}.99")),
        ("the largest number", format!("{epoch}.{}", i64::MAX)),
        ("older than the log", format!("{epoch}.1")),
    ] {
        let mut stream = bob.stream(&[&format!("general@{cursor}")]).await;
        stream.next().await;
        let event = stream.next().await;
        assert_eq!(
            (event.name.as_str(), &event.data["online_count"]),
            ("snapshot", &json!(1)),
            "{what}"
        );
    }
}

#[tokio::test]
async fn several_rooms_share_a_stream_each_from_its_own_cursor() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    alice.beat("general", tab, json!({})).await;
    let mut before = app.client("bob").stream(&["general"]).await;
    before.next_of("snapshot").await;
    let picture = before.picture("general");
    alice.leave("general", tab).await;

    let mut stream = app
        .client("bob")
        .stream(&[&format!("general@{}", picture.cursor), "planning"])
        .await;
    stream.remember("general", picture);
    let mut names: Vec<String> = vec![];
    for _ in 0..3 {
        names.push(stream.next().await.name);
    }
    alice.beat("planning", tab, json!({})).await;
    stream.next().await;

    names[1..].sort_unstable();
    assert_eq!(names, ["ready", "diff", "snapshot"]);
    assert_eq!(stream.picture("general").statuses(), [].into());
    assert_eq!(
        stream.picture("planning").statuses(),
        [("alice", "active")].into()
    );
    assert_eq!(stream.wrongs(), [""; 0]);
}

#[tokio::test]
async fn a_stream_is_never_stored_transformed_or_compressed_and_pings() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let request = app
        .client("alice")
        .request(Method::GET, "/v1/stream?room=general");

    let answer = request
        .header("accept-encoding", "gzip, br")
        .send()
        .await
        .expect("a stream");
    let headers = answer.headers().clone();
    let mut stream = Stream::new(answer);
    let ready = stream.next().await;
    stream.next_of("snapshot").await;
    let pings = [
        stream.any_within(STOP_MAX).await,
        stream.any_within(STOP_MAX).await,
    ];

    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-store, no-transform"),
        ("x-accel-buffering", "no"),
    ] {
        assert_eq!(headers[name], value);
    }
    assert!(!headers.contains_key("content-encoding"));
    assert!(ready.data["node"].is_string() && ready.data["server_time"].is_string());
    assert_eq!(ready.data["ping_ms"], 1000);
    assert!(pings.iter().flatten().all(|event| event.name == "ping") && pings.iter().all(Option::is_some));
}

#[tokio::test]
async fn the_21st_stream_of_a_user_is_refused_and_the_others_go_on() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let bob = app.client("bob");
    let mut streams = vec![];
    for _ in 0..20 {
        streams.push(bob.stream(&["general"]).await);
    }

    let refused = bob.send(Method::GET, "/v1/stream?room=general", None).await;
    app.client("alice").stream(&["general"]).await;
    let figures = app.observer().figures();
    streams.truncate(19);
    until(|| figures.streams.get() == 19).await;
    let again = bob.try_stream(&["general"]).await;

    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key("retry-after"));
    let problem: Value = refused.json().await.expect("a problem");
    assert_eq!(problem["type"], "too-many-streams");
    assert!(again.is_ok());
    for stream in &mut streams {
        stream.next_of("snapshot").await;
    }
}

#[tokio::test]
async fn a_stop_says_bye_to_every_stream_and_ends_nobodys_presence() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    let (alice, bob) = (app.client("alice"), app.client("bob"));
    alice.beat("general", Uuid::new_v4(), json!({})).await;
    bob.beat("general", Uuid::new_v4(), json!({})).await;
    let mut streams = vec![];
    for client in [&alice, &bob, &bob] {
        let mut stream = client.stream(&["general"]).await;
        stream.next_of("snapshot").await;
        streams.push(stream);
    }

    let begin = Instant::now();
    app.terminate();
    let readiness = alice.request(Method::GET, "/readyz").send().await;
    let mut waits = vec![];
    for stream in &mut streams {
        let bye = stream.next_of("bye").await;
        assert_eq!(bye.data["reason"], "shutdown");
        waits.push(bye.data["retry_ms"].as_u64().expect("milliseconds"));
        assert_eq!(stream.next_within(STOP_MAX).await, None, "nothing follows");
    }
    app.ended().await.expect("an orderly end");
    let took = begin.elapsed();

    // Where it still answers at all, it is not ready.
    assert!(readiness.is_err() || readiness.is_ok_and(|answer| answer.status() == 503));
    waits.dedup();
    assert!(waits.len() > 1, "they come back spread: {waits:?}");
    println!("stopped after {took:?}, promised within {STOP_MAX:?}");
    assert!(took < STOP_MAX, "{took:?}");
    let leaves = admin
        .query("select from presence_private.change where what = 'leave'", &[])
        .await;
    assert!(leaves.expect("the log is read").is_empty());
    let here = admin.query("select from presence.members", &[]).await;
    assert_eq!(here.expect("the view is read").len(), 2);
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    let soon = json!({"sub": "alice", "exp": now.as_secs() - 2}); // within the leeway of 5 s
    let mut stream = app.client("alice").with_claims(soon).stream(&["general"]).await;

    let bye = stream.next_of("bye").await;

    assert_eq!(bye.data["reason"], "token-expired");
    assert_eq!(stream.next_within(QUIET).await, None);
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_bounded_and_harms_nobody() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    people(&db.admin().await, 300).await;
    let backend = app
        .client("dave")
        .with_claims(json!({"sub": "dave", "scope": "presence:write"}));
    let mut reader = app.client("alice").stream(&["general"]).await;
    let mut slow = app.client("bob").stream(&["general"]).await;
    let dead = app.client("carol").stream(&["general"]).await;
    let figures = app.observer().figures();

    let mut round = 0;
    while figures.lagged.get() < 2 && round < 200 {
        round += 1;
        churn(&backend, round).await;
        let is_there = reader
            .until("general", STOP_MAX, |picture| all_say(&picture.members, round))
            .await;
        assert!(is_there, "the others see round {round}");
    }
    let catches_up = slow
        .until("general", STOP_MAX, |picture| all_say(&picture.members, round))
        .await;
    let begin = Instant::now();
    churn(&backend, round + 1).await;
    let follows = slow
        .until("general", STOP_MAX, |picture| {
            all_say(&picture.members, round + 1)
        })
        .await;
    until(|| figures.streams.get() == 2).await;

    println!(
        "two readers lagged after {round} rounds; the dead one was closed {:?} later",
        begin.elapsed()
    );
    assert!(round < 200, "a queue without a bound");
    assert!(catches_up && follows, "{:?}", slow.picture("general").cursor);
    assert_eq!((reader.wrongs(), slow.wrongs()), (&[][..], &[][..]));
    assert!(begin.elapsed() < STALL_MAX * TEST_SLACK);
    drop(dead);
}

/// Everybody says something new and long.
async fn churn(backend: &Client, round: u32) {
    let items = (1..=300u128).map(|n| {
        json!({"room_id": "general", "user_id": format!("user-{n}"), "session_id": Uuid::from_u128(n),
            "activity": format!("round {round}"), "data": {"long": "x".repeat(900)}})
    });
    let items = json!({"items": items.collect::<Vec<_>>()});
    let (status, answer) = backend.call(Method::POST, "/v1/heartbeats", Some(&items)).await;
    assert_eq!(
        (status, &answer["items"][299]["status"]),
        (StatusCode::OK, &json!("active"))
    );
}

fn all_say(members: &std::collections::BTreeMap<String, Value>, round: u32) -> bool {
    let activity = format!("round {round}");
    members.len() == 300 && members.values().all(|member| member["activity"] == activity)
}

/// Waits for a figure, for longer than anything takes.
async fn until(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + STALL_MAX * TEST_SLACK;
    while !holds() {
        assert!(Instant::now() < deadline, "it never came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

//! Too much of everything, of one user: what has a limit, and that nobody else notices.

use std::time::Duration;

use futures_util::StreamExt;
use pg_presence::config::Settings;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use uuid::Uuid;

use crate::support::{
    app::{TestApp, service_url},
    db::TestDb,
};

const SESSIONS_MAX: usize = 10; // of a member in a room, as installed

/// FAULTS 58. A thousand changes of one's status at once, with the limits as they come.
#[tokio::test]
async fn a_status_that_is_toggled_a_thousand_times_changes_as_often_as_the_limit_lets_it() {
    let Some(db) = TestDb::new().await else { return };
    let (admin, burst) = (db.admin().await, 50);
    let app = TestApp::start_with(&service_url(db.url()), |settings: &mut Settings| {
        settings.rate_per_s = 5;
        settings.rate_burst = burst;
    })
    .await;
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    let mut stream = app.client("bob").stream(&["general"]).await;
    let begin = std::time::Instant::now();

    let toggles = futures_util::stream::iter(0..1000).map(|n| {
        let alice = alice.clone();
        let status = ["busy", "away", "typing", "active"][n % 4];
        async move { alice.beat("general", tab, json!({"status": status})).await }
    });
    let answers: Vec<(StatusCode, Value)> = toggles.buffer_unordered(50).collect().await;
    let refused = answers
        .iter()
        .filter(|(_, body)| body["type"] == "rate-limited")
        .count();
    let passed = 1000 - refused;
    let odd = answers
        .iter()
        .find(|(status, _)| ![200, 429, 503].contains(&status.as_u16()));
    let took = begin.elapsed();
    let (bob, _) = app
        .client("carol")
        .beat("general", Uuid::new_v4(), json!({}))
        .await;

    assert!(odd.is_none(), "each is done, or told to come back: {odd:?}");
    let most = f64::from(burst) + 1.0 + took.as_secs_f64() * 5.0;
    assert!(
        passed >= burst as usize && passed as f64 <= most,
        "{passed} in {took:?}"
    );
    assert_eq!(bob, StatusCode::OK, "nobody else is held up");
    let changes =
        "select count(distinct revision) from presence_private.change where user_id::text = 'alice'";
    let changes: i64 = admin.query_one(changes, &[]).await.expect("the log").get(0);
    assert!(
        changes as usize <= passed,
        "{changes} changes by {passed} heartbeats"
    );
    let is_there = stream
        .until("general", Duration::from_secs(10), |picture| {
            picture.statuses().len() == 2
        })
        .await;
    assert!(is_there && stream.wrongs().is_empty(), "{:?}", stream.wrongs());
}

/// FAULTS 58. In one room the oldest ten stay; a user's sessions in other rooms are not counted.
#[tokio::test]
async fn of_ten_thousand_sessions_of_one_user_in_one_room_ten_are_taken() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    let alice = app.client("alice");

    let batches = (0..10).map(|_| {
        let item = || json!({"room_id": "general", "session_id": Uuid::new_v4()});
        let items: Vec<Value> = std::iter::repeat_with(item).take(1000).collect();
        let alice = alice.clone();
        async move {
            alice
                .call(Method::POST, "/v1/heartbeats", Some(&json!({"items": items})))
                .await
        }
    });
    let answers = futures_util::future::join_all(batches).await;

    let items: Vec<&Value> = answers
        .iter()
        .flat_map(|(_, answer)| answer["items"].as_array().into_iter().flatten())
        .collect();
    let taken = items.iter().filter(|item| item["expires_at"].is_string()).count();
    let refused = items
        .iter()
        .filter(|item| item["type"] == "too-many-sessions")
        .count();
    let busy = items.iter().filter(|item| item["status"] == 503).count();
    assert_eq!((items.len(), taken + refused + busy), (10_000, 10_000));
    assert_eq!(taken, SESSIONS_MAX);
    let rows =
        "select count(*) from presence_private.session where user_id::text = 'alice' and ended_at is null";
    let rows: i64 = admin.query_one(rows, &[]).await.expect("sessions").get(0);
    assert_eq!(rows as usize, SESSIONS_MAX);
    assert_eq!(
        alice.beat("planning", Uuid::new_v4(), json!({})).await.0,
        StatusCode::OK
    );
    assert_eq!(
        app.client("bob")
            .beat("general", Uuid::new_v4(), json!({}))
            .await
            .0,
        StatusCode::OK
    );
    let (_, room) = alice.get("/v1/rooms/general").await;
    assert_eq!(room["online_count"], 2, "people, and not their tabs");
}

/// FAULTS 58. A hundred topics are taken, one more is said to be too much, and ten thousand are not even read.
#[tokio::test]
async fn a_stream_of_ten_thousand_rooms_is_refused_and_one_of_a_hundred_is_not() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");
    let of = |topics: usize| {
        let rooms: Vec<String> = (1..topics).map(|n| format!("&room=r{n}")).collect();
        format!("/v1/stream?room=general{}", rooms.concat())
    };

    let hundred = alice.send(Method::GET, &of(100), None).await;
    let more = alice.send(Method::GET, &of(101), None).await;
    let many = alice.send(Method::GET, &of(5_000), None).await;
    let too_many = first_line(&app, &of(10_000)).await;
    let sessions = format!(
        "/v1/stream?room=general{}",
        format!("&session={}", Uuid::nil()).repeat(101)
    );
    let sessions = alice.send(Method::GET, &sessions, None).await;

    assert_eq!(hundred.status(), StatusCode::OK);
    for (answer, what) in [
        (more, "101 rooms"),
        (many, "5,000 rooms"),
        (sessions, "101 sessions"),
    ] {
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{what}");
        let problem: Value = answer.json().await.expect("a problem");
        assert!(
            problem["detail"]
                .as_str()
                .is_some_and(|detail| detail.contains("100")),
            "{what}: {problem}"
        );
    }
    assert!(too_many.starts_with("HTTP/1.1 414"), "{too_many}");
    assert_eq!(alice.get("/v1/rooms/general").await.0, StatusCode::OK);
}

/// Of the answer to a GET of a path that no client of ours would send.
async fn first_line(app: &TestApp, path: &str) -> String {
    let address = app.url().trim_start_matches("http://");
    let mut socket = TcpStream::connect(address).await.expect("the node listens");
    let head = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n");
    // It may be cut off before all of it is sent.
    let _ = socket.write_all(head.as_bytes()).await;
    let mut line = vec![0; 64];
    let read = timeout(Duration::from_secs(30), socket.read(&mut line)).await;
    let read = read.expect("an answer in time").unwrap_or_default();
    String::from_utf8_lossy(&line[..read]).into_owned()
}

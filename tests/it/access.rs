//! Who may enter and see what: every way in gives the same answer, and nothing tells a forbidden room from none.

use std::time::{Duration, Instant};

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    app::{TEST_SLACK, TestApp},
    client::Client,
    db::TestDb,
};

/// What the cast may, written down by hand from the story of the reference application.
const MAY: [(&str, &[&str]); 6] = [
    ("alice", &["general", "planning", "vera-catering"]),
    ("bob", &["general", "planning"]),
    ("carol", &["expo-floor", "general"]),
    ("vera", &["vera-catering"]),
    ("victor", &["expo-floor"]),
    ("dave", &[]),
];
const ROOMS: [&str; 5] = ["expo-floor", "general", "nowhere", "planning", "vera-catering"];
const EVENTS: [(&str, &[&str]); 2] = [
    ("expo", &["expo-floor"]),
    ("gala", &["general", "planning", "vera-catering"]),
];
/// How often open streams are authorised again, as the tests' nodes are set.
const SWEEP: Duration = Duration::from_millis(500);

fn may(user: &str, room: &str) -> bool {
    MAY.iter()
        .any(|(who, rooms)| *who == user && rooms.contains(&room))
}

fn insiders(room: &str) -> Vec<&'static str> {
    let mut all: Vec<&str> = MAY
        .iter()
        .map(|(user, _)| *user)
        .filter(|user| may(user, room))
        .collect();
    all.sort_unstable();
    all
}

/// FAULTS 54.
#[tokio::test]
async fn only_who_may_enter_joins_and_everybody_who_may_sees_them() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    for (user, _) in MAY {
        for room in ROOMS {
            let (status, body) = app.client(user).beat(room, Uuid::new_v4(), json!({})).await;
            assert_eq!(
                status == StatusCode::OK,
                may(user, room),
                "{user} beats in {room}: {body}"
            );
        }
    }

    for (user, _) in MAY {
        let client = app.client(user);
        for room in ROOMS {
            let expected = may(user, room).then(|| insiders(room));
            let over_http = match client.get(&format!("/v1/rooms/{room}")).await {
                (StatusCode::OK, snapshot) => Some(people(&snapshot["members"])),
                (status, _) => (status != StatusCode::NOT_FOUND).then(Vec::new),
            };
            let over_sse = match client.try_stream(&[room]).await {
                Ok(mut stream) => Some(people(&stream.next_of("snapshot").await.data["members"])),
                Err(status) => (status != StatusCode::NOT_FOUND).then(Vec::new),
            };
            let sql = "select user_id::text from presence.snapshot($1::text, $2::text) order by user_id";
            let rows = admin.query(sql, &[&user, &room]).await.expect("SQL answers");
            let in_sql =
                (!rows.is_empty()).then(|| rows.iter().map(|row| row.get(0)).collect::<Vec<String>>());

            assert_eq!(
                over_http.as_deref().map(texts),
                expected,
                "HTTP: {user} in {room}"
            );
            assert_eq!(over_sse.as_deref().map(texts), expected, "SSE: {user} in {room}");
            assert_eq!(in_sql.as_deref().map(texts), expected, "SQL: {user} in {room}");
        }
    }
}

/// FAULTS 54, 55.
#[tokio::test]
async fn roll_ups_tell_of_nothing_else_than_the_rooms_do() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    for (user, rooms) in MAY {
        for room in rooms {
            app.client(user).beat(room, Uuid::new_v4(), json!({})).await;
        }
    }

    for (user, rooms) in MAY {
        let client = app.client(user);
        let all = ROOMS.map(|room| format!("id={room}")).join("&");
        for path in ["/v1/rooms".to_owned(), format!("/v1/rooms?{all}")] {
            let (_, counts) = client.get(&path).await;
            assert_eq!(sidebar(&counts), expected_sidebar(rooms), "{user}: {path}");
        }
        for (event, its_rooms) in EVENTS {
            let visible: Vec<&str> = its_rooms.iter().copied().filter(|room| may(user, room)).collect();
            let (status, view) = client.get(&format!("/v1/events/{event}")).await;
            assert_eq!(
                status == StatusCode::OK,
                !visible.is_empty(),
                "{user} of {event}: {view}"
            );
            let mut all: Vec<&str> = visible.iter().flat_map(|room| insiders(room)).collect();
            all.sort_unstable();
            all.dedup();
            assert_eq!(texts(&people(&view["people"])), all, "{user} of {event}");
            assert_eq!(
                view["online_count"].as_u64().unwrap_or(0),
                all.len() as u64,
                "{user} of {event}"
            );
            let shown = view["rooms"].as_array().cloned().unwrap_or_default();
            assert_eq!(shown.len(), visible.len(), "{user} of {event}");
            for room in &shown {
                let id = room["room_id"].as_str().unwrap_or_default();
                assert!(visible.contains(&id), "{user} of {event}: {id}");
                assert_eq!(
                    texts(&people(&room["members"])),
                    insiders(id),
                    "{user} of {event}: {id}"
                );
            }
        }
        for (other, their_rooms) in MAY {
            let shared: Vec<&str> = their_rooms
                .iter()
                .copied()
                .filter(|room| may(user, room))
                .collect();
            let (status, view) = client.get(&format!("/v1/users/{other}")).await;
            let known = user == other || !shared.is_empty();
            assert_eq!(status == StatusCode::OK, known, "{user} of {other}: {view}");
            let rooms = view["rooms"].as_array().cloned().unwrap_or_default();
            let rooms: Vec<&str> = rooms.iter().filter_map(|room| room["room_id"].as_str()).collect();
            assert_eq!(rooms, shared, "{user} of {other}");
        }
    }
}

/// FAULTS 53.
#[tokio::test]
async fn a_forbidden_room_looks_like_none_at_all() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    app.client("alice")
        .beat("general", Uuid::new_v4(), json!({}))
        .await;
    let (vera, tab) = (app.client("vera"), Uuid::new_v4());

    for (method, path, body) in [
        (Method::GET, "/v1/rooms/{}".to_owned(), None),
        (Method::GET, "/v1/rooms/{}?offline=5".to_owned(), None),
        (
            Method::PUT,
            format!("/v1/rooms/{{}}/sessions/{tab}"),
            Some(json!({})),
        ),
        (Method::DELETE, format!("/v1/rooms/{{}}/sessions/{tab}"), None),
        (Method::GET, "/v1/stream?room={}".to_owned(), None),
        (Method::GET, "/v1/stream?room={}@garbage".to_owned(), None),
    ] {
        let of = async |room: &str| {
            look(
                vera.send(method.clone(), &path.replace("{}", room), body.as_ref())
                    .await,
            )
            .await
        };
        let (forbidden, missing) = (of("general").await, of("nowhere").await);
        assert_eq!(forbidden, missing, "{method} {path}");
    }
}

#[tokio::test]
async fn who_is_taken_out_of_a_room_hears_nothing_more_of_it() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    let mut stream = app.client("bob").stream(&["general", "planning"]).await;
    alice.beat("general", tab, json!({})).await;
    stream.next_of("diff").await;

    let taken = "delete from event_app.room_participants where room_id = 'general' and user_id = 'bob'";
    admin.batch_execute(taken).await.expect("bob is taken out");
    let begin = Instant::now();
    let revoked = stream.next().await;
    let took = begin.elapsed();
    alice.beat("general", tab, json!({"status": "busy"})).await;
    alice.beat("planning", tab, json!({})).await;
    let next = stream.next().await;

    println!("revoked after {took:?}, promised within a sweep of {SWEEP:?}");
    assert_eq!(
        (revoked.name.as_str(), &revoked.data),
        ("revoked", &json!({"room_id": "general"}))
    );
    assert!(took < SWEEP * TEST_SLACK, "{took:?}");
    assert_eq!(
        (next.name.as_str(), &next.data["room_id"]),
        ("diff", &json!("planning"))
    );
    assert_eq!(stream.next_within(SWEEP).await, None);
}

#[tokio::test]
async fn a_change_right_after_the_removal_is_not_delivered() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    let mut stream = app.client("carol").stream(&["general"]).await;
    stream.next_of("snapshot").await;

    let taken = "delete from event_app.room_participants where room_id = 'general' and user_id = 'carol'";
    admin.batch_execute(taken).await.expect("carol is taken out");
    let secret = json!({"message": "not for carol"});
    app.client("alice").beat("general", Uuid::new_v4(), secret).await;

    assert_eq!(stream.next().await.name, "revoked");
    assert_eq!(stream.next_within(SWEEP).await, None);
}

#[tokio::test]
async fn a_stream_of_allowed_and_forbidden_rooms_goes_on_with_the_allowed() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;

    let none = app
        .client("dave")
        .try_stream(&["general", "planning", "nowhere"])
        .await;
    let mut mixed = app
        .client("victor")
        .stream(&["general", "expo-floor", "vera-catering", "nowhere"])
        .await;
    let mut first: Vec<(String, String)> = vec![];
    for _ in 0..5 {
        let event = mixed.next().await;
        first.push((
            event.name,
            event.data["room_id"].as_str().unwrap_or_default().to_owned(),
        ));
    }
    app.client("carol")
        .beat("expo-floor", Uuid::new_v4(), json!({}))
        .await;
    let diff = mixed.next().await;

    assert_eq!(none.err(), Some(StatusCode::NOT_FOUND));
    first.sort_unstable();
    let expected = [
        ("ready", ""),
        ("revoked", "general"),
        ("revoked", "nowhere"),
        ("revoked", "vera-catering"),
        ("snapshot", "expo-floor"),
    ];
    assert_eq!(
        first,
        expected.map(|(name, room)| (name.to_owned(), room.to_owned()))
    );
    assert_eq!(diff.data["joined"][0]["user_id"], "carol");
}

/// FAULTS 54.
#[tokio::test]
async fn a_user_id_in_the_body_never_overrides_the_token() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let vera: Client = app.client("vera");

    let (status, problem) = vera
        .beat("general", Uuid::new_v4(), json!({"user_id": "alice"}))
        .await;
    let item = json!({"items": [{"room_id": "general", "session_id": Uuid::new_v4(), "user_id": "alice"}]});
    let (_, batch) = vera.call(Method::POST, "/v1/heartbeats", Some(&item)).await;

    assert_eq!(
        (status, &problem["type"]),
        (StatusCode::BAD_REQUEST, &json!("invalid"))
    );
    assert_eq!(batch["items"][0]["type"], "forbidden");
    let (_, room) = app.client("alice").get("/v1/rooms/general").await;
    assert_eq!(room["members"], json!([]));
}

/// All of an answer that a caller can tell apart, but what is meant to differ each time.
pub async fn look(answer: Response) -> (StatusCode, Vec<(String, String)>, Value) {
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut headers: Vec<(String, String)> = headers
        .iter()
        .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()))
        .map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    headers.sort_unstable();
    let bytes = answer.bytes().await.expect("the whole body");
    let mut body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if let Some(problem) = body.as_object_mut() {
        problem.remove("request_id");
    }
    (status, headers, body)
}

fn people(list: &Value) -> Vec<String> {
    let people = list.as_array().into_iter().flatten();
    let mut ids: Vec<String> = people
        .filter_map(|one| one["user_id"].as_str().map(str::to_owned))
        .collect();
    ids.sort_unstable();
    ids
}

fn texts(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}

fn sidebar(counts: &Value) -> Vec<(String, u64)> {
    let rooms = counts["rooms"].as_array().into_iter().flatten();
    let mut all: Vec<(String, u64)> = rooms
        .map(|room| {
            (
                room["room_id"].as_str().unwrap_or_default().to_owned(),
                room["online_count"].as_u64().unwrap_or(99),
            )
        })
        .collect();
    all.sort_unstable();
    all
}

fn expected_sidebar(rooms: &[&str]) -> Vec<(String, u64)> {
    rooms
        .iter()
        .map(|room| ((*room).to_owned(), insiders(room).len() as u64))
        .collect()
}

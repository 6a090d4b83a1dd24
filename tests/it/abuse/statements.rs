//! The set of statements that the database ever sees is closed: whatever stands in a request is an argument, or nothing.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Watched;
use crate::support::client::Client;

/// All that a node of `serve` says to the database. `PRESENCE_TEST_BLESS=1` writes it.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/statements.txt");

const NASTY: [&str; 12] = [
    "'; drop table event_app.users; --",
    "\" or 1=1 --",
    "\\'; select pg_sleep(60); --",
    "$$; delete from event_app.rooms; $$",
    "general'); select presence.reap(",
    "{\"$ne\": null}",
    "{general,planning}",
    "%27%20or%201=1",
    "../../v1/rooms/general",
    "E'\\x27'",
    "general\u{0}planning",
    "\u{202e}\u{ff07}; commit; --",
];

/// FAULTS 60.
#[tokio::test]
async fn the_database_sees_the_same_statements_whatever_stands_in_a_request() {
    let changed = Watched::start(|settings| {
        settings.heartbeat = Some(Duration::from_secs(20));
        settings.admin_bind = Some(([127, 0, 0, 1], 0).into());
    });
    let Some(watched) = changed.await else { return };
    let operators = Client::new(&watched.app.admin_url(), "ops");
    let rows = "select count(*) from event_app.users, event_app.rooms, event_app.room_participants";
    let before: i64 = watched.admin.query_one(rows, &[]).await.expect("rows").get(0);

    everything_that_may_be_asked(&watched).await;
    everything_that_operators_may_ask(&operators).await;
    for text in NASTY {
        of_operators(&operators, text).await;
        in_every_string(&watched.app.client("alice"), text).await;
        in_every_claim(&watched.app.client("alice"), text).await;
    }
    overlong(&watched.app.client("alice")).await;

    let expected = golden(&watched).await;
    let patience = Instant::now() + Duration::from_secs(30);
    let seen = loop {
        let seen = distinct(&watched.statements(0).await);
        // What follows a loss comes in its own time.
        if seen.len() >= expected.len() || Instant::now() > patience {
            break seen;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(seen, expected);
    let after: i64 = watched.admin.query_one(rows, &[]).await.expect("rows").get(0);
    assert_eq!(before, after);
}

async fn golden(watched: &Watched) -> BTreeSet<String> {
    if std::env::var_os("PRESENCE_TEST_BLESS").is_some() {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let seen: Vec<String> = distinct(&watched.statements(0).await).into_iter().collect();
        std::fs::write(GOLDEN, seen.join("\n") + "\n").expect("the golden file is written");
    }
    let text = std::fs::read_to_string(GOLDEN).expect("the golden file");
    text.lines().map(str::to_owned).collect()
}

/// Names of canaries are new each time: hexadecimal digits of ours, and nothing else.
fn distinct(statements: &[String]) -> BTreeSet<String> {
    let shown = |statement: &String| {
        let rest = statement
            .strip_prefix("notify ")
            .and_then(|rest| rest.strip_suffix('\''));
        match rest.and_then(|rest| rest.split_once(", '")) {
            Some((channel, name)) if name.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                format!("notify {channel}, '<{} hexadecimal digits>'", name.len())
            }
            _ => statement.clone(),
        }
    };
    statements.iter().map(shown).collect()
}

const READS: [&str; 14] = [
    "/v1/rooms",
    "/v1/rooms?id=general",
    "/v1/rooms/general?offline=5",
    "/v1/rooms/general/activities",
    "/v1/rooms/general/activity",
    "/v1/rooms/general/visits",
    "/v1/events/gala/activity",
    "/v1/me/status",
    "/v1/events/gala",
    "/v1/users/bob",
    "/v1/me/watches",
    "/v1/me/notifications?unread=true&limit=1&after=7",
    "/v1/stream?room=general@garbage",
    "/readyz",
];

/// Each function that a request or a stream leads to, once at least.
async fn everything_that_may_be_asked(watched: &Watched) {
    let (alice, tab) = (watched.app.client("alice"), Uuid::new_v4());
    let admin = alice.with_claims(json!({"sub": "alice", "scope": "presence:admin presence:write"}));
    let beat = alice.beat("general", tab, json!({"status": "busy"})).await;
    assert_eq!(beat.0, StatusCode::OK);
    let mut stream = alice
        .stream(&[&format!(
            "general&session={tab}&event=gala&user=bob&count=planning"
        )])
        .await;
    stream.next_of("snapshot").await;
    for path in READS {
        assert_eq!(
            alice.send(Method::GET, path, None).await.status(),
            StatusCode::OK,
            "{path}"
        );
    }
    for (method, path, body) in [
        (Method::PUT, "/v1/me/watches/bob", json!({"quiet_ms": 0})),
        (Method::POST, "/v1/me/notifications/read", json!({"all": true})),
        (Method::PUT, "/v1/me/watches/carol", json!({"room_id": "general"})),
        (Method::DELETE, "/v1/me/watches/carol", json!({})),
    ] {
        let (status, answer) = alice.call(method.clone(), path, Some(&body)).await;
        assert!(status.is_success(), "{method} {path}: {answer}");
    }
    // Alice is told of somebody.
    alice.beat("general", tab, json!({"status": "active"})).await;
    alice.of("bob").beat("general", tab, json!({})).await;
    stream.next_of("notification").await;
    let (_, ticket) = alice.call(Method::POST, "/v1/tickets", None).await;
    let ticket = ticket["ticket"].as_str().expect("a ticket");
    let opened = alice.bare(Method::GET, &format!("/v1/stream?room=general&ticket={ticket}"));
    assert_eq!(opened.send().await.expect("an answer").status(), StatusCode::OK);
    let leave = beat.1["leave_token"].as_str().expect("a leave token").to_owned();
    let beacon = alice.bare(Method::POST, "/v1/leave").body(leave).send().await;
    assert_eq!(beacon.expect("an answer").status(), StatusCode::NO_CONTENT);
    for path in [
        format!("/v1/rooms/general/sessions/{tab}"),
        "/v1/rooms/general/members/bob".to_owned(),
        "/v1/rooms/planning/presence".to_owned(),
        "/v1/me/status".to_owned(),
    ] {
        let status = admin.send(Method::DELETE, &path, None).await.status();
        assert_eq!(status, StatusCode::NO_CONTENT, "{path}");
    }
    // A loss of the unlogged data: what a stream holds is put back.
    let tab = Uuid::new_v4();
    let mut holding = alice.stream(&[&format!("planning&session={tab}")]).await;
    holding.next_of("snapshot").await;
    let lost = "truncate presence_private.session, presence_private.member, presence_private.room, \
                presence_private.change, presence_private.epoch";
    watched.admin.batch_execute(lost).await.expect("a loss");
    holding.next_of("snapshot").await;
    drop((stream, holding)); // their leases are given back
    somebody_is_told(watched).await;
    let logout = alice.send(Method::DELETE, "/v1/me/sessions", None).await.status();
    assert_eq!(logout, StatusCode::NO_CONTENT);
}

/// A webhook, though nothing is sent to where it leads.
async fn somebody_is_told(watched: &Watched) {
    let told = "select presence.add_webhook('https://127.0.0.1:1/'); select presence.test_webhook(1)";
    watched.admin.batch_execute(told).await.expect("a webhook");
}

/// But for the doctor, who asks for a token's sake what he asks at the command line.
async fn everything_that_operators_may_ask(anybody: &Client) {
    let operator = anybody.with_claims(json!({"sub": "ops", "scope": "presence:admin"}));
    for path in ["/metrics", "/operator/overview"] {
        let answer = anybody.bare(Method::GET, path).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
    }
    for path in [
        "/operator/rooms/general/members",
        "/operator/why?user=alice&room=general",
    ] {
        assert_eq!(operator.get(path).await.0, StatusCode::OK, "{path}");
    }
}

async fn of_operators(anybody: &Client, text: &str) {
    let operator = anybody.with_claims(json!({"sub": "ops", "scope": "presence:admin"}));
    let coded = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    for path in [
        format!("/operator/rooms/{coded}/members"),
        format!("/operator/why?user={coded}&room={coded}"),
        format!("/operator/{coded}"),
    ] {
        let status = operator.get(&path).await.0;
        assert!(is_known(status), "{path}: {status}");
    }
}

/// In paths, queries, headers and bodies: refused or inert.
async fn in_every_string(alice: &Client, text: &str) {
    let tab = Uuid::from_u128(60);
    in_every_path(alice, text, tab).await;
    in_every_field(alice, text, tab).await;
    for name in [
        "last-event-id",
        "x-request-id",
        "if-none-match",
        "origin",
        "x-user-id",
    ] {
        let request = alice
            .request(Method::GET, "/v1/rooms/general")
            .header(name, text.as_bytes());
        if let Ok(answer) = request.send().await {
            assert!(is_known(answer.status()), "{name}: {}", answer.status());
        }
    }
}

async fn in_every_path(alice: &Client, text: &str, tab: Uuid) {
    let coded = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    for (method, path) in [
        (Method::GET, format!("/v1/rooms/{coded}")),
        (Method::GET, format!("/v1/rooms/general?after={coded}")),
        (Method::GET, format!("/v1/rooms/general?offline={coded}")),
        (Method::GET, format!("/v1/rooms/general?{coded}=1")),
        (Method::GET, format!("/v1/rooms?id={coded}&id=general")),
        (
            Method::GET,
            format!("/v1/rooms/general/visits?user={coded}&limit=2"),
        ),
        (Method::GET, format!("/v1/rooms/general/visits?after=1.{coded}")),
        (Method::GET, format!("/v1/rooms/general/visits?at={coded}")),
        (Method::GET, format!("/v1/rooms/{coded}/activity?hours={coded}")),
        (Method::GET, format!("/v1/events/{coded}/activity")),
        (Method::GET, format!("/v1/events/{coded}")),
        (Method::GET, format!("/v1/users/{coded}")),
        (Method::GET, format!("/v1/stream?room={coded}")),
        (Method::GET, format!("/v1/stream?room=general@{coded}")),
        (
            Method::GET,
            format!("/v1/stream?event={coded}&user={coded}&count={coded}"),
        ),
        (Method::GET, format!("/v1/stream?room=general&session={coded}")),
        (Method::GET, format!("/v1/stream?room=general&ticket={coded}")),
        (Method::PUT, format!("/v1/rooms/{coded}/sessions/{tab}")),
        (Method::PUT, format!("/v1/rooms/general/sessions/{coded}")),
        (
            Method::DELETE,
            format!("/v1/rooms/{coded}/sessions/{tab}?seq={coded}"),
        ),
        (Method::DELETE, format!("/v1/rooms/general/members/{coded}")),
        (Method::DELETE, format!("/v1/rooms/{coded}/presence")),
        (Method::PUT, format!("/v1/me/watches/{coded}")),
        (Method::DELETE, format!("/v1/me/watches/{coded}")),
        (Method::GET, format!("/v1/me/notifications?after={coded}")),
        (Method::GET, format!("/v1/me/notifications?{coded}=1")),
        (Method::GET, format!("/{coded}")),
    ] {
        let request = alice.request(method.clone(), &path).json(&json!({}));
        let status = request.send().await.expect("an answer").status();
        assert!(is_known(status), "{method} {path}: {status}");
    }
}

async fn in_every_field(alice: &Client, text: &str, tab: Uuid) {
    let path = format!("/v1/rooms/general/sessions/{tab}");
    for body in [
        json!({"status": text}),
        json!({"message": text, "activity": text, "data": {text: text, "list": [text]}}),
        json!({text: text}),
    ] {
        let (status, answer) = alice.call(Method::PUT, &path, Some(&body)).await;
        assert!([200, 400].contains(&status.as_u16()), "{body}: {status} {answer}");
    }
    for (method, path, body) in [
        (Method::PUT, "/v1/me/watches/bob", json!({"room_id": text})),
        (Method::PUT, "/v1/me/watches/bob", json!({text: 1})),
        (Method::POST, "/v1/me/notifications/read", json!({"ids": [text]})),
    ] {
        let (status, answer) = alice.call(method, path, Some(&body)).await;
        assert!([400, 404].contains(&status.as_u16()), "{body}: {status} {answer}");
    }
    for body in [json!({"status": text}), json!({"message": text})] {
        let (status, answer) = alice.call(Method::PUT, "/v1/me/status", Some(&body)).await;
        assert!([200, 400].contains(&status.as_u16()), "{body}: {status} {answer}");
    }
    let items = [
        json!({"room_id": text, "session_id": tab}),
        json!({"room_id": "general", "session_id": text}),
        json!({"room_id": "general", "session_id": tab, "user_id": text}),
        json!({"room_id": "general", "session_id": tab, "status": text}),
        json!({"room_id": "general", "session_id": tab, "message": text}),
    ];
    let (status, answer) = alice
        .call(Method::POST, "/v1/heartbeats", Some(&json!({"items": items})))
        .await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let beacon = alice
        .bare(Method::POST, "/v1/leave")
        .body(format!("{text} {text}\n{text}"));
    assert_eq!(
        beacon.send().await.expect("an answer").status(),
        StatusCode::NO_CONTENT
    );
}

/// Anything but an error of ours; a slow machine may be too busy.
fn is_known(status: StatusCode) -> bool {
    status.as_u16() < 500 || status == StatusCode::SERVICE_UNAVAILABLE
}

/// Somebody of that name is nobody, and his scopes are none.
async fn in_every_claim(alice: &Client, text: &str) {
    for claims in [
        json!({"sub": text}),
        json!({"sub": "alice", "scope": text, "role": text, "aud": text, "iss": text}),
    ] {
        let somebody = alice.with_claims(claims.clone());
        let (status, body) = somebody.get("/v1/rooms").await;
        assert!([200, 401].contains(&status.as_u16()), "{claims}: {status} {body}");
        if claims["sub"] == text {
            assert_ne!(body["rooms"][0]["room_id"], "general", "{claims}");
        }
        let kick = somebody
            .send(Method::DELETE, "/v1/rooms/general/presence", None)
            .await;
        assert!([401, 403].contains(&kick.status().as_u16()), "{claims}");
    }
}

/// Longer than any id, than what is read of a path, than what is read of a head.
async fn overlong(alice: &Client) {
    for len in [129, 20_000, 100_000] {
        let path = format!("/v1/rooms/{}", "x".repeat(len));
        match alice.request(Method::GET, &path).send().await {
            Ok(answer) => assert!(answer.status().is_client_error(), "{len}: {}", answer.status()),
            Err(_) => assert!(len > 20_000, "{len}: cut off"),
        }
    }
    let value: Value = alice.get("/v1/rooms/general").await.1;
    assert_eq!(value["room_id"], "general");
}

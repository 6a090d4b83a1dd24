//! Bombs in bodies: refused with a stable word, before the database hears of them.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Watched;
use crate::support::client::Client;

/// What requests lead to; whatever else a node says to its database it says by itself.
const OF_REQUESTS: [&str; 9] = [
    "heartbeat_batch",
    "leave_batch",
    "leave_everywhere",
    "remove_",
    "spend_ticket",
    "snapshot",
    "room_counts",
    "where_now",
    "read_rooms",
];

/// FAULTS 59.
#[tokio::test]
async fn body_bombs_are_refused_before_the_database_hears_of_them() {
    let Some(watched) = Watched::start(|_| {}).await else {
        return;
    };
    let alice = watched.app.client("alice");
    let mark = watched.mark().await;

    for (what, status, body) in bombs() {
        for path in [one(), many()] {
            if path == many() && status == 413 && body.len() <= 1024 * 1024 {
                continue; // within the limit of a batch
            }
            let request = json_body(&alice, &path).body(body.clone());
            refused(request, &[status, 413], &format!("{what} to {path}")).await;
        }
        let beacon = alice
            .bare(Method::POST, "/v1/leave")
            .body(body.clone())
            .send()
            .await;
        // Whatever is no leave token is passed over; what is too long for a beacon is not read, or cut off.
        if let Ok(answer) = beacon {
            assert!(
                [204, 413].contains(&answer.status().as_u16()),
                "{what}: {}",
                answer.status()
            );
        }
    }
    let zipped = gzip_bomb(16 * 1024);
    for path in [one(), many()] {
        let request = json_body(&alice, &path).header("content-encoding", "gzip");
        refused(request.body(zipped.clone()), &[415], "a gzip bomb").await;
        let request = json_body(&alice, &path).body(zipped.clone());
        refused(request, &[400, 413], "a gzip bomb that does not say so").await;
        let request = json_body(&alice, &path).header("transfer-encoding", "gzip, chunked");
        if let Ok(answer) = request.body(zipped.clone()).send().await {
            assert!(answer.status().is_client_error(), "{}", answer.status());
        }
    }
    let end = watched.mark().await;

    let log = watched.log().await;
    let said = super::statements(&log[mark..end]);
    let by_requests: Vec<&String> = said
        .iter()
        .filter(|statement| is_of_a_request(statement))
        .collect();
    assert!(by_requests.is_empty(), "{by_requests:?}");
    assert_eq!(
        alice.get("/v1/rooms/general").await.0,
        StatusCode::OK,
        "and it goes on"
    );
    let end = watched.mark().await;
    let said = super::statements(&watched.log().await[mark..end]);
    assert!(
        said.iter().any(|statement| statement.contains("snapshot")),
        "the log tells of requests: {said:?}"
    );
}

/// FAULTS 59. In a batch each item is refused alone, and none of them reaches the database.
#[tokio::test]
async fn a_bomb_in_a_batch_is_refused_alone() {
    let Some(watched) = Watched::start(|_| {}).await else {
        return;
    };
    let alice = watched.app.client("alice");
    let mark = watched.mark().await;
    let bombs = bombs_in_items();
    let whats: Vec<&str> = bombs.iter().map(|(what, _)| *what).collect();
    let items: Vec<String> = bombs.into_iter().map(|(_, item)| item).collect();

    let of =
        |items: &[String]| json_body(&alice, &many()).body(format!(r#"{{"items":[{}]}}"#, items.join(",")));
    let answer = of(&items).send().await.expect("an answer");
    let end = watched.mark().await;
    let good = format!(r#"{{"room_id":"general","session_id":"{}"}}"#, Uuid::new_v4());
    let mixed = of(&[&items[..], &[good]].concat())
        .send()
        .await
        .expect("an answer");

    assert_eq!(answer.status(), StatusCode::OK);
    let answer: Value = answer.json().await.expect("JSON");
    for (at, what) in whats.iter().enumerate() {
        assert_eq!(
            answer["items"][at]["type"], "invalid",
            "{what}: {}",
            answer["items"][at]
        );
        let detail = answer["items"][at]["detail"].as_str().unwrap_or_default();
        assert!(detail.len() < 1_000, "{what}: {detail:.100}");
    }
    let said = super::statements(&watched.log().await[mark..end]);
    assert!(
        !said.iter().any(|statement| statement.contains("heartbeat_batch")),
        "{said:?}"
    );
    let mixed: Value = mixed.json().await.expect("JSON");
    assert!(mixed["items"][whats.len()]["expires_at"].is_string(), "{mixed}");
}

/// A node asks where nobody is to see whether the mapping can be read.
fn is_of_a_request(statement: &str) -> bool {
    OF_REQUESTS.iter().any(|of| statement.contains(of)) && !statement.contains("null::presence.user_id")
}

/// What, the status of a heartbeat with it, the body.
fn bombs() -> Vec<(&'static str, u16, Vec<u8>)> {
    let deep = |open: &str, close: &str, times: usize| {
        format!(r#"{{"data":{}{}}}"#, open.repeat(times), close.repeat(times)).into_bytes()
    };
    vec![
        ("10 MB of blanks", 413, vec![b' '; 10 << 20]),
        (
            "10 MB of a message",
            413,
            format!(r#"{{"message":"{}"}}"#, "x".repeat(10 << 20)).into_bytes(),
        ),
        ("objects, 20,000 deep", 413, deep(r#"{"a":"#, "}", 20_000)),
        ("lists, 20,000 deep", 413, deep("[", "]", 20_000)),
        ("objects, 2,000 deep", 400, deep(r#"{"a":"#, "}", 2_000)),
        ("a list that never ends", 400, vec![b'['; 16_000]),
        ("a field twice", 400, br#"{"message":"a","message":"b"}"#.to_vec()),
        ("NUL", 400, br#"{"message":"a\u0000b"}"#.to_vec()),
        ("NUL as it is", 400, b"{\"message\":\"a\0b\"}".to_vec()),
        ("NUL in data", 400, br#"{"data":{"a\u0000":["\u0000"]}}"#.to_vec()),
        (
            "half of a surrogate pair",
            400,
            br#"{"message":"\ud800"}"#.to_vec(),
        ),
        (
            "the other half, in data",
            400,
            br#"{"data":{"a":"\udc00\ud800"}}"#.to_vec(),
        ),
        ("1e400", 400, br#"{"data":{"a":1e400}}"#.to_vec()),
        (
            "a number of 10,000 digits",
            400,
            format!(r#"{{"seq":{}}}"#, "9".repeat(10_000)).into_bytes(),
        ),
        ("a byte order mark", 400, b"\xef\xbb\xbf{}".to_vec()),
        ("UTF-16", 400, b"\xff\xfe{\0}\0".to_vec()),
        ("no UTF-8", 400, b"{\"message\":\"\xc3\x28\"}".to_vec()),
        ("a list", 400, b"[]".to_vec()),
        ("a text", 400, b"\"busy\"".to_vec()),
        ("a number in place of a text", 400, br#"{"message":7}"#.to_vec()),
        ("a text in place of a number", 400, br#"{"seq":"7"}"#.to_vec()),
        ("a list in place of an object", 400, br#"{"data":[1]}"#.to_vec()),
        ("a fraction", 400, br#"{"seq":1.5}"#.to_vec()),
        ("an unknown field", 400, br#"{"is_admin":true}"#.to_vec()),
        ("a prototype", 400, br#"{"__proto__":{"status":"busy"}}"#.to_vec()),
        ("two bodies", 400, br#"{}{"status":"busy"}"#.to_vec()),
        ("NaN", 400, br#"{"data":{"a":NaN}}"#.to_vec()),
        ("half a body", 400, br#"{"message":"#.to_vec()),
    ]
}

fn bombs_in_items() -> Vec<(&'static str, String)> {
    let with = |fields: &str| {
        let tab = Uuid::from_u128(7);
        format!(r#"{{"room_id":"general","session_id":"{tab}",{fields}}}"#)
    };
    let deep = format!("{}1{}", r#"{"a":"#.repeat(20_000), "}".repeat(20_000));
    vec![
        ("20,000 deep", with(&format!(r#""data":{deep}"#))),
        ("a field twice", with(r#""message":"a","message":"b""#)),
        ("a room twice", with(r#""room_id":"planning""#)),
        ("a user twice", with(r#""user_id":"alice","user_id":"bob""#)),
        ("NUL", with(r#""message":"\u0000""#)),
        ("half of a surrogate pair", with(r#""message":"\ud800""#)),
        ("1e400", with(r#""data":{"a":1e400}"#)),
        ("an unknown field", with(r#""is_admin":true"#)),
        (
            "a long unknown field",
            with(&format!(r#""{}":true"#, "x".repeat(50_000))),
        ),
        (
            "a message that is too long",
            with(&format!(r#""message":"{}""#, "x".repeat(50_000))),
        ),
        ("a number in place of a text", with(r#""message":7"#)),
        ("a user that is no text", with(r#""user_id":["alice"]"#)),
        (
            "no room",
            r#"{"session_id":"00000000-0000-0000-0000-000000000007"}"#.to_owned(),
        ),
        (
            "a room of 129 bytes",
            format!(
                r#"{{"room_id":"{}","session_id":"{}"}}"#,
                "x".repeat(129),
                Uuid::nil()
            ),
        ),
        ("a list", "[]".to_owned()),
        ("null", "null".to_owned()),
        ("a number", "1".to_owned()),
    ]
}

/// A gzip file that is some 150 times longer once it is unpacked: one zero, and "the last 258 bytes again" in 13 bits.
fn gzip_bomb(len: usize) -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let (mut word, mut bits) = (0_u32, 0);
    let mut put = |value: u32, count: u32, bytes: &mut Vec<u8>| {
        word |= value << bits;
        bits += count;
        while bits >= 8 {
            bytes.push(word as u8);
            word >>= 8;
            bits -= 8;
        }
    };
    put(0b011, 3, &mut bytes); // the last block, with the fixed codes
    put(0b0000_1100, 8, &mut bytes); // a literal zero
    while bytes.len() < len - 32 {
        put(0b1010_0011, 8, &mut bytes); // 258 bytes
        put(0, 5, &mut bytes); // that begin one byte ago
    }
    bytes.resize(len, 0);
    bytes
}

fn one() -> String {
    format!("/v1/rooms/general/sessions/{}", Uuid::from_u128(7))
}

fn many() -> String {
    "/v1/heartbeats".to_owned()
}

fn json_body(client: &Client, path: &str) -> RequestBuilder {
    let method = if path == many() { Method::POST } else { Method::PUT };
    client
        .request(method, path)
        .header("content-type", "application/json")
}

/// By a problem; where more than the rest that is read on was sent, the connection may be gone before the answer.
async fn refused(request: RequestBuilder, statuses: &[u16], what: &str) {
    let Ok(answer) = request.send().await else {
        assert!(statuses.contains(&413), "{what}: cut off");
        return;
    };
    let status = answer.status().as_u16();
    assert!(statuses.contains(&status), "{what}: {status}");
    assert_eq!(
        answer.headers()["content-type"],
        "application/problem+json",
        "{what}"
    );
    let problem: Value = answer.json().await.unwrap_or_else(|_| json!({"status": status}));
    assert_eq!(problem["status"], status, "{what}");
}

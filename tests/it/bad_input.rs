//! Bad ids, bodies and cursors: refused with a stable word, or harmless; never an error of ours.

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{app::TestApp, client::Client, db::TestDb, stream::Stream};

/// FAULTS 60.
#[tokio::test]
async fn bad_ids_are_400_and_odd_ones_are_inert() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");
    let long = "x".repeat(129);

    for id in ["%00", "a%00b", long.as_str(), "%ff%fe", "%c3%28"] {
        for (method, path) in [
            (Method::GET, format!("/v1/rooms/{id}")),
            (Method::GET, format!("/v1/events/{id}")),
            (Method::GET, format!("/v1/users/{id}")),
            (Method::PUT, format!("/v1/rooms/{id}/sessions/{}", Uuid::nil())),
            (Method::DELETE, format!("/v1/rooms/{id}/sessions/{}", Uuid::nil())),
        ] {
            let (status, body) = problem(alice.request(method.clone(), &path).json(&json!({}))).await;
            assert_eq!(
                (status, &body["type"]),
                (StatusCode::BAD_REQUEST, &json!("invalid")),
                "{method} {path}"
            );
        }
    }
    for id in [
        "';drop table event_app.users;--",
        "%2e%2e",
        "..%2fgeneral",
        "general%20",
        "%F0%9F%98%80",
        "%",
        "*",
        "general@",
    ] {
        let (status, body) = problem(alice.request(Method::GET, &format!("/v1/rooms/{id}"))).await;
        assert!([400, 404].contains(&status.as_u16()), "{id}: {status} {body}");
    }
    for session in [
        "x",
        "00000000000000000000000000000000",
        "%7B00000000-0000-0000-0000-000000000000%7D",
        "00000000-0000-0000-0000-00000000000g",
    ] {
        let path = format!("/v1/rooms/general/sessions/{session}");
        for method in [Method::PUT, Method::DELETE] {
            let (status, body) = problem(alice.request(method, &path).json(&json!({}))).await;
            assert_eq!(
                (status, &body["type"]),
                (StatusCode::BAD_REQUEST, &json!("invalid")),
                "{session}"
            );
        }
    }
    for query in [
        "?offline=-1",
        "?limit=99999999999",
        "?other=1",
        "?limit=1&limit=2",
    ] {
        let (status, body) = problem(alice.request(Method::GET, &format!("/v1/rooms/general{query}"))).await;
        assert_eq!(
            (status, &body["type"]),
            (StatusCode::BAD_REQUEST, &json!("invalid")),
            "{query}"
        );
    }
    assert_eq!(
        alice.get("/v1/rooms/general").await.0,
        StatusCode::OK,
        "nothing was dropped"
    );
}

/// FAULTS 59.
#[tokio::test]
async fn bad_bodies_are_refused_before_anything_is_written() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");
    let deep = format!(r#"{{"data":{}{}}}"#, r#"{"a":"#.repeat(1_500), "}".repeat(1_500));
    let arrays = format!(r#"{{"data":{{"a":{}{}}}}}"#, "[".repeat(7_000), "]".repeat(7_000));

    let bodies: [&[u8]; 28] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"1",
        b"\"x\"",
        b"{}{}",
        b"{\"status\":\"gone\"}",
        b"{\"status\":1}",
        b"{\"other\":1}",
        b"{\"message\":1}",
        b"{\"message\":[\"x\"]}",
        b"{\"data\":[]}",
        b"{\"data\":1}",
        b"{\"seq\":-1}",
        b"{\"seq\":1e400}",
        b"{\"seq\":9007199254740992}",
        b"{\"seq\":\"1\"}",
        b"{\"status\":\"busy\",\"status_ttl_ms\":-5}",
        b"{\"message\":\"a\\u0000b\"}",
        b"{\"message\":\"\\ud800\"}",
        b"{\"data\":{\"a\":\"\\udfff\"}}",
        b"{\"data\":{\"a\":1e400}}",
        b"{\"message\":\"a\",\"message\":\"b\"}",
        b"\xef\xbb\xbf{}",
        b"{\"message\":\"\xff\"}",
        deep.as_bytes(),
        arrays.as_bytes(),
    ];
    for body in bodies {
        let (status, answer) = problem(put(&alice).body(body.to_vec())).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(
            (status, &answer["type"]),
            (StatusCode::BAD_REQUEST, &json!("invalid")),
            "{shown}: {answer}"
        );
    }
    let written = db
        .admin()
        .await
        .query("select from presence_private.session", &[])
        .await;
    assert!(written.expect("sessions are read").is_empty());
}

/// FAULTS 59.
#[tokio::test]
async fn bodies_of_the_wrong_kind_or_size_are_told_so() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");
    let mut gzip = vec![0x1f, 0x8b, 0x08, 0x00];
    gzip.extend_from_slice(&[0; 60]);

    let zipped = problem(put(&alice).header("content-encoding", "gzip").body(gzip)).await;
    let untyped = problem(alice.request(Method::PUT, &session_path()).body("{}")).await;
    let form = alice
        .request(Method::PUT, &session_path())
        .header("content-type", "application/x-www-form-urlencoded");
    let form = problem(form.body("status=busy")).await;
    let with_charset = alice
        .request(Method::PUT, &session_path())
        .header("content-type", "Application/JSON; charset=utf-8");
    let with_charset = with_charset.body("{}").send().await.expect("an answer");
    let over = problem(put(&alice).body(vec![b' '; 16 * 1024 + 1])).await;
    let deep = problem(put(&alice).body("[".repeat(20_000))).await;
    let huge = put(&alice).body(vec![b' '; 10 * 1024 * 1024]).send().await;

    for (answer, what) in [(&zipped, "gzip"), (&untyped, "untyped"), (&form, "form")] {
        assert_eq!(
            (answer.0, &answer.1["type"]),
            (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                &json!("unsupported-media-type")
            ),
            "{what}"
        );
    }
    assert_eq!(with_charset.status(), StatusCode::OK);
    for (answer, what) in [(&over, "16 KiB and one"), (&deep, "depth 20k")] {
        assert_eq!(
            (answer.0, &answer.1["type"]),
            (StatusCode::PAYLOAD_TOO_LARGE, &json!("too-large")),
            "{what}"
        );
    }
    // Read on to 1 MiB, then cut off: the answer may be lost, never more than that.
    assert!(huge.is_err() || huge.is_ok_and(|answer| answer.status() == StatusCode::PAYLOAD_TOO_LARGE));
    assert_eq!(alice.get("/v1/rooms/general").await.0, StatusCode::OK);
}

/// FAULTS 32.
#[tokio::test]
async fn a_bad_cursor_is_answered_with_a_snapshot_and_never_an_error() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let bob = app.client("bob");
    let epoch = bob.get("/v1/rooms/general").await.1["epoch"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let cursors = [
        "x".to_owned(),
        ".".to_owned(),
        "0".to_owned(),
        format!("{epoch}."),
        format!("{epoch}.-1"),
        format!("{epoch}.1e3"),
        format!("{epoch}.99999999999999999999"),
        format!("{epoch}.7"),
        format!("{}.0", Uuid::new_v4()),
        "9".repeat(7_500),
        "' or 1=1 --".to_owned(),
        "\u{e9}\u{1f600}".to_owned(),
    ];

    for cursor in &cursors {
        let header = bob
            .request(Method::GET, "/v1/stream?room=general")
            .header("last-event-id", cursor.as_bytes());
        let query = bob
            .request(Method::GET, "/v1/stream")
            .query(&[("room", format!("general@{cursor}"))]);
        for request in [header, query] {
            let answer = request.send().await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::OK, "{cursor:.40}");
            let mut stream = Stream::new(answer);
            stream.next().await;
            assert_eq!(stream.next().await.name, "snapshot", "{cursor:.40}");
        }
    }
}

#[tokio::test]
async fn text_of_every_kind_is_delivered_intact() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    let mut stream = app.client("bob").stream(&["general"]).await;
    let text = "a\r\n\nevent: bye\ndata: {}\n\u{2028}\u{2029}\u{1f600}\u{202e}\u{5d0}\u{0301}'\"\\;--\t";

    alice
        .beat(
            "general",
            tab,
            json!({"message": text, "activity": text, "data": {"a\n": text}}),
        )
        .await;
    let joined = stream.next_of("diff").await.data["joined"][0].clone();

    assert_eq!(
        (&joined["message"], &joined["activity"], &joined["data"]["a\n"]),
        (&json!(text), &json!(text), &json!(text))
    );
}

/// A session of `general`.
pub fn session_path() -> String {
    format!("/v1/rooms/general/sessions/{}", Uuid::from_u128(7))
}

fn put(client: &Client) -> RequestBuilder {
    client
        .request(Method::PUT, &session_path())
        .header("content-type", "application/json")
}

/// The status and the problem, but for its request id; whatever is no problem+json is a wrong.
pub async fn problem(request: RequestBuilder) -> (StatusCode, Value) {
    parts(request.send().await.expect("an answer")).await
}

/// As [`problem`], of an answer.
pub async fn parts(answer: Response) -> (StatusCode, Value) {
    let status = answer.status();
    let media_type = answer.headers().get("content-type").cloned();
    let bytes = answer.bytes().await.expect("the whole body");
    let mut body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    assert!(
        media_type.is_some_and(|media_type| media_type == "application/problem+json"),
        "{status} {body}"
    );
    assert_eq!(body["status"], status.as_u16());
    let id = body
        .as_object_mut()
        .and_then(|problem| problem.remove("request_id"));
    assert!(id.is_some_and(|id| id.is_string()), "a problem has a request id");
    (status, body)
}

//! Bad tokens, ids, bodies and cursors: refused with a stable word, or harmless; never an error of ours.

use std::{io::Write as _, time::SystemTime};

use base64::Engine as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

use crate::support::{
    app::{SECRET, TestApp},
    client::{Client, token},
    db::TestDb,
    stream::Stream,
};

#[tokio::test]
async fn every_bad_token_is_401_with_one_and_the_same_answer() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let client = app.client("alice");
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let claims = json!({"sub": "alice", "exp": now + 3600});
    let signed = |header: Header, secret: &[u8], claims: &Value| {
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(secret)).expect("plain claims")
    };
    let part = |value: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    let hs256 = || Header::new(Algorithm::HS256);
    let mut with_path = hs256();
    with_path.kid = Some("../../etc/passwd".to_owned());
    let good = token(json!({"sub": "alice"}));
    let mut tokens = vec![
        String::new(),
        "garbage".to_owned(),
        "a.b.c".to_owned(),
        "\u{1f600}".to_owned(),
        "x".repeat(9_000),
        good[..good.len() - 2].to_owned(),
        format!(
            "{}.{}.",
            part(json!({"alg": "none", "typ": "JWT"})),
            part(claims.clone())
        ),
        signed(hs256(), b"another secret, also of 32 bytes", &claims),
        signed(Header::new(Algorithm::HS512), SECRET, &claims),
    ];
    for (name, value) in [
        ("exp", json!(now - 60)),
        ("exp", json!(null)),
        ("exp", json!("soon")),
        ("exp", json!([now + 3600])),
        ("exp", json!(-1)),
        ("nbf", json!(now + 600)),
        ("sub", json!(null)),
        ("sub", json!("")),
        ("sub", json!(["alice"])),
        ("sub", json!({"id": "alice"})),
        ("sub", json!("a\u{0}b")),
        ("sub", json!("x".repeat(129))),
        ("sub", json!(1.5)),
    ] {
        let mut claims = claims.clone();
        claims[name] = value;
        tokens.push(signed(hs256(), SECRET, &claims));
    }
    tokens.push(signed(hs256(), SECRET, &json!({"sub": "alice"})));
    tokens.push(signed(hs256(), SECRET, &json!("alice")));

    let get = || client.bare(Method::GET, "/v1/rooms/general");
    let reference = problem(get()).await;
    let mut answers = vec![];
    for token in &tokens {
        answers.push(problem(get().header("authorization", format!("Bearer {token}").as_bytes())).await);
    }
    answers.push(problem(get().header("authorization", format!("Basic {good}"))).await);
    answers.push(problem(get().bearer_auth(&good).bearer_auth(&good)).await);
    answers.push(problem(client.bare(Method::GET, &format!("/v1/rooms/general?token={good}"))).await);
    let by_kid = get().bearer_auth(signed(with_path, SECRET, &claims)).send().await;

    assert_eq!(
        (reference.0, &reference.1["type"]),
        (StatusCode::UNAUTHORIZED, &json!("unauthenticated"))
    );
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(*answer, reference, "token {n}");
    }
    assert_eq!(
        by_kid.expect("an answer").status(),
        StatusCode::OK,
        "a kid means nothing with one key"
    );
}

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
        "?offline=x",
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

#[tokio::test]
async fn bodies_of_the_wrong_kind_or_size_are_told_so() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");
    let mut gzip = vec![0x1f, 0x8b, 0x08, 0x00];
    gzip.write_all(&[0; 60]).expect("into memory");

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

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_problems_too() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");

    for path in [
        "/v1",
        "/v1/room/general",
        "/v1/rooms/",
        "/v1/rooms/general/",
        "/V1/rooms",
        "/v1//rooms",
        "/v2/rooms",
    ] {
        let (status, body) = problem(alice.request(Method::GET, path)).await;
        assert_eq!(
            (status, &body["type"]),
            (StatusCode::NOT_FOUND, &json!("not-found")),
            "{path}"
        );
    }
    for (method, path, allowed) in [
        (Method::POST, "/v1/rooms", "GET,HEAD"),
        (Method::DELETE, "/v1/rooms/general", "GET,HEAD"),
        (Method::GET, "/v1/heartbeats", "POST"),
        (Method::PATCH, session_path().as_str(), "PUT,DELETE"),
        (Method::GET, "/v1/me/sessions", "DELETE"),
    ] {
        let answer = alice
            .request(method.clone(), path)
            .send()
            .await
            .expect("an answer");
        let allow = answer
            .headers()
            .get("allow")
            .and_then(|allow| allow.to_str().ok())
            .unwrap_or_default();
        let mut methods: Vec<&str> = allow.split(',').map(str::trim).collect();
        let mut expected: Vec<&str> = allowed.split(',').collect();
        methods.sort_unstable();
        expected.sort_unstable();
        assert_eq!(
            (answer.status(), methods),
            (StatusCode::METHOD_NOT_ALLOWED, expected),
            "{method} {path}"
        );
        let (_, body) = parts(answer).await;
        assert_eq!(body["type"], "method-not-allowed", "{method} {path}");
    }
}

#[tokio::test]
async fn only_listed_origins_may_read_answers() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");
    let from = async |origin: &str| {
        let request = alice.request(Method::GET, "/v1/rooms").header("origin", origin);
        request.send().await.expect("an answer").headers().clone()
    };
    let preflight = alice
        .bare(Method::OPTIONS, &session_path())
        .header("origin", "https://app.example.com")
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "authorization,content-type");

    let listed = from("https://app.example.com").await;
    let others = [
        from("https://app.example.com.evil.org").await,
        from("http://app.example.com").await,
        from("null").await,
    ];
    let preflight = preflight.send().await.expect("an answer");

    assert_eq!(listed["access-control-allow-origin"], "https://app.example.com");
    assert!(!listed.contains_key("access-control-allow-credentials"));
    for headers in &others {
        assert!(
            !headers.contains_key("access-control-allow-origin"),
            "{headers:?}"
        );
    }
    assert!(preflight.status().is_success());
    let headers = preflight.headers();
    assert_eq!(headers["access-control-allow-origin"], "https://app.example.com");
    assert!(
        headers["access-control-max-age"]
            .to_str()
            .is_ok_and(|age| age.parse::<u32>().is_ok_and(|age| age > 0))
    );
    assert!(
        headers["access-control-allow-methods"]
            .to_str()
            .is_ok_and(|methods| methods.contains("PUT"))
    );
    let allowed = headers["access-control-allow-headers"]
        .to_str()
        .unwrap_or_default()
        .to_ascii_lowercase();
    assert!(
        allowed.contains("authorization") && allowed.contains("content-type"),
        "{allowed}"
    );
}

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

#[tokio::test]
async fn a_request_that_is_no_http_is_the_end_of_its_connection_alone() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let address = app.url().trim_start_matches("http://");

    for bytes in [
        &b"\x16\x03\x01\x00\x05hello\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut connection = tokio::net::TcpStream::connect(address).await.expect("it accepts");
        connection.write_all(bytes).await.expect("it takes bytes");
        let mut answer = vec![];
        let _ = connection.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert_eq!(app.client("alice").get("/livez").await.0, StatusCode::OK);
}

fn session_path() -> String {
    format!("/v1/rooms/general/sessions/{}", Uuid::from_u128(7))
}

fn put(client: &Client) -> RequestBuilder {
    client
        .request(Method::PUT, &session_path())
        .header("content-type", "application/json")
}

/// The status and the problem, but for its request id; whatever is no problem+json is a wrong.
async fn problem(request: RequestBuilder) -> (StatusCode, Value) {
    parts(request.send().await.expect("an answer")).await
}

async fn parts(answer: Response) -> (StatusCode, Value) {
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

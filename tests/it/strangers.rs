//! Strangers: bad tokens, foreign origins, paths that are none, bytes that are no HTTP.

use std::time::SystemTime;

use base64::Engine as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    bad_input::{parts, problem, session_path},
    support::{
        app::{SECRET, TestApp},
        client::token,
        db::TestDb,
    },
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
    for (name, value) in bad_claims(now) {
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

/// Each alone makes a good token a bad one.
fn bad_claims(now: u64) -> [(&'static str, Value); 13] {
    [
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
    ]
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

//! The layers around a table of their own, without a database; over a socket where bytes matter.

use axum::{
    body::{Body, to_bytes},
    http::{StatusCode, header::HeaderMap},
    routing::{get, post, put},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Duration, timeout},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

mod counted;

use super::*;
use crate::{
    error::RETRY_AFTER,
    http::{
        body::{JsonBody, TextBody},
        server,
    },
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    word: String,
}

async fn panics() -> &'static str {
    panic!("the secret of the handler")
}

fn router() -> Router {
    let routes = Router::new()
        .route("/say", post(|JsonBody(said): JsonBody<Said>| async { said.word }))
        .route("/text", post(|TextBody(text): TextBody| async move { text }))
        .route("/put", put(|| async {}))
        .route("/panic", get(panics))
        .route("/bug", get(|| async { Error::bug("select * from secret") }))
        .route("/away", get(|| async { Error::Unavailable(RETRY_AFTER) }))
        .route("/closed", post(|| async { Error::Unauthenticated }))
        .route("/missing", get(|| async { Error::RoomNotFound }));
    around(
        routes,
        &["https://app.example.com".to_owned()],
        Observer::default(),
    )
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("visible"))
    }

    /// The stable word, after what all problems have in common was found to be there.
    fn problem(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}",
            self.body
        );
        let body: Value = serde_json::from_str(&self.body).expect("JSON");
        assert_eq!(body["status"], self.status.as_u16());
        assert_eq!(body["request_id"], self.header("x-request-id"));
        assert!(body["title"].is_string() && body["detail"].is_string(), "{body}");
        body["type"].as_str().expect("a word").to_owned()
    }
}

async fn ask(method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let mut request = axum::http::Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.into()).expect("a request");
    let (parts, body) = router().oneshot(request).await.expect("infallible").into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).expect("UTF-8"),
    }
}

async fn say(body: impl Into<Body>) -> Answer {
    ask("POST", "/say", &[("content-type", "application/json")], body).await
}

#[tokio::test]
async fn every_failure_is_a_problem() {
    for (method, path, status, word) in [
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", "/missing", 404, "room-not-found"),
        ("DELETE", "/put", 405, "method-not-allowed"),
        ("POST", "/say", 415, "unsupported-media-type"),
        ("POST", "/closed", 401, "unauthenticated"),
        ("GET", "/panic", 500, "internal"),
        ("GET", "/bug", 500, "internal"),
        ("GET", "/away", 503, "unavailable"),
    ] {
        let answer = ask(method, path, &[], Body::empty()).await;

        assert_eq!(
            (answer.status.as_u16(), answer.problem().as_str()),
            (status, word),
            "{path}"
        );
        assert!(!answer.body.contains("secret"), "{}", answer.body);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn problems_say_what_to_do_next_in_headers() {
    assert_eq!(
        ask("DELETE", "/put", &[], Body::empty()).await.header("allow"),
        "PUT"
    );
    assert_eq!(
        ask("GET", "/away", &[], Body::empty())
            .await
            .header("retry-after"),
        "1"
    );
    assert_eq!(
        ask("POST", "/closed", &[], Body::empty())
            .await
            .header("www-authenticate"),
        "Bearer"
    );
}

#[tokio::test]
async fn a_sane_request_id_is_kept_and_another_is_replaced() {
    let kept = ask(
        "GET",
        "/nowhere",
        &[("x-request-id", "load-balancer-7.1_x")],
        Body::empty(),
    )
    .await;
    assert_eq!(kept.header("x-request-id"), "load-balancer-7.1_x");
    kept.problem();

    for bad in [
        "short",
        "with a space",
        "quote\"quote",
        "<script>alert</script>",
        &"x".repeat(129),
    ] {
        let replaced = ask("PUT", "/put", &[("x-request-id", bad)], Body::empty()).await;
        assert_eq!(replaced.header("x-request-id").len(), 36, "{bad}");
    }
}

#[tokio::test]
async fn a_body_is_one_json_object_of_known_fields() {
    assert_eq!(say(r#" {"word": "hello"} "#).await.body, "hello");

    for bad in [
        "",
        "{",
        "[]",
        "null",
        r#"{"word": "a"} {"word": "b"}"#,
        r#"{"word": "a"}x"#,
        "\u{FEFF}{\"word\": \"a\"}",
        r#"{"word": "a", "word": "b"}"#,
        r#"{"word": "a", "other": 1}"#,
        r#"{"word": 1}"#,
        r#"{"word": "\ud800"}"#,
        r#"{"word": 'a'}"#,
        "{\"word\": \"a\nb\"}",
        &format!("{}{}", "[".repeat(8000), "]".repeat(8000)),
    ] {
        let answer = say(bad.to_owned()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.problem().as_str()),
            (400, "invalid"),
            "{bad:.80}"
        );
    }
    assert_eq!(say(vec![b'{', 0xff, b'}']).await.problem(), "invalid");
}

#[tokio::test]
async fn a_complaint_is_short_whatever_the_body_says() {
    let answer = say(json!({ "x".repeat(10_000): 1 }).to_string()).await;

    assert_eq!(answer.problem(), "invalid");
    assert!(answer.body.len() < 500, "{}", answer.body.len());
}

#[tokio::test]
async fn the_media_type_is_json_and_nothing_is_compressed() {
    let body = r#"{"word": "a"}"#;
    for good in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/json;charset=UTF-8",
    ] {
        assert_eq!(
            ask("POST", "/say", &[("content-type", good)], body).await.status,
            200,
            "{good}"
        );
    }
    for bad in [
        "text/plain",
        "application/jsonx",
        "application/x-www-form-urlencoded",
        "",
    ] {
        assert_eq!(
            ask("POST", "/say", &[("content-type", bad)], body).await.status,
            415,
            "{bad}"
        );
    }
    let gzip = [("content-type", "application/json"), ("content-encoding", "gzip")];
    assert_eq!(
        ask("POST", "/say", &gzip, body).await.problem(),
        "unsupported-media-type"
    );
}

#[tokio::test]
async fn a_body_is_at_most_16_kib() {
    let of = |bytes: usize| format!("{{\"word\": \"{}\"}}", "x".repeat(bytes - 12));

    assert_eq!(say(of(16 * 1024)).await.status, 200);
    let answer = say(of(16 * 1024 + 1)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.problem().as_str()),
        (413, "too-large")
    );
    let in_pieces = Body::from_stream(futures_util::stream::iter(
        (0..17).map(|_| Ok::<_, std::convert::Infallible>(vec![b' '; 1024])),
    ));
    assert_eq!(say(in_pieces).await.problem(), "too-large");
}

#[tokio::test]
async fn only_listed_origins_may_read_answers() {
    let asked = [
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    let preflight = async |origin| {
        let headers = [asked[0], asked[1], ("origin", origin)];
        ask("OPTIONS", "/put", &headers, Body::empty()).await
    };

    let listed = preflight("https://app.example.com").await;
    assert_eq!(listed.status, 200);
    assert_eq!(
        listed.header("access-control-allow-origin"),
        "https://app.example.com"
    );
    assert_eq!(listed.header("access-control-max-age"), "7200");
    for name in ["authorization", "content-type", "last-event-id", "if-none-match"] {
        assert!(
            listed.header("access-control-allow-headers").contains(name),
            "{name}"
        );
    }
    assert_eq!(listed.header("access-control-allow-credentials"), "");
    for stranger in [
        "https://evil.example",
        "null",
        "https://app.example.com.evil.example",
        "http://app.example.com",
    ] {
        assert_eq!(
            preflight(stranger).await.header("access-control-allow-origin"),
            "",
            "{stranger}"
        );
    }
}

#[tokio::test]
async fn listed_origins_may_read_failures_too() {
    for path in ["/panic", "/nowhere", "/away"] {
        let answer = ask(
            "GET",
            path,
            &[("origin", "https://app.example.com")],
            Body::empty(),
        )
        .await;

        assert_eq!(
            answer.header("access-control-allow-origin"),
            "https://app.example.com",
            "{path}"
        );
        for name in ["etag", "retry-after", "x-request-id"] {
            assert!(
                answer.header("access-control-expose-headers").contains(name),
                "{name}"
            );
        }
    }
}

/// The status line that answers these bytes, read to the end of the connection.
async fn over_tcp(head: &str, body_bytes: usize) -> String {
    let answer = exchange(router(), head, body_bytes).await;
    answer.lines().next().unwrap_or_default().to_owned()
}

/// All that answers these bytes, on a connection of its own.
async fn exchange(router: Router, head: &str, body_bytes: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(server::serve(listener, router, shutdown.clone(), Duration::ZERO));
    let mut stream = TcpStream::connect(address).await.expect("a listener");
    let head = format!("{head}Host: here\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("written");
    let body = vec![b'x'; body_bytes];
    stream.write_all(&body).await.expect("taken to the last byte");
    let mut answer = Vec::new();
    let read = timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    read.expect("closed").expect("closed and not reset");
    shutdown.cancel();
    server.await.expect("no panic").expect("no error");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_client_reads_why_its_body_was_not_wanted() {
    let bytes = 1_000_000;
    for (path, status) in [
        ("/text", "413"),
        ("/closed", "401"),
        ("/nowhere", "404"),
        ("/put", "405"),
    ] {
        let head = format!("POST {path} HTTP/1.1\r\nContent-Length: {bytes}\r\n");

        let answer = over_tcp(&head, bytes).await;

        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{path}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_client_that_asks_first_is_not_asked_for_a_body_that_nobody_wants() {
    let head = "POST /text HTTP/1.1\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n";

    assert!(over_tcp(head, 0).await.starts_with("HTTP/1.1 413"));
}

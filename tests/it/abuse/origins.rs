//! Pages of other origins: what they may read, and what they can do without reading.

use pg_presence::config::Settings;
use reqwest::{Method, Response, StatusCode};
use serde_json::json;
use uuid::Uuid;

use crate::support::{
    app::{TestApp, service_url},
    client::Client,
    db::TestDb,
};

const LISTED: [&str; 2] = ["https://app.example.com", "http://localhost:5173"];
const STRANGERS: [&str; 11] = [
    "https://evil.example",
    "http://app.example.com",
    "https://app.example.com:444",
    "https://app.example.com.evil.example",
    "https://evilapp.example.com",
    "https://APP.example.com",
    "https://app.example.com/",
    "https://app.example.com, https://evil.example",
    "http://localhost:5174",
    "null",
    "*",
];
const PATHS: [(&str, &str); 10] = [
    ("GET", "/v1/rooms"),
    ("GET", "/v1/rooms/general"),
    (
        "PUT",
        "/v1/rooms/general/sessions/00000000-0000-0000-0000-000000000007",
    ),
    (
        "DELETE",
        "/v1/rooms/general/sessions/00000000-0000-0000-0000-000000000007",
    ),
    ("GET", "/v1/stream?room=general"),
    ("POST", "/v1/heartbeats"),
    ("POST", "/v1/leave"),
    ("POST", "/v1/tickets"),
    ("DELETE", "/v1/me/sessions"),
    ("GET", "/metrics"),
];

fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    answer.headers().get(name).and_then(|value| value.to_str().ok())
}

async fn preflight(client: &Client, origin: &str, method: &str, path: &str) -> Response {
    let request = client
        .bare(Method::OPTIONS, path)
        .header("origin", origin)
        .header("access-control-request-method", method)
        .header("access-control-request-headers", "authorization,content-type");
    request.send().await.expect("an answer")
}

/// FAULTS 57.
#[tokio::test]
async fn only_listed_origins_may_read_and_never_with_credentials() {
    let Some(db) = TestDb::new().await else { return };
    let listed = |settings: &mut Settings| settings.cors_origins = LISTED.map(str::to_owned).to_vec();
    let app = TestApp::start_with(&service_url(db.url()), listed).await;
    let alice = app.client("alice");

    for (method, path) in PATHS {
        for origin in LISTED.into_iter().chain(STRANGERS) {
            let expected = LISTED.contains(&origin).then_some(origin);
            let asked = preflight(&alice, origin, method, path).await;
            let with_token = alice
                .request(method.parse().expect("a method"), path)
                .header("origin", origin)
                .json(&json!({}));
            let with_token = with_token.send().await.expect("an answer");
            let without = alice
                .bare(Method::GET, path)
                .header("origin", origin)
                .send()
                .await;
            for answer in [&asked, &with_token, &without.expect("an answer")] {
                let what = format!("{method} {path} from {origin}: {}", answer.status());
                assert_eq!(header(answer, "access-control-allow-origin"), expected, "{what}");
                assert_eq!(header(answer, "access-control-allow-credentials"), None, "{what}");
                let vary = header(answer, "vary").unwrap_or_default().to_lowercase();
                assert!(
                    vary.contains("origin"),
                    "{what}: a cache must not mix them up: {vary:?}"
                );
                assert!(answer.status().as_u16() < 500, "{what}");
            }
            if expected.is_some() {
                let lasts = header(&asked, "access-control-max-age").and_then(|age| age.parse::<u32>().ok());
                assert!(lasts.is_some_and(|age| age >= 600), "{lasts:?}");
                let allowed = header(&asked, "access-control-allow-headers")
                    .unwrap_or_default()
                    .to_lowercase();
                assert!(
                    allowed.contains("authorization") && !allowed.contains('*'),
                    "{allowed}"
                );
                let exposed = header(&with_token, "access-control-expose-headers").unwrap_or_default();
                assert!(
                    exposed.contains("retry-after") && !exposed.contains('*'),
                    "{exposed}"
                );
            }
        }
    }
}

/// FAULTS 57. What a browser sends for a page of any origin without asking: simple requests, with no token of ours, since
/// those travel in a header and in no cookie.
#[tokio::test]
async fn what_a_strange_page_sends_unasked_harms_nobody() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let (alice, tab) = (app.client("alice"), Uuid::new_v4());
    let (_, beat) = alice.beat("general", tab, json!({})).await;
    let leave_token = beat["leave_token"].as_str().expect("a leave token").to_owned();
    let before = alice.get("/v1/rooms/general").await.1;

    let path = format!("/v1/rooms/general/sessions/{tab}");
    for (method, path) in [
        (Method::POST, "/v1/leave"),
        (Method::POST, "/v1/heartbeats"),
        (Method::POST, "/v1/tickets"),
        (Method::POST, path.as_str()),
        (Method::GET, path.as_str()),
        (Method::GET, "/v1/stream?room=general"),
        (Method::POST, "/dev/token"),
    ] {
        for media_type in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
        ] {
            let request = alice
                .bare(method.clone(), path)
                .header("origin", "https://evil.example")
                .header("cookie", "token=alice; session=alice")
                .header("content-type", media_type)
                .body(r#"{"user_id":"alice"}"#);
            let answer = request.send().await.expect("an answer");
            let is_beacon = path == "/v1/leave" && answer.status() == StatusCode::NO_CONTENT;
            assert!(
                is_beacon || answer.status().is_client_error(),
                "{method} {path} as {media_type}: {}",
                answer.status()
            );
            assert_eq!(
                header(&answer, "access-control-allow-origin"),
                None,
                "{method} {path}"
            );
        }
    }
    assert_eq!(alice.get("/v1/rooms/general").await.1, before, "nothing was done");

    // The token of the body alone says whose session it is, from wherever it comes.
    let beacon = alice
        .bare(Method::POST, "/v1/leave")
        .header("origin", "https://evil.example");
    let beacon = beacon.body(leave_token).send().await.expect("an answer");
    assert_eq!(beacon.status(), StatusCode::NO_CONTENT);
    assert_eq!(alice.get("/v1/rooms/general").await.1["online_count"], 0);
}

/// FAULTS 57. A name of a stranger's that leads to this machine (DNS rebinding) gets no token of `dev`.
#[tokio::test]
async fn a_page_that_names_this_machine_otherwise_gets_no_token_of_dev() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let ask = async |host: &str, origin: &str| {
        let request = app
            .client("nobody")
            .bare(Method::POST, "/dev/token")
            .header("host", host);
        let request = if origin.is_empty() {
            request
        } else {
            request.header("origin", origin)
        };
        let answer = request.json(&json!({"user_id": "alice"})).send().await;
        answer.expect("an answer").status()
    };

    assert_eq!(ask("localhost:8080", "").await, StatusCode::OK);
    assert_eq!(
        ask("localhost:8080", "http://localhost:8080").await,
        StatusCode::OK
    );
    for (host, origin) in [
        ("evil.example:8080", "http://evil.example:8080"),
        ("evil.example", ""),
        (
            "localhost.evil.example:8080",
            "http://localhost.evil.example:8080",
        ),
        ("localhost:8080", "https://evil.example"),
        ("localhost:8080", "null"),
        ("localhost:8080", "http://localhost:5173"),
    ] {
        assert_eq!(ask(host, origin).await, StatusCode::NOT_FOUND, "{host} {origin}");
    }
}

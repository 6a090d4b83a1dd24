//! `/metrics`: what Prometheus reads, and that the documentation lists all of it.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::support::{
    app::{TestApp, service_url},
    client::Client,
    db::TestDb,
    node::{Node, Plan},
};

async fn figures(app: &TestApp) -> String {
    let answer = app
        .client("alice")
        .bare(Method::GET, "/metrics")
        .send()
        .await
        .expect("an answer");
    let kind = answer.headers()["content-type"]
        .to_str()
        .expect("text")
        .to_owned();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    answer.text().await.expect("text")
}

/// By name and labels, as one line has them.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map(|number| number.parse().expect("a number"))
}

#[tokio::test]
async fn what_happens_is_counted_and_nobody_is_named() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let alice = app.client("alice");
    let mut stream = alice.stream(&["general"]).await;
    stream.next_of("snapshot").await;
    alice.beat("general", Uuid::new_v4(), json!({})).await;
    stream.next_of("diff").await;
    alice.beat("expo-floor", Uuid::new_v4(), json!({})).await;
    alice.get("/v1/rooms/general").await;
    alice.get("/nothing/here").await;

    let text = figures(&app).await;

    let heartbeat = |status: &str| {
        format!(
            r#"presence_http_requests_total{{method="PUT",route="/v1/rooms/{{room}}/sessions/{{session}}",status="{status}"}}"#
        )
    };
    for (series, expected) in [
        (heartbeat("200").as_str(), 1.0),
        (heartbeat("404").as_str(), 1.0),
        (
            r#"presence_http_requests_total{method="GET",route="none",status="404"}"#,
            1.0,
        ),
        ("presence_heartbeats_total", 2.0),
        ("presence_streams", 1.0),
        ("presence_panics_total", 0.0),
        (r#"presence_check_holds{check="reading"}"#, 1.0),
    ] {
        assert_eq!(value(&text, series), Some(expected), "{series}\n{text}");
    }
    assert!(value(&text, "presence_pool_connections") >= Some(1.0), "{text}");
    assert!(value(&text, "presence_open_files_max") >= Some(100.0), "{text}");
    for name in ["alice", "general", "expo-floor", "nothing"] {
        assert!(!text.contains(name), "{name}\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn every_figure_is_documented_as_it_is() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    // Those that have labels are there once they were used.
    app.client("alice")
        .beat("general", Uuid::new_v4(), json!({}))
        .await;
    let text = figures(&app).await;
    let words = |kind: &'static str| {
        let lines = text
            .lines()
            .filter_map(move |line| line.strip_prefix(kind)?.split_once(' '));
        lines
            .map(|(name, rest)| (name.to_owned(), rest.to_owned()))
            .collect::<BTreeMap<_, _>>()
    };
    let (kinds, helps) = (words("# TYPE "), words("# HELP "));

    let there: BTreeSet<String> = helps
        .iter()
        .map(|(name, help)| {
            let kind = &kinds[name];
            let suffix = if kind == "counter" { "_total" } else { "" };
            format!("| `{name}{suffix}` | {kind} | {help} |")
        })
        .collect();

    let page = include_str!("../../docs/operations.md");
    let documented = page.lines().filter(|line| line.starts_with("| `presence_"));
    assert_eq!(documented.map(str::to_owned).collect::<BTreeSet<_>>(), there);
}

#[tokio::test]
async fn with_an_address_of_their_own_operators_alone_read_the_figures() {
    let Some(db) = TestDb::new().await else { return };
    let free = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let admin = free.local_addr().expect("it is bound").to_string();
    drop(free);
    let plan = Plan::new(&service_url(db.url())).set("PRESENCE_ADMIN_BIND", &admin);
    let node = Node::start(&plan).await;
    let (public, operator) = (
        node.client("alice"),
        Client::new(&format!("http://{admin}"), "nobody"),
    );
    let status = async |client: &Client, path: &str| {
        let answer = client.bare(Method::GET, path).send().await;
        answer.expect("an answer").status().as_u16()
    };

    let hidden = status(&public, "/metrics").await;
    let [figures, alive, rooms] = [
        status(&operator, "/metrics").await,
        status(&operator, "/livez").await,
        status(&operator, "/v1/rooms").await,
    ];

    assert_eq!((hidden, figures, alive, rooms), (404, 200, 200, 404));

    // A browser inside the network, led here by a name of its page's: it would read this as its own.
    for (client, path) in [(&operator, "/metrics"), (&operator, "/readyz")] {
        let led = client
            .bare(Method::GET, path)
            .header("host", "evil.example")
            .send()
            .await;
        let led = led.expect("an answer");
        assert_eq!(led.status(), 421, "{path}");
        let problem: serde_json::Value = led.json().await.expect("JSON");
        assert_eq!(problem["type"], "wrong-host");
    }
}

#[tokio::test]
async fn figures_are_told_to_names_of_the_own_network_and_to_those_that_are_listed() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start_with(&service_url(db.url()), |settings| {
        settings.admin_hosts = vec!["metrics.example.com".to_owned()];
    })
    .await;
    let anybody = app.client("nobody");

    for (host, status) in [
        ("127.0.0.1:8080", 200),
        ("presence-0.presence.app.svc.cluster.local:8080", 200),
        ("metrics.example.com", 200),
        ("evil.example:8080", 421),
    ] {
        let asked = anybody
            .bare(Method::GET, "/metrics")
            .header("host", host)
            .send()
            .await;
        assert_eq!(asked.expect("an answer").status(), status, "{host}");
    }
    let public = anybody
        .bare(Method::GET, "/livez")
        .header("host", "app.example.com")
        .send()
        .await;
    assert_eq!(
        public.expect("an answer").status(),
        200,
        "what is for everybody has no such rule"
    );
}

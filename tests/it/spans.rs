//! Spans: what a collector of OpenTelemetry is told, and what it is never told.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, any_value},
    trace::v1::{ResourceSpans, Span},
};
use pg_presence::config::Settings;
use prost::Message;
use reqwest::Method;
use serde_json::json;
use tokio::{net::TcpListener, time::Instant};
use uuid::Uuid;

use crate::support::{
    app::{TestApp, service_url},
    db::TestDb,
    node::{Node, Plan},
};

/// Longer than spans wait for others.
const PATIENCE: Duration = Duration::from_secs(60);
/// As a caller of ours sends it: its trace, its span.
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A collector on loopback.
struct Collector {
    url: String,
    got: Arc<Mutex<Vec<Bytes>>>,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let got = Arc::new(Mutex::new(vec![]));
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(got.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, got }
    }

    fn raw(&self) -> Vec<Bytes> {
        self.got.lock().expect("not poisoned").clone()
    }

    fn resources(&self) -> Vec<ResourceSpans> {
        let requests = self.raw().into_iter();
        requests
            .map(|bytes| ExportTraceServiceRequest::decode(bytes).expect("OTLP"))
            .flat_map(|request| request.resource_spans)
            .collect()
    }

    fn names_its_service(&self) -> bool {
        let resources = self.resources().into_iter().filter_map(|spans| spans.resource);
        let mut keys = resources.map(|of| of.attributes.into_iter().map(|pair| pair.key).collect::<Vec<_>>());
        keys.all(|keys| {
            ["service.name", "service.instance.id"]
                .iter()
                .all(|key| keys.iter().any(|of| of == key))
        })
    }

    fn spans(&self) -> Vec<Span> {
        let scopes = self
            .resources()
            .into_iter()
            .flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let names = || spans.iter().map(|span| span.name.as_str()).collect::<Vec<_>>();
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| panic!("{name}: {:?}", names()))
}

async fn take(State(got): State<Arc<Mutex<Vec<Bytes>>>>, body: Bytes) -> StatusCode {
    got.lock().expect("not poisoned").push(body);
    StatusCode::OK
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|pair| pair.key == key)?;
    match found.value.clone()? {
        AnyValue {
            value: Some(any_value::Value::StringValue(text)),
        } => Some(text),
        AnyValue {
            value: Some(any_value::Value::IntValue(number)),
        } => Some(number.to_string()),
        _ => None,
    }
}

#[tokio::test]
async fn a_request_its_batch_and_the_read_that_follows_are_told_and_nobody_is_named() {
    let Some(db) = TestDb::new().await else { return };
    let collector = Collector::start().await;
    let endpoint = collector.url.parse().expect("a URL");
    let app = TestApp::start_with(&service_url(db.url()), |settings: &mut Settings| {
        settings.otlp = Some(endpoint);
    })
    .await;
    let alice = app.client("alice");
    let mut stream = alice.stream(&["general"]).await;
    stream.next_of("snapshot").await;
    let session = Uuid::new_v4();
    let path = format!("/v1/rooms/general/sessions/{session}");
    let beat = alice
        .request(Method::PUT, &path)
        .header("traceparent", PARENT)
        .header("x-request-id", "a-request-of-ours")
        .json(&json!({"message": "a-secret-text"}));
    assert_eq!(beat.send().await.expect("an answer").status(), 200);
    stream.next_of("diff").await;
    alice.get("/v1/rooms/general?after=a-secret-name").await;

    app.terminate();
    app.ended().await.expect("a clean stop");

    let spans = collector.spans();
    let named = |name: &str| named(&spans, name);
    let request = named("PUT /v1/rooms/{room}/sessions/{session}");
    assert_eq!(
        hex(&request.trace_id),
        PARENT[3..35],
        "the caller's trace goes on"
    );
    assert_eq!(hex(&request.parent_span_id), PARENT[36..52]);
    assert_eq!(
        attribute(request, "presence.request_id").as_deref(),
        Some("a-request-of-ours")
    );
    assert_eq!(
        attribute(request, "http.response.status_code").as_deref(),
        Some("200")
    );
    let batch = named("heartbeat batch");
    assert_eq!(
        (&batch.trace_id, &batch.parent_span_id),
        (&request.trace_id, &request.span_id)
    );
    assert_eq!(attribute(batch, "presence.items").as_deref(), Some("1"));
    assert!(attribute(named("rooms read"), "presence.items").is_some());
    let read = named("GET /v1/rooms/{room}");
    assert_ne!(read.trace_id, request.trace_id, "a trace of its own");
    assert!(read.parent_span_id.is_empty());
    assert!(collector.names_its_service());
    let text = collector
        .raw()
        .iter()
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .collect::<String>();
    for word in ["alice", "general", "a-secret", "eyJ", &session.to_string()] {
        assert!(!text.contains(word), "{word}: {text}");
    }
}

#[tokio::test]
async fn a_node_sends_spans_where_the_common_variable_says_and_goes_on_while_nobody_takes_them() {
    let Some(db) = TestDb::new().await else { return };
    let collector = Collector::start().await;
    let plan = |url: &str| {
        Plan::new(&service_url(db.url()))
            .set("OTEL_EXPORTER_OTLP_ENDPOINT", url)
            .set("OTEL_BSP_SCHEDULE_DELAY", "100")
    };
    let told = Node::start(&plan(&collector.url)).await;
    let nowhere = Node::start(&plan("http://127.0.0.1:9")).await;

    for node in [&told, &nowhere] {
        let beat = node
            .client("alice")
            .beat("general", Uuid::new_v4(), json!({}))
            .await;
        assert_eq!(beat.0, 200, "{}", beat.1);
    }

    let deadline = Instant::now() + PATIENCE;
    let is_told = || {
        collector
            .spans()
            .iter()
            .any(|span| span.name == "heartbeat batch")
    };
    while !is_told() || !nowhere.said().contains("the collector of spans is away") {
        assert!(Instant::now() < deadline, "{}", nowhere.said());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(nowhere.client("alice").get("/v1/rooms").await.0, 200);
}

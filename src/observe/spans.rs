//! Spans for a collector of OpenTelemetry: one of each request, of each batch of heartbeats or leaves, of each read of
//! rooms for streams. Off unless a collector was named; then nothing is made.
//!
//! A request goes on with the trace of its `traceparent`. A batch belongs to the trace of the first request in it, and is
//! linked to the others. What is told are routes, numbers and the request's id: no user, no room, no text, no secret.
//!
//! # Failure
//! A collector that is away costs its spans and nothing else: they wait in a bounded queue, and are dropped.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::http::{HeaderMap, Uri};
use opentelemetry::{
    Context, KeyValue,
    propagation::TextMapPropagator,
    trace::{FutureExt, Link, SpanContext, SpanKind, Status, TraceContextExt, Tracer, TracerProvider},
};
use opentelemetry_http::{Bytes, HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{SdkTracer, SdkTracerProvider},
};
use tokio::{runtime::Handle, task::spawn_blocking};

use crate::outgoing::Outgoing;

/// Requests that a batch is linked to; a batch may carry a thousand.
const LINKS_MAX: usize = 32;
/// How long the last spans may take at a stop.
const END_MAX: Duration = Duration::from_secs(2);

/// The request in which something was asked for.
#[derive(Debug, Clone)]
pub struct Request(SpanContext);

/// The request that this task answers, where its span is told.
pub fn current() -> Option<Request> {
    let context = Context::current();
    let span = context.span();
    let of = span.span_context();
    (of.is_valid() && of.is_sampled()).then(|| Request(of.clone()))
}

/// Where spans go. Cheap to clone.
#[derive(Clone, Default)]
pub struct Spans(Option<Arc<Inner>>);

struct Inner {
    tracer: SdkTracer,
    provider: SdkTracerProvider,
}

impl fmt::Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "Spans(on)"
        } else {
            "Spans(off)"
        })
    }
}

impl Spans {
    /// To the collector at this URL, by OTLP over HTTP. Within a runtime, which sends them.
    pub fn to(endpoint: &Uri, node: &str) -> Result<Self, String> {
        let url = format!("{}/v1/traces", endpoint.to_string().trim_end_matches('/'));
        let collector = Collector {
            outgoing: Arc::new(Outgoing::new(url.parse().map_err(text)?)?),
            runtime: Handle::current(),
            is_away: AtomicBool::new(false),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(collector)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(url)
            .build()
            .map_err(text)?;
        let named = std::env::var_os("OTEL_SERVICE_NAME").is_some();
        let resource = Resource::builder().with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", node.to_owned()),
        ]);
        let resource = match named {
            true => resource,
            false => resource.with_service_name("pg-presence"),
        };
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        let tracer = provider.tracer("pg-presence");
        Ok(Self(Some(Arc::new(Inner { tracer, provider }))))
    }

    /// Of a request. `route` is the pattern and not the path, which may name rooms and users.
    pub fn request(&self, method: &'static str, route: &str, id: &str, headers: &HeaderMap) -> Span {
        let Some(inner) = &self.0 else {
            return Span(None);
        };
        let parent =
            TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers));
        let span = inner
            .tracer
            .span_builder(format!("{method} {route}"))
            .with_kind(SpanKind::Server)
            .with_attributes([
                KeyValue::new("http.request.method", method),
                KeyValue::new("http.route", route.to_owned()),
                KeyValue::new("presence.request_id", id.to_owned()),
            ])
            .start_with_context(&inner.tracer, &parent);
        Span(Some(parent.with_span(span)))
    }

    /// Of a statement for many. `kind` is `heartbeat` or `leave`.
    pub fn batch(&self, kind: &'static str, items: usize, requests: impl Iterator<Item = Request>) -> Span {
        let Some(inner) = &self.0 else {
            return Span(None);
        };
        let mut requests = requests.map(|Request(context)| context).take(LINKS_MAX + 1);
        let parent = requests.next();
        let parent = parent.map_or_else(Context::new, |first| {
            Context::new().with_remote_span_context(first)
        });
        let links = requests.map(Link::with_context).collect();
        let span = inner
            .tracer
            .span_builder(format!("{kind} batch"))
            .with_kind(SpanKind::Client)
            .with_attributes(statement(items))
            .with_links(links)
            .start_with_context(&inner.tracer, &parent);
        Span(Some(parent.with_span(span)))
    }

    /// Of a read of rooms for streams.
    pub fn read(&self, questions: usize) -> Span {
        let Some(inner) = &self.0 else {
            return Span(None);
        };
        let none = Context::new();
        let span = inner
            .tracer
            .span_builder("rooms read")
            .with_kind(SpanKind::Client)
            .with_attributes(statement(questions))
            .start_with_context(&inner.tracer, &none);
        Span(Some(none.with_span(span)))
    }

    /// Sends what waits, at a stop.
    pub async fn end(&self) {
        if let Some(inner) = self.0.clone() {
            // It blocks, while the runtime sends.
            let ended = spawn_blocking(move || inner.provider.shutdown_with_timeout(END_MAX)).await;
            if let Ok(Err(why)) = ended {
                tracing::warn!(%why, "the last spans were lost");
            }
        }
    }
}

fn statement(items: usize) -> [KeyValue; 2] {
    [
        KeyValue::new("db.system.name", "postgresql"),
        KeyValue::new("presence.items", i64::try_from(items).unwrap_or(i64::MAX)),
    ]
}

/// A span that ends when this does; nothing, where spans are off.
pub struct Span(Option<Context>);

impl Span {
    /// Answers a request: what is asked for meanwhile belongs to it, and the span has the answer's status.
    pub async fn answered<F: Future>(
        self,
        answering: F,
        status: impl FnOnce(&F::Output) -> u16,
    ) -> F::Output {
        let Some(context) = self.0 else {
            return answering.await;
        };
        let answer = answering.with_context(context.clone()).await;
        let status = status(&answer);
        let span = context.span();
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        if status >= 500 {
            span.set_status(Status::error(""));
        }
        span.end();
        answer
    }

    /// Does something that may fail.
    pub async fn over<T, E>(self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let done = work.await;
        if let Some(context) = self.0 {
            let span = context.span();
            if done.is_err() {
                span.set_status(Status::error(""));
            }
            span.end();
        }
        done
    }
}

/// The collector, asked from a thread of the SDK's own, by way of the runtime.
struct Collector {
    outgoing: Arc<Outgoing>,
    runtime: Handle,
    /// Said once, and again when it is back.
    is_away: AtomicBool,
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector(..)")
    }
}

impl Collector {
    async fn send(&self, request: hyper::Request<Bytes>) -> Result<hyper::Response<Bytes>, HttpError> {
        let outgoing = self.outgoing.clone();
        let sent = self.runtime.spawn(async move { outgoing.call(request).await });
        let sent = sent.await.map_err(text).and_then(|sent| sent);
        match (&sent, self.is_away.swap(sent.is_err(), Ordering::Relaxed)) {
            (Err(why), false) => tracing::warn!(why, "the collector of spans is away"),
            (Ok(_), true) => tracing::info!("the collector of spans is back"),
            _ => {}
        }
        Ok(sent?)
    }
}

/// As `async_trait` writes it.
impl HttpClient for Collector {
    fn send_bytes<'this, 'send>(
        &'this self,
        request: hyper::Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<hyper::Response<Bytes>, HttpError>> + Send + 'send>>
    where
        'this: 'send,
        Self: 'send,
    {
        Box::pin(self.send(request))
    }
}

fn text(why: impl fmt::Display) -> String {
    why.to_string()
}

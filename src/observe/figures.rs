//! Figures since the start, as Prometheus reads them: base units, and no label that names a user, a room or an event.
//! What each means is its help text, which docs/operations.md repeats.

use std::{fmt, time::Duration};

use prometheus_client::{
    encoding::text::encode,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use super::{
    Observation,
    labels::{Answer, Check, Kind, Route, Version},
    told::Told,
    totals::{Answers, Totals},
};

/// What is looked up when somebody asks, since no event tells of it.
#[derive(Debug, Clone, Default)]
pub struct Moment {
    /// Connections of the pool.
    pub connections: usize,
    /// Those of them that nobody uses.
    pub idle: usize,
    /// Callers that wait for one.
    pub waiting: usize,
    /// Leases that streams of this node hold.
    pub leases: usize,
    /// Files that this process may have open; a stream is one.
    pub files_max: u64,
    /// What readiness hangs on, each with whether it holds.
    pub checks: Vec<(&'static str, bool)>,
}

/// All of them.
pub struct Figures {
    /// Statements that carried heartbeats.
    pub heartbeat_batches: Counter,
    /// Heartbeats in them.
    pub heartbeats: Counter,
    /// Statements that read rooms.
    pub reads: Counter,
    /// Sessions that the reaper ended.
    pub reaped: Counter,
    /// Streams that are open now.
    pub streams: Gauge,
    /// Topics that they watch.
    pub topics: Gauge,
    /// Streams that fell behind.
    pub lagged: Counter,
    /// Handlers that panicked.
    pub panics: Counter,
    evicted: Counter,
    told: Told,
    put_back: Counter,
    reap_failures: Counter,
    listener_losses: Counter,
    canaries_missed: Counter,
    still_listeners: Counter,
    outages: Counter,
    key_failures: Counter,
    batch_items: Family<Kind, Histogram>,
    requests: Family<Answer, Counter>,
    request_seconds: Family<Route, Histogram>,
    checks: Family<Check, Gauge>,
    connections: Gauge,
    idle: Gauge,
    waiting: Gauge,
    leases: Gauge,
    files_max: Gauge,
    answers: Answers,
    registry: Registry,
}

impl Default for Figures {
    fn default() -> Self {
        let mut figures = Self {
            heartbeat_batches: Counter::default(),
            heartbeats: Counter::default(),
            reads: Counter::default(),
            reaped: Counter::default(),
            streams: Gauge::default(),
            topics: Gauge::default(),
            answers: Answers::default(),
            lagged: Counter::default(),
            panics: Counter::default(),
            evicted: Counter::default(),
            told: Told::default(),
            put_back: Counter::default(),
            reap_failures: Counter::default(),
            listener_losses: Counter::default(),
            canaries_missed: Counter::default(),
            still_listeners: Counter::default(),
            outages: Counter::default(),
            key_failures: Counter::default(),
            batch_items: Family::new_with_constructor(|| Histogram::new(exponential_buckets(1.0, 2.0, 11))),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.001, 2.0, 13))
            }),
            checks: Family::default(),
            connections: Gauge::default(),
            idle: Gauge::default(),
            waiting: Gauge::default(),
            leases: Gauge::default(),
            files_max: Gauge::default(),
            registry: Registry::with_prefix("presence"),
        };
        figures.register_counters();
        figures.told.register(&mut figures.registry);
        figures.register_gauges();
        figures.register_labelled();
        figures
    }
}

impl Figures {
    fn register_counters(&mut self) {
        let registry = &mut self.registry;
        let mut count =
            |name: &str, help: &str, counter: &Counter| registry.register(name, help, counter.clone());
        count(
            "heartbeats",
            "Heartbeats that were sent to the database",
            &self.heartbeats,
        );
        count(
            "heartbeat_batches",
            "Statements that carried them",
            &self.heartbeat_batches,
        );
        count(
            "room_reads",
            "Statements that read rooms for streams",
            &self.reads,
        );
        count(
            "reaped_sessions",
            "Sessions that this node's reaper ended",
            &self.reaped,
        );
        count(
            "evicted_sessions",
            "Sessions that this node ended since the application's own tables say so",
            &self.evicted,
        );
        count(
            "put_back_sessions",
            "Sessions that were put back after a loss of the unlogged data",
            &self.put_back,
        );
        count(
            "reap_failures",
            "Calls of the reaper that failed",
            &self.reap_failures,
        );
        count(
            "listener_losses",
            "Times that the connection which hears changes was lost",
            &self.listener_losses,
        );
        count(
            "canaries_missed",
            "Notifications of this node that did not come back in time",
            &self.canaries_missed,
        );
        count(
            "still_listeners_ended",
            "Listeners of frozen nodes that this node disconnected",
            &self.still_listeners,
        );
        count(
            "outages",
            "Times that rooms could not be read any more",
            &self.outages,
        );
        count("jwks_failures", "JWKS reads that failed", &self.key_failures);
        count(
            "streams_lagged",
            "Times that a slow reader was given a fresh snapshot",
            &self.lagged,
        );
        count("panics", "Handlers that panicked", &self.panics);
    }

    fn register_gauges(&mut self) {
        let registry = &mut self.registry;
        let mut level = |name: &str, help: &str, gauge: &Gauge| registry.register(name, help, gauge.clone());
        level("streams", "Streams that are open", &self.streams);
        level("topics", "Topics that open streams watch", &self.topics);
        level("leases_held", "Leases that open streams hold", &self.leases);
        level("pool_connections", "Connections of the pool", &self.connections);
        level(
            "pool_connections_idle",
            "Connections of the pool that nobody uses",
            &self.idle,
        );
        level("pool_waiting", "Calls that wait for a connection", &self.waiting);
        level(
            "open_files_max",
            "Files that this node may have open; a stream is one",
            &self.files_max,
        );
    }

    fn register_labelled(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "batch_items",
            "Heartbeats or leaves in one statement",
            self.batch_items.clone(),
        );
        registry.register(
            "http_requests",
            "Requests that were answered",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "From a request's head to its answer's, of streams as well",
            Unit::Seconds,
            self.request_seconds.clone(),
        );
        registry.register(
            "check_holds",
            "What readiness hangs on: 1 where it holds",
            self.checks.clone(),
        );
        let build = Family::<Version, Gauge>::default();
        build
            .get_or_create(&Version {
                version: env!("CARGO_PKG_VERSION"),
            })
            .set(1);
        registry.register("build_info", "The version of this node", build);
    }

    /// Counts what happened.
    pub(super) fn count(&self, observation: &Observation) {
        match observation {
            Observation::Batch { kind, items } => {
                if *kind == "heartbeat" {
                    self.heartbeat_batches.inc();
                    self.heartbeats.inc_by(*items as u64);
                }
                self.batch_items
                    .get_or_create(&Kind { kind })
                    .observe(*items as f64);
            }
            Observation::RoomsRead { .. } => _ = self.reads.inc(),
            Observation::Reaped { sessions } => _ = self.reaped.inc_by(u64::from(*sessions)),
            Observation::Evicted { sessions } => _ = self.evicted.inc_by(u64::from(*sessions)),
            Observation::PutBack { sessions } => _ = self.put_back.inc_by(*sessions as u64),
            Observation::ReapFailed { .. } => _ = self.reap_failures.inc(),
            Observation::ListenerLost { .. } => _ = self.listener_losses.inc(),
            Observation::CanaryMissed { .. } => _ = self.canaries_missed.inc(),
            Observation::StillListenersEnded { listeners } => {
                _ = self.still_listeners.inc_by(listeners.unsigned_abs());
            }
            Observation::Degraded { .. } => _ = self.outages.inc(),
            Observation::KeysUnreadable { .. } => _ = self.key_failures.inc(),
            Observation::StreamOpened => _ = self.streams.inc(),
            Observation::StreamClosed => _ = self.streams.dec(),
            Observation::StreamLagged => _ = self.lagged.inc(),
            Observation::Panicked => _ = self.panics.inc(),
            Observation::EdgesExpanded { .. }
            | Observation::ExpandFailed { .. }
            | Observation::Untold(_)
            | Observation::Notified { .. }
            | Observation::WebhookAnswered { .. }
            | Observation::WebhookDisabled { .. } => self.told.count(observation),
            Observation::ListenerConnected
            | Observation::Recovered
            | Observation::KeysRead { .. }
            | Observation::SettingsChanged { .. } => {}
        }
    }

    /// A request was answered. `route` is the pattern and not the path, which may name rooms and users.
    pub fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        self.answers.count(route, status);
        let (method, route) = (method.to_owned(), route.to_owned());
        let answer = Answer {
            method: method.clone(),
            route: route.clone(),
            status,
        };
        self.requests.get_or_create(&answer).inc();
        let seconds = self.request_seconds.get_or_create(&Route { method, route });
        seconds.observe(took.as_secs_f64());
    }

    /// In numbers, for operators.
    pub fn totals(&self) -> Totals {
        Totals {
            heartbeats: self.heartbeats.get(),
            heartbeat_batches: self.heartbeat_batches.get(),
            reads: self.reads.get(),
            reaped: self.reaped.get(),
            evicted: self.evicted.get(),
            put_back: self.put_back.get(),
            reap_failures: self.reap_failures.get(),
            listener_losses: self.listener_losses.get(),
            canaries_missed: self.canaries_missed.get(),
            outages: self.outages.get(),
            lagged: self.lagged.get(),
            panics: self.panics.get(),
            ..self.answers.totals()
        }
    }

    /// In the text format of OpenMetrics, with what is true at this moment.
    pub fn text(&self, moment: &Moment) -> Result<String, fmt::Error> {
        let level = |gauge: &Gauge, is: usize| gauge.set(i64::try_from(is).unwrap_or(i64::MAX));
        level(&self.connections, moment.connections);
        level(&self.idle, moment.idle);
        level(&self.waiting, moment.waiting);
        level(&self.leases, moment.leases);
        self.files_max
            .set(i64::try_from(moment.files_max).unwrap_or(i64::MAX));
        for (check, holds) in &moment.checks {
            self.checks.get_or_create(&Check { check }).set(i64::from(*holds));
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Figures(..)")
    }
}

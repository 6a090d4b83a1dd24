//! The whole of HTTP: one line a route, then the layers in order. Handlers call one function each and decide nothing
//! about presence.

mod admin;
pub mod body;
pub mod layers;
pub mod problem;
pub mod server;

pub(crate) mod heartbeats;
mod history;
mod hosts;
pub(crate) mod leave;
mod me;
mod metrics;
mod notifications;
pub mod openapi;
mod operations;
mod operator;
mod page;
mod path;
mod rates;
mod rooms;
mod sessions;
pub(crate) mod state;
mod stream;
mod tickets;
mod topics;
mod views;
mod watches;

use hosts::Hosts;
pub use rates::Rates;

use std::{ops::Deref, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::FromRef,
    middleware,
    routing::{delete, get, post, put},
};
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    auth::{Auth, leave_token},
    config::Settings,
    db::{Db, Installed},
    domain::{BeatKey, IdTypes},
    health::Health,
    heartbeat::{Batcher, Beats, Leaves},
    hub::notices::Notices,
    leases::Leases,
    observe::Observer,
    operator::Desk,
    relay::RelayHandle,
};

/// What handlers may use. Cheap to clone, as it is for each request.
#[derive(Clone)]
pub struct Edge(Arc<Means>);

impl Edge {
    /// Of these.
    pub fn new(means: Means) -> Self {
        Self(Arc::new(means))
    }
}

impl Deref for Edge {
    type Target = Means;

    fn deref(&self) -> &Means {
        &self.0
    }
}

/// All that handlers may use.
pub struct Means {
    /// Tokens to callers.
    pub auth: Arc<Auth>,
    /// Reads.
    pub db: Db,
    /// How often each user may send heartbeats.
    pub rates: Arc<Rates>,
    /// Heartbeats.
    pub beats: Batcher<Beats>,
    /// Leaves.
    pub leaves: Batcher<Leaves>,
    /// Streams.
    pub relay: RelayHandle,
    /// Which streams are told of what their user is notified of.
    pub notices: Notices,
    /// What streams hold.
    pub leases: Leases,
    /// How long a lease that a stream holds goes without a sign of life of its client.
    pub silence_max: Duration,
    /// Settings and keys in force.
    pub installed: watch::Receiver<Installed>,
    /// How ids are checked.
    pub ids: IdTypes,
    /// How often a stream says `ping`.
    pub ping: Duration,
    /// Whether this node is ready.
    pub health: Health,
    /// Told of what happens.
    pub observer: Observer,
    /// Where operators look.
    pub desk: Arc<Desk>,
    /// Streams a user.
    pub seats: Arc<stream::Seats>,
    /// This process, to its clients.
    pub node: Arc<str>,
    /// The process is to end.
    pub shutdown: CancellationToken,
}

impl FromRef<Edge> for Arc<Auth> {
    fn from_ref(edge: &Edge) -> Self {
        edge.auth.clone()
    }
}

impl Edge {
    /// How often the client of this session is to send a heartbeat: seldom where a stream holds its lease, as a sign of
    /// life well within the silence bound.
    fn heartbeat_ms(&self, key: &BeatKey) -> u64 {
        let heartbeat = self.installed.borrow().settings.heartbeat;
        let interval = match self.leases.is_held(key) {
            true => self.silence_max.mul_f64(0.4).max(heartbeat),
            false => heartbeat,
        };
        interval.as_millis() as u64
    }

    /// Good for leaving this one session, for a day.
    fn leave_token(&self, key: &BeatKey) -> String {
        let installed = self.installed.borrow();
        let newest = installed
            .secrets
            .leave
            .first()
            .map(Vec::as_slice)
            .unwrap_or_default();
        leave_token::mint(key, newest, OffsetDateTime::now_utc())
    }
}

/// Whether the page and its tokens are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// `serve`: neither.
    Off,
    /// `dev`: `/` and `POST /dev/token`.
    Dev,
}

/// The URL table.
pub fn router(edge: Edge, settings: &Settings, page: Page) -> Router {
    let mut routes = Router::new()
        .route("/v1/rooms", get(rooms::counts))
        .route("/v1/rooms/{room}", get(rooms::snapshot))
        .route("/v1/rooms/{room}/activities", get(rooms::activities))
        .route("/v1/rooms/{room}/activity", get(history::room_activity))
        .route("/v1/rooms/{room}/visits", get(history::visits))
        .route(
            "/v1/rooms/{room}/sessions/{session}",
            put(sessions::put).delete(sessions::delete),
        )
        .route("/v1/rooms/{room}/members/{user}", delete(admin::delete_member))
        .route("/v1/rooms/{room}/presence", delete(admin::delete_presence))
        .route("/v1/heartbeats", post(heartbeats::post))
        .route("/v1/leave", post(leave::post))
        .route("/v1/events/{event}", get(views::event))
        .route("/v1/events/{event}/activity", get(history::event_activity))
        .route("/v1/users/{user}", get(views::user))
        .route("/v1/me/sessions", delete(me::delete_sessions))
        .route("/v1/me/watches", get(watches::list))
        .route("/v1/me/watches/{user}", put(watches::put).delete(watches::delete))
        .route("/v1/me/notifications", get(notifications::list))
        .route("/v1/me/notifications/read", post(notifications::read))
        .route(
            "/v1/me/status",
            put(me::put_status).get(me::get_status).delete(me::delete_status),
        )
        .route("/v1/stream", get(stream::get))
        .route("/v1/tickets", post(tickets::post))
        .route("/livez", get(operations::livez))
        .route("/readyz", get(operations::readyz))
        .route("/openapi.json", get(openapi::get))
        .route("/docs", get(openapi::docs::get));
    if settings.admin_bind.is_none() {
        let figures =
            get(metrics::get).layer(middleware::from_fn_with_state(Hosts::of(settings), hosts::check));
        routes = routes.route("/metrics", figures);
    }
    if page == Page::Dev {
        routes = routes.merge(page::routes(settings));
    }
    layers::around(routes, &settings.cors_origins, edge.observer.clone()).with_state(edge)
}

/// The URL table of the operators' own address; `hands_tokens`: its page may sign in whoever is at this machine.
pub fn admin_router(edge: Edge, settings: &Settings, hands_tokens: bool) -> Router {
    let routes = Router::new()
        .route("/livez", get(operations::livez))
        .route("/readyz", get(operations::readyz))
        .route("/metrics", get(metrics::get))
        .merge(operator::routes(settings, hands_tokens))
        .layer(middleware::from_fn_with_state(Hosts::of(settings), hosts::check));
    layers::around(routes, &[], edge.observer.clone()).with_state(edge)
}

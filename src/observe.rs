//! Noteworthy facts: the one source of logs, figures and test signals.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::broadcast;

/// Facts that a slow test listener may fall behind by before it misses some.
const SIGNALS_MAX: usize = 1024;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// One statement for so many items; `kind` is `heartbeat` or `leave`.
    Batch {
        /// Of what.
        kind: &'static str,
        /// How many.
        items: usize,
    },
    /// One statement read rooms for the streams of this node.
    RoomsRead {
        /// Rooms and cursors asked about.
        questions: usize,
    },
    /// Leases ended.
    Reaped {
        /// Sessions.
        sessions: u32,
    },
    /// Sessions ended because the application's own tables say so.
    Evicted {
        /// Sessions.
        sessions: u32,
    },
    /// The reaper's call failed.
    ReapFailed {
        /// Why.
        cause: String,
    },
    /// LISTEN is in place.
    ListenerConnected,
    /// The LISTEN connection ended.
    ListenerLost {
        /// Why.
        cause: String,
    },
    /// Listeners of other nodes, whose processes stand still, were disconnected.
    StillListenersEnded {
        /// How many.
        listeners: i64,
    },
    /// A NOTIFY of our own did not come back in time.
    CanaryMissed {
        /// In a row.
        missed: u32,
    },
    /// Rooms cannot be read.
    Degraded {
        /// Why.
        cause: String,
    },
    /// Rooms can be read again.
    Recovered,
    /// The unlogged data was lost; what this node knows to have been here was put back.
    PutBack {
        /// Sessions.
        sessions: usize,
    },
    /// Somebody changed the settings that all nodes go by: an operator, or a node that was given others.
    SettingsChanged {
        /// As it is now.
        ttl: Duration,
        /// As it is now.
        heartbeat: Duration,
        /// As it is now.
        typing: Duration,
    },
    /// A reader fell behind its queue; it gets a fresh snapshot.
    StreamLagged,
    /// A stream began.
    StreamOpened,
    /// A stream ended.
    StreamClosed,
    /// A handler panicked; that request alone failed.
    Panicked,
}

/// Figures since the start, read by tests and, later, by metrics.
#[derive(Debug, Default)]
pub struct Figures {
    /// Statements that carried heartbeats.
    pub heartbeat_batches: AtomicU64,
    /// Heartbeats in them.
    pub heartbeats: AtomicU64,
    /// Statements that read rooms.
    pub reads: AtomicU64,
    /// Sessions that the reaper ended.
    pub reaped: AtomicU64,
    /// Streams that are open now.
    pub streams: AtomicU64,
    /// Streams that fell behind.
    pub lagged: AtomicU64,
    /// Handlers that panicked.
    pub panics: AtomicU64,
}

/// Takes note. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Observer {
    figures: Arc<Figures>,
    signals: broadcast::Sender<Observation>,
}

impl Default for Observer {
    fn default() -> Self {
        Self {
            figures: Arc::default(),
            signals: broadcast::channel(SIGNALS_MAX).0,
        }
    }
}

impl Observer {
    /// Logs it, counts it, signals it.
    pub fn note(&self, observation: Observation) {
        self.count(&observation);
        match &observation {
            Observation::Batch { .. } | Observation::RoomsRead { .. } => tracing::trace!(?observation),
            Observation::Reaped { .. }
            | Observation::Evicted { .. }
            | Observation::StreamOpened
            | Observation::StreamClosed => {
                tracing::debug!(?observation);
            }
            Observation::ListenerConnected => tracing::info!("hearing changes"),
            Observation::StillListenersEnded { listeners } => {
                tracing::warn!(
                    listeners,
                    "ended the connections of listeners that stand still: a node is frozen or cut off"
                );
            }
            Observation::Recovered => tracing::info!("the database is back"),
            Observation::PutBack { sessions } => {
                tracing::warn!(
                    sessions,
                    "a new epoch: Postgres lost its unlogged data; sessions were put back"
                );
            }
            Observation::ListenerLost { cause } => tracing::warn!(cause, "not hearing changes"),
            Observation::Degraded { cause } => tracing::warn!(cause, "the database is away"),
            Observation::ReapFailed { cause } => tracing::warn!(cause, "expired sessions could not be ended"),
            Observation::CanaryMissed { missed } => tracing::warn!(missed, "a canary did not come back"),
            Observation::SettingsChanged {
                ttl,
                heartbeat,
                typing,
            } => {
                tracing::warn!(
                    ?ttl,
                    ?heartbeat,
                    ?typing,
                    "the settings of all nodes were changed"
                );
            }
            Observation::StreamLagged => tracing::info!("a slow reader gets a fresh snapshot"),
            Observation::Panicked => tracing::error!("a handler panicked"),
        }
        // Nobody listens outside tests.
        let _ = self.signals.send(observation);
    }

    /// Facts from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Observation> {
        self.signals.subscribe()
    }

    /// Figures since the start.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    fn count(&self, observation: &Observation) {
        let figures = &self.figures;
        let add = |figure: &AtomicU64, by: u64| figure.fetch_add(by, Ordering::Relaxed);
        match observation {
            Observation::Batch {
                kind: "heartbeat",
                items,
            } => {
                add(&figures.heartbeat_batches, 1);
                add(&figures.heartbeats, *items as u64);
            }
            Observation::RoomsRead { .. } => {
                add(&figures.reads, 1);
            }
            Observation::Reaped { sessions } => {
                add(&figures.reaped, u64::from(*sessions));
            }
            Observation::StreamOpened => {
                add(&figures.streams, 1);
            }
            Observation::StreamClosed => {
                figures.streams.fetch_sub(1, Ordering::Relaxed);
            }
            Observation::StreamLagged => {
                add(&figures.lagged, 1);
            }
            Observation::Panicked => {
                add(&figures.panics, 1);
            }
            _ => {}
        }
    }
}

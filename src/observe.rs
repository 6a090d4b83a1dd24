//! Noteworthy facts: the one source of logs, figures and test signals.

mod figures;
mod labels;
pub mod spans;
mod told;
mod totals;

use std::{sync::Arc, time::Duration};

use tokio::sync::broadcast;

use crate::domain::notice::Untold;

pub use self::{
    figures::{Figures, Moment},
    spans::Spans,
    totals::Totals,
};

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
    /// Joins and leaves were told to those who want to be told.
    EdgesExpanded {
        /// How many.
        edges: u32,
    },
    /// Joins and leaves could not be told: they wait.
    ExpandFailed {
        /// Why.
        cause: String,
        /// Those before it went well.
        is_first: bool,
    },
    /// So much waits to be told.
    Untold(Untold),
    /// A notification was put on the streams of its watcher.
    Notified {
        /// How many here.
        streams: usize,
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
    /// Keys that tokens are checked by were read, and differ from those before.
    KeysRead {
        /// Published ones that can be used.
        keys: usize,
    },
    /// They cannot be read; those that were read last go on.
    KeysUnreadable {
        /// Why.
        cause: String,
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
    /// The endpoint of a webhook was told something, or could not be.
    WebhookAnswered {
        /// Whether it took it.
        is_taken: bool,
    },
    /// An endpoint is told nothing more: it failed for long, or wants no more.
    WebhookDisabled {
        /// Its number.
        webhook: i64,
    },
}

/// Takes note. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Observer {
    figures: Arc<Figures>,
    signals: broadcast::Sender<Observation>,
    spans: Spans,
}

impl Default for Observer {
    fn default() -> Self {
        Self {
            figures: Arc::default(),
            signals: broadcast::channel(SIGNALS_MAX).0,
            spans: Spans::default(),
        }
    }
}

impl Observer {
    /// One that tells a collector of spans as well.
    pub fn with_spans(spans: Spans) -> Self {
        Self {
            spans,
            ..Self::default()
        }
    }

    /// Spans; off unless a collector was named.
    pub fn spans(&self) -> &Spans {
        &self.spans
    }

    /// Logs it, counts it, signals it.
    pub fn note(&self, observation: Observation) {
        self.figures.count(&observation);
        match &observation {
            Observation::Batch { .. } | Observation::RoomsRead { .. } => tracing::trace!(?observation),
            Observation::Reaped { .. }
            | Observation::Evicted { .. }
            | Observation::StreamOpened
            | Observation::StreamClosed => tracing::debug!(?observation),
            Observation::EdgesExpanded { .. }
            | Observation::ExpandFailed { .. }
            | Observation::Untold(_)
            | Observation::Notified { .. }
            | Observation::WebhookAnswered { .. }
            | Observation::WebhookDisabled { .. } => told::log(&observation),
            Observation::ListenerConnected => tracing::info!("hearing changes"),
            Observation::StillListenersEnded { listeners } => {
                tracing::warn!(
                    listeners,
                    "ended the connections of listeners that stand still: a node is frozen or cut off"
                );
            }
            Observation::KeysRead { keys: 0 } => {
                tracing::warn!(
                    "the JWKS has no key that can be used: RS256, ES256 and EdDSA tokens are refused"
                );
            }
            Observation::KeysRead { keys } => tracing::info!(keys, "read the keys of tokens"),
            Observation::KeysUnreadable { cause } => {
                tracing::warn!(
                    cause,
                    "the keys of tokens cannot be read: the last good ones go on"
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
}

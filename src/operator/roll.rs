//! Tells the database of this node every few seconds, so that whoever looks at one node sees all of them.
//!
//! # Failure
//! What cannot be told is told the next time: meanwhile the node is listed as silent, which is true. A database that was
//! migrated by an earlier version has no place for it; then nobody lists it.

use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Vitals;
use crate::db::Db;

/// Three of these without a word, and a node counts as silent; see `domain::overview::SILENT_MS`.
const INTERVAL: Duration = Duration::from_secs(5);
/// The same while it is not ready: that it has become so is told soon.
const INTERVAL_UNREADY: Duration = Duration::from_secs(1);
/// A node that stops waits no longer for its last word.
const LAST_WORD_MAX: Duration = Duration::from_millis(500);

/// Tells until it is told to stop.
pub struct RollCall {
    /// The way to Postgres.
    pub db: Db,
    /// What to tell.
    pub vitals: Vitals,
}

impl RollCall {
    /// Runs until `shutdown`, and says then that the node is gone.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        loop {
            let is_ready = tokio::select! {
                is_ready = self.tell() => is_ready,
                () = shutdown.cancelled() => break,
            };
            let pause = if is_ready { INTERVAL } else { INTERVAL_UNREADY };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = shutdown.cancelled() => break,
            }
        }
        let gone = self.db.node_gone(self.vitals.node());
        // Nothing hangs on it: a silent node is forgotten by itself.
        drop(tokio::time::timeout(LAST_WORD_MAX, gone).await);
        Ok(())
    }

    /// Says whether the node was ready.
    async fn tell(&self) -> bool {
        self.vitals.measure();
        let now = self.vitals.now();
        let figures = json!(now);
        let told = self.db.node_beat(
            self.vitals.node(),
            env!("CARGO_PKG_VERSION"),
            self.vitals.uptime_ms(),
            &figures,
        );
        // Whether the database is there is the reaper's and the relay's to say.
        if let Err(error) = told.await {
            tracing::debug!(%error, "this node could not be told of");
        }
        now.is_ready
    }
}

//! Calls `presence.evict` twice a second, so that presence ends where the application's own tables say so. No rule is
//! here.
//!
//! # Failure
//! A call that fails is made again at the next tick: the queue is in the database.

use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::{
    db::Db,
    observe::{Observation, Observer},
};

/// Longer, and a participant who was removed is seen for longer than a second.
const INTERVAL: Duration = Duration::from_millis(500);

/// Evicts until it is told to stop.
pub struct Evictor {
    /// The way to Postgres.
    pub db: Db,
    /// Told of what happens.
    pub observer: Observer,
}

impl Evictor {
    /// Runs until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = shutdown.cancelled() => return Ok(()),
            }
            match self.db.evict().await {
                Ok(0) => {}
                Ok(sessions) => self.observer.note(Observation::Evicted { sessions }),
                // Whether the database is there is the reaper's and the relay's to say.
                Err(error) => tracing::debug!(%error, "the eviction queue could not be read"),
            }
        }
    }
}

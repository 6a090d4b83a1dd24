//! Calls `presence.reap` at its interval, so that time becomes a change in one place. No rule is here.
//!
//! Every node calls; an advisory lock lets one do it. A full call is followed by the next at once.
//!
//! # Failure
//! A call that fails is told to `health` and made again an interval later: leases end late, never wrongly.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{
    db::Db,
    health::Health,
    observe::{Observation, Observer},
};

/// Rows of one call: bounds how long its rooms stay locked.
const ROWS_MAX: u32 = 5_000;

/// Reaps until it is told to stop.
pub struct Reaper {
    /// The way to Postgres.
    pub db: Db,
    /// How often.
    pub interval: Duration,
    /// Somebody knows that a lease ends now.
    pub wake: Arc<Notify>,
    /// Told whether it goes well.
    pub health: Health,
    /// Told of what happens.
    pub observer: Observer,
}

impl Reaper {
    /// Runs until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.wake.notified() => {}
                () = shutdown.cancelled() => return Ok(()),
            }
            while self.reap().await == ROWS_MAX && !shutdown.is_cancelled() {}
        }
    }

    async fn reap(&self) -> u32 {
        match self.db.reap(ROWS_MAX as i32).await {
            Ok(ended) => {
                self.health.set_reaping(true);
                let ended = ended.unwrap_or(0); // none: another node is at it
                if ended > 0 {
                    self.observer.note(Observation::Reaped { sessions: ended });
                }
                ended
            }
            Err(error) => {
                self.health.set_reaping(false);
                self.observer.note(Observation::ReapFailed {
                    cause: error.to_string(),
                });
                0
            }
        }
    }
}

//! The task that renews what streams hold and gives back what they held: when, and what is done with the answers. What is
//! held is in the book of [`Leases`], and nothing else is remembered here.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::{AGAIN, BUSY, Leases, Return};
use crate::{
    db::{Db, Hold, Installed},
    domain::limits::BATCH_ITEMS_MAX,
    planted::{self, Bug},
    relay::RelayHandle,
};

/// How often what is due is looked for.
const TICK: Duration = Duration::from_millis(200);
/// Such a part of the heartbeat interval is what is renewed ahead of its time.
const AHEAD: u32 = 20;

/// Renews and gives back until it is told to stop.
pub struct LeaseKeeper {
    /// What is held.
    pub leases: Leases,
    /// The way to Postgres.
    pub db: Db,
    /// Settings in force: how often, how long.
    pub installed: watch::Receiver<Installed>,
    /// How long a client that gave no sign of life is renewed.
    pub silence_max: Duration,
    /// Wakes the reaper where a grace is over.
    pub wake_reaper: Arc<Notify>,
    /// Told of streams whose user was logged out.
    pub relay: RelayHandle,
}

impl LeaseKeeper {
    /// Runs until `shutdown`. A node that stops gives nothing back: its clients come back elsewhere.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let changed = self.leases.changed.clone();
        loop {
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                () = changed.notified() => {}
                () = shutdown.cancelled() => return Ok(()),
            }
            self.give_back().await;
            self.renew().await;
        }
    }

    async fn renew(&self) {
        let heartbeat = self.installed.borrow().settings.heartbeat;
        let mut due = self.leases.due(Instant::now(), heartbeat / AHEAD);
        due.sort_by_key(|hold| !hold.take); // a stream waits for those
        for holds in due.chunks(BATCH_ITEMS_MAX) {
            match self.db.hold_batch(holds, self.silence_max).await {
                Ok(outcomes) => {
                    for (hold, outcome) in holds.iter().zip(outcomes) {
                        let next = Instant::now() + heartbeat.mul_f64(spread(hold));
                        if let Some(stream) = self.leases.note(hold, outcome, next) {
                            self.relay.log_out(stream);
                        }
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "leases that streams hold could not be renewed");
                    self.leases.put_off(holds, Instant::now() + AGAIN);
                }
            }
            self.leases.answered.notify_waiters();
        }
    }

    async fn give_back(&self) {
        let returns = self.leases.take_returns(Instant::now());
        for batch in returns.chunks(BATCH_ITEMS_MAX) {
            let holds: Vec<Hold> = batch.iter().map(|item| item.hold.clone()).collect();
            let is_graceless = planted::is(Bug::NoGrace);
            let grace = if is_graceless {
                Duration::ZERO
            } else {
                self.leases.grace
            };
            let closed: Vec<Duration> = batch.iter().map(|item| item.since.elapsed()).collect();
            let answer = self.db.release_batch(&holds, &closed, grace).await;
            let now = Instant::now();
            let due = now + if answer.is_ok() { BUSY } else { AGAIN };
            let done = answer.unwrap_or_else(|_| vec![false; batch.len()]);
            let ttl = self.installed.borrow().settings.ttl;
            let open = batch
                .iter()
                .zip(done)
                .filter(|(item, done)| !done && item.since + ttl > now);
            let open = open.map(|(item, _)| Return { due, ..item.clone() });
            self.leases.lock().returns.extend(open);
            self.wake_reaper_after(grace);
        }
    }

    fn wake_reaper_after(&self, grace: Duration) {
        let reaper = self.wake_reaper.clone();
        tokio::spawn(async move {
            tokio::time::sleep(grace).await;
            reaper.notify_one();
        });
    }
}

/// Where in the interval a lease is renewed: 0.8 to 1.2, so that what began together does not stay in step.
pub(super) fn spread(hold: &Hold) -> f64 {
    let bytes = hold.key.session.as_u128() as u64 ^ hold.holder.as_u128() as u64;
    0.8 + 0.4 * (bytes.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64 / (1u64 << 24) as f64
}

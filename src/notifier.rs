//! Tells watchers: has joins turned into notifications, and puts new ones on their streams. No rule is here: who is told of
//! whom is decided by `presence.expand_edges`, which lets one node at a time do it, and by what is read for streams.
//!
//! A ring, or the end of a call of its own, says that there may be new ones; this node asks whom they are for, and what
//! they say where one of these has a stream here. It remembers the last that it saw, and nothing else.
//!
//! # Failure
//! A call that fails is made again a pause later, for fewer joins: they wait in the database, and so do notifications.
//! The first failure is a warning; how many wait, and for how long, is among the figures. Without rings new
//! ones are looked for every few seconds.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{
    db::Db,
    domain::UserId,
    error::Result,
    hub::{frame, notices::Notices},
    observe::{Observation, Observer},
};

/// How often joins are looked for where somebody watches. Longer, and who waits for somebody waits for longer than a
/// second.
const EXPAND: Duration = Duration::from_millis(250);
/// The same where nobody does.
const IDLE: Duration = Duration::from_secs(1);
/// How often it is looked up how much waits to be told, for figures.
const WAITING: Duration = Duration::from_secs(15);
/// How often new notifications are looked for though nobody rang.
const LOOK: Duration = Duration::from_secs(5);
/// They are looked for so often at most, however often somebody rings.
const LOOK_GAP: Duration = Duration::from_millis(50);
/// Notifications of one question for what they say: bounds its statement.
const IDS_MAX: usize = 1000;
/// As many rows as one answer has: then there may be more.
const PAGE: usize = 10_000;

/// How many joins and leaves one call takes. A call that takes too long is given up by the server, and would be for ever
/// if it were made again as it was: fewer are taken then, down to one, and more again as long as that goes well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portion(i32);

impl Default for Portion {
    fn default() -> Self {
        Self(Self::MAX)
    }
}

impl Portion {
    /// More would hold endpoints of webhooks for longer.
    const MAX: i32 = 1000;

    /// Rows.
    pub fn rows(self) -> i32 {
        self.0
    }

    /// A call of so many went well.
    pub fn grow(&mut self) {
        self.0 = (self.0 * 2).min(Self::MAX);
    }

    /// One failed; whether fewer may do.
    pub fn shrink(&mut self) -> bool {
        let was = self.0;
        self.0 = (was / 4).max(1);
        was > 1
    }
}

/// Tells watchers until it is told to stop.
pub struct Notifier {
    /// The way to Postgres.
    pub db: Db,
    /// The streams of this node.
    pub notices: Notices,
    /// Who is away for less was not away.
    pub grace: Duration,
    /// The last notification that was looked at: of those before it no stream of this node is told.
    pub seen: i64,
    /// How many joins and leaves the next call takes.
    pub portion: Portion,
    /// The last call failed: the database may have been away, or lost its last moments.
    pub is_lost: bool,
    /// Told of what happens.
    pub observer: Observer,
}

impl Notifier {
    /// Runs until `shutdown`.
    pub async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut looked_at = Instant::now();
        let (mut expand_at, mut look_at) = (looked_at, looked_at);
        let mut waiting = tokio::time::interval(WAITING);
        waiting.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(expand_at) => {
                    let (pause, has_told) = self.expand().await;
                    expand_at = Instant::now() + pause;
                    if has_told {
                        look_at = looked_at + LOOK_GAP;
                    }
                }
                () = tokio::time::sleep_until(look_at) => {
                    if let Err(error) = self.look().await {
                        tracing::debug!(%error, "new notifications could not be read");
                    }
                    looked_at = Instant::now();
                    look_at = looked_at + LOOK;
                }
                _ = waiting.tick() => {
                    if let Ok(waiting) = self.db.untold().await {
                        self.observer.note(Observation::Untold(waiting));
                    }
                }
                () = self.notices.rung() => look_at = look_at.min(looked_at + LOOK_GAP),
                () = shutdown.cancelled() => return Ok(()),
            }
        }
    }

    /// When to come again, and whether somebody may have been told.
    async fn expand(&mut self) -> (Duration, bool) {
        match self.expand_once().await {
            Ok(Some(edges @ 1..)) => {
                self.portion.grow();
                self.observer.note(Observation::EdgesExpanded {
                    edges: edges.unsigned_abs(),
                });
                (Duration::ZERO, true) // there may be more
            }
            Ok(Some(0)) => {
                self.portion.grow();
                (EXPAND, false)
            }
            Ok(Some(_)) => (EXPAND, false), // another node is at it
            Ok(None) => (IDLE, false),
            Err(error) => {
                let was_well = !std::mem::replace(&mut self.is_lost, true);
                self.observer.note(Observation::ExpandFailed {
                    cause: error.to_string(),
                    is_first: was_well && self.portion == Portion::default(), // not of each portion that is too large
                });
                let pause = if self.portion.shrink() { EXPAND } else { IDLE };
                (pause, false)
            }
        }
    }

    /// A crash of Postgres may lose the last notifications, and their ids are given again: what was seen of them then is
    /// none of those to come.
    async fn expand_once(&mut self) -> Result<Option<i32>> {
        if self.is_lost {
            self.seen = self.seen.min(self.db.last_notification().await?);
        }
        let took = self.db.expand_edges(self.portion.rows(), self.grace).await?;
        self.is_lost = false;
        Ok(took)
    }

    /// Puts what is new on streams.
    async fn look(&mut self) -> Result<()> {
        loop {
            let found = self.db.notified_since(self.seen).await?;
            self.tell(&found).await?;
            self.seen = found.last().map_or(self.seen, |(id, _)| *id);
            if found.len() < PAGE {
                return Ok(());
            }
        }
    }

    async fn tell(&self, found: &[(i64, UserId)]) -> Result<()> {
        let here = found.iter().filter(|(_, user)| self.notices.has(user));
        let ids: Vec<i64> = here.map(|(id, _)| *id).collect();
        for ids in ids.chunks(IDS_MAX) {
            for (watcher, notification) in self.db.new_notifications(ids).await? {
                let streams = self
                    .notices
                    .push(&watcher, &frame::of_notification(&notification));
                self.observer.note(Observation::Notified { streams });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portion_that_is_too_large_gets_smaller_down_to_one_and_grows_again() {
        let mut portion = Portion::default();
        let mut rows = vec![portion.rows()];
        while portion.shrink() {
            rows.push(portion.rows());
        }
        assert_eq!(rows, [1000, 250, 62, 15, 3, 1]);

        for _ in 0..12 {
            portion.grow();
        }
        assert_eq!(portion, Portion::default());
    }
}

//! Tells watchers: has joins turned into notifications, and puts new ones on their streams. No rule is here: who is told of
//! whom is decided by `presence.expand_edges`, which lets one node at a time do it, and by what is read for streams.
//!
//! A ring, or the end of a call of its own, says that there may be new ones; this node asks whom they are for, and what
//! they say where one of these has a stream here. It remembers the last that it saw, and nothing else.
//!
//! # Failure
//! A call that fails is made again a pause later: joins wait in the database, and so do notifications. Without rings new
//! ones are looked for every few seconds.

use std::time::Duration;

use tokio::time::Instant;
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
/// How often new notifications are looked for though nobody rang.
const LOOK: Duration = Duration::from_secs(5);
/// They are looked for so often at most, however often somebody rings.
const LOOK_GAP: Duration = Duration::from_millis(50);
/// Notifications of one question for what they say: bounds its statement.
const IDS_MAX: usize = 1000;
/// As many rows as one answer has: then there may be more.
const PAGE: usize = 10_000;

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
    /// Told of what happens.
    pub observer: Observer,
}

impl Notifier {
    /// Runs until `shutdown`.
    pub async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut looked_at = Instant::now();
        let (mut expand_at, mut look_at) = (looked_at, looked_at);
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
                () = self.notices.rung() => look_at = look_at.min(looked_at + LOOK_GAP),
                () = shutdown.cancelled() => return Ok(()),
            }
        }
    }

    /// When to come again, and whether somebody may have been told.
    async fn expand(&self) -> (Duration, bool) {
        match self.db.expand_edges(self.grace).await {
            Ok(Some(edges @ 1..)) => {
                self.observer.note(Observation::EdgesExpanded {
                    edges: edges.unsigned_abs(),
                });
                (Duration::ZERO, true) // there may be more
            }
            Ok(Some(_)) => (EXPAND, false),
            Ok(None) => (IDLE, false),
            // Whether the database is there is the reaper's and the relay's to say.
            Err(error) => {
                tracing::debug!(%error, "joins could not be told to those who watch");
                (IDLE, false)
            }
        }
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

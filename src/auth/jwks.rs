//! Keys that are published elsewhere: read at the start, again every so often, and once more where a token names one
//! that is not known.
//!
//! ```text
//!            ┌────────── every refresh; after a failure every 5 s ──────────┐
//!  start ──► read ──► publish what differs ──► wait ◄── a request: unknown key, cool-down over
//!              └─ fails: keep the last good keys, say so
//! ```
//!
//! A set that was read replaces the one before it: a key that is not in it any more is good for nothing, at once.
//!
//! # Failure
//! The provider away, slow, or talking nonsense: the last good keys stay, for as long as it takes. Where none were ever
//! read and there is no secret either, this node is not ready.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::keys::{self, Key, KeySet};
use crate::{
    config::KeySource,
    error::Result,
    health::Health,
    observe::{Observation, Observer},
    outgoing::{CALL_MAX, Outgoing},
};

/// Between two reads that requests ask for. Shorter, and strangers with made-up keys have us ask the provider all the
/// time; longer, and a key that was rotated in the shadow of one is refused for longer.
const COOL_DOWN: Duration = Duration::from_secs(30);
/// After a read that failed.
const RETRY: Duration = Duration::from_secs(5);
/// A file of keys may have so many bytes, as the body of an answer.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// What requests see of it. Cheap to clone.
#[derive(Clone)]
pub struct Keys {
    current: watch::Receiver<Arc<KeySet>>,
    /// None: the secret is all there is.
    asking: Option<Asking>,
}

#[derive(Clone)]
struct Asking {
    rounds: watch::Receiver<Round>,
    wanted: Arc<Notify>,
    cool_down: Duration,
}

/// Reads so far.
#[derive(Debug, Clone, Copy, Default)]
struct Round {
    number: u64,
    /// When the last one ended that a request had asked for.
    asked_at: Option<Instant>,
}

impl Round {
    fn is_cool(&self, cool_down: Duration) -> bool {
        self.asked_at.is_none_or(|at| at.elapsed() >= cool_down)
    }
}

impl Keys {
    /// A secret alone.
    pub fn fixed(secret: &[u8]) -> Self {
        let keys = KeySet::new([Key::secret(secret)]);
        Self {
            // The sender may go: what it sent stays.
            current: watch::channel(Arc::new(keys)).1,
            asking: None,
        }
    }

    /// As they are now.
    pub fn current(&self) -> Arc<KeySet> {
        self.current.borrow().clone()
    }

    /// Returns once the keys are others; never, where they cannot change.
    pub async fn changed(&mut self) {
        if self.current.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// Has them read once more, unless that was just done, and waits for it. Whether it was worth it: look again.
    pub async fn read_again(&self) -> bool {
        let Some(asking) = &self.asking else {
            return false;
        };
        let mut rounds = asking.rounds.clone();
        let seen = *rounds.borrow_and_update();
        if !seen.is_cool(asking.cool_down) {
            return false;
        }
        asking.wanted.notify_one();
        // One that is under way counts as well as the next one; twice the bound is time enough for both.
        let next = rounds.wait_for(|round| round.number > seen.number);
        matches!(timeout(CALL_MAX * 2, next).await, Ok(Ok(_)))
    }
}

enum Source {
    File(PathBuf),
    Url(Outgoing),
}

/// Reads the keys, and goes on reading them.
pub struct KeysTask {
    source: Source,
    secret: Option<Key>,
    refresh: Duration,
    current: watch::Sender<Arc<KeySet>>,
    rounds: watch::Sender<Round>,
    wanted: Arc<Notify>,
    health: Health,
    observer: Observer,
}

impl KeysTask {
    /// With the first read done: of a URL also where it failed, since a provider that is away comes back; a file that
    /// cannot be used is an error.
    pub async fn start(
        source: &KeySource,
        secret: Option<&[u8]>,
        refresh: Duration,
        health: Health,
        observer: Observer,
    ) -> Result<(Keys, Self), String> {
        let secret = secret.map(Key::secret);
        let (current, keys) = watch::channel(Arc::new(KeySet::new(secret.clone())));
        let (rounds, seen) = watch::channel(Round::default());
        let wanted = Arc::new(Notify::new());
        let task = Self {
            source: match source {
                KeySource::File(path) => Source::File(path.clone()),
                KeySource::Url(url) => Source::Url(Outgoing::new(url.clone())?),
            },
            secret,
            refresh,
            current,
            rounds,
            wanted: wanted.clone(),
            health,
            observer,
        };
        task.health.set_authenticating(task.secret.is_some());
        match (task.read().await, &task.source) {
            (Err(cause), Source::File(path)) => return Err(format!("{}: {cause}", path.display())),
            (read, _) => task.take(read),
        };
        let asking = Asking {
            rounds: seen,
            wanted,
            cool_down: COOL_DOWN.min(refresh),
        };
        let keys = Keys {
            current: keys,
            asking: Some(asking),
        };
        Ok((keys, task))
    }

    /// Until the token is cancelled.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        // Nodes that were started together do not ask together.
        let mut due = Instant::now() + self.refresh.mul_f64(0.5);
        loop {
            let is_asked_for = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = sleep_until(due) => false,
                () = self.wanted.notified() => true,
            };
            // Whoever asked while a read was under way has its answer.
            if is_asked_for && !self.rounds.borrow().is_cool(COOL_DOWN.min(self.refresh)) {
                continue;
            }
            let read = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                read = self.read() => read,
            };
            let is_good = self.take(read);
            due = Instant::now()
                + if is_good {
                    self.refresh
                } else {
                    RETRY.min(self.refresh)
                };
            self.rounds.send_modify(|round| {
                round.number += 1;
                if is_asked_for {
                    round.asked_at = Some(Instant::now());
                }
            });
        }
    }

    async fn read(&self) -> Result<Vec<Key>, String> {
        let document = match &self.source {
            Source::Url(provider) => provider.read().await?,
            Source::File(path) => {
                let size = tokio::fs::metadata(path)
                    .await
                    .map_err(|why| why.to_string())?
                    .len();
                if size > FILE_BYTES_MAX {
                    return Err(format!("it has more than {FILE_BYTES_MAX} bytes"));
                }
                tokio::fs::read(path).await.map_err(|why| why.to_string())?.into()
            }
        };
        keys::parse(&document).map_err(str::to_owned)
    }

    /// Whether there was something to take.
    fn take(&self, read: Result<Vec<Key>, String>) -> bool {
        let keys = match read {
            Ok(keys) => keys,
            Err(cause) => {
                self.observer.note(Observation::KeysUnreadable { cause });
                return false;
            }
        };
        let published = keys.len();
        let keys = KeySet::new(self.secret.clone().into_iter().chain(keys));
        self.health.set_authenticating(keys.len() > 0);
        let is_new = self.current.send_if_modified(|current| {
            let differs = current.differs(&keys);
            *current = Arc::new(keys);
            differs
        });
        if is_new || published == 0 {
            self.observer.note(Observation::KeysRead { keys: published });
        }
        true
    }
}

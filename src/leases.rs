//! Leases that open streams of this node hold: renewed in bulk, spread over the heartbeat interval, and given back with a
//! grace when the stream closes. No rule of presence is here: Postgres says whether a stream still holds what it asks
//! for. A renewal never inserts, so a kick or a logout stays final, and who moved to another node is that node's.
//!
//! # Failure
//! A call that fails is made again a second later: a lease outlives two and a half heartbeats. What cannot be given back
//! within one TTL has run out by then. What is missing may have been lost with Postgres's unlogged data: the relay puts it
//! back, or its client comes back by a heartbeat; as long as the stream is open it is asked for again, often at first.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;
use uuid::Uuid;

mod keeper;

pub use keeper::LeaseKeeper;

use crate::{
    db::Hold,
    domain::{BeatKey, Held},
    error::{Error, RETRY_AFTER, Result},
    hub::StreamId,
    known::Known,
    planted::{self, Bug},
};

/// When an item whose session somebody changes is tried again.
const BUSY: Duration = Duration::from_millis(50);
/// When a call that failed is made again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long a session that is missing is asked for often: longer than any node needs to put back what was lost.
const MISSING_MAX: Duration = Duration::from_secs(30);
/// How long an opening stream waits until it holds what it is to hold.
const TAKE_MAX: Duration = Duration::from_secs(3);

#[derive(Debug)]
struct Lease {
    hold: Hold,
    stream: StreamId,
    due: Instant,
    /// Since when the session has been missing.
    missing_since: Option<Instant>,
}

/// A lease to be given back.
#[derive(Debug, Clone)]
struct Return {
    hold: Hold,
    since: Instant,
    due: Instant,
}

#[derive(Debug, Default)]
struct Book {
    leases: HashMap<BeatKey, Lease>,
    streams: HashMap<StreamId, Vec<BeatKey>>,
    returns: Vec<Return>,
}

impl Book {
    /// To be given back at once.
    fn give_back(&mut self, hold: Hold) {
        let now = Instant::now();
        let (since, due) = (now, now);
        self.returns.push(Return { hold, since, due });
    }
}

/// The streams' side. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Leases {
    /// Guards the book alone; held for look-ups, never across an await.
    book: Arc<Mutex<Book>>,
    /// There is something to renew or to give back.
    changed: Arc<Notify>,
    /// A call was answered.
    answered: Arc<Notify>,
    /// What could be put back after a loss.
    known: Known,
    grace: Duration,
}

impl Leases {
    /// None yet. `grace`: how long a lease outlives its stream.
    pub fn new(known: Known, grace: Duration) -> Self {
        Self {
            known,
            grace,
            ..Self::default()
        }
    }

    /// The stream holds these from now on; another stream of this node that held one of them holds it no more.
    pub fn hold(&self, stream: StreamId, keys: Vec<BeatKey>) {
        if keys.is_empty() {
            return;
        }
        let (holder, due) = (Uuid::new_v4(), Instant::now());
        let mut book = self.lock();
        for key in &keys {
            let hold = Hold {
                key: key.clone(),
                holder,
                take: true,
            };
            self.known.hold(key, holder);
            let missing_since = None;
            let lease = Lease {
                hold,
                stream,
                due,
                missing_since,
            };
            book.leases.insert(key.clone(), lease);
        }
        book.streams.entry(stream).or_default().extend(keys);
        drop(book);
        self.changed.notify_one();
    }

    /// The stream holds these as soon as they join: their user is invisible at present, and a renewal never joins.
    pub fn wait_for(&self, stream: StreamId, keys: Vec<BeatKey>) {
        if keys.is_empty() {
            return;
        }
        let now = Instant::now();
        let mut book = self.lock();
        for key in &keys {
            let hold = Hold {
                key: key.clone(),
                holder: Uuid::new_v4(),
                take: false,
            };
            let lease = Lease {
                hold,
                stream,
                due: now + AGAIN,
                missing_since: Some(now),
            };
            book.leases.insert(key.clone(), lease);
        }
        book.streams.entry(stream).or_default().extend(keys);
    }

    /// Waits until the database knows what this stream holds: from then on it is told from streams that were opened
    /// before and from those that are opened later, on whatever node.
    pub async fn taken(&self, stream: StreamId) -> Result<()> {
        let taken = async {
            loop {
                let answered = self.answered.notified();
                tokio::pin!(answered);
                answered.as_mut().enable(); // what is answered from here on is not missed
                if !self.is_taking(stream) {
                    return;
                }
                answered.await;
            }
        };
        let taken = tokio::time::timeout(TAKE_MAX, taken).await;
        if taken.is_err() || self.has_lost(stream) {
            return Err(Error::Unavailable(RETRY_AFTER));
        }
        Ok(())
    }

    /// A stream that joined and never came to be: its sessions have a grace, unless another stream holds them.
    pub fn give_up(&self, keys: Vec<BeatKey>) {
        let mut book = self.lock();
        for key in keys {
            let (holder, take) = (Uuid::new_v4(), false);
            if !book.leases.contains_key(&key) {
                self.known.release(&key, Instant::now() + self.grace);
            }
            book.give_back(Hold { key, holder, take });
        }
        drop(book);
        self.changed.notify_one();
    }

    /// The stream was refused: these were there without it, and last as long as they were told.
    pub fn leave_alone(&self, stream: StreamId, keys: &[BeatKey]) {
        let mut book = self.lock();
        book.leases
            .retain(|key, lease| lease.stream != stream || !keys.contains(key));
    }

    /// The stream is gone: what it still holds is given back.
    pub fn release(&self, stream: StreamId) {
        let mut book = self.lock();
        for key in book.streams.remove(&stream).unwrap_or_default() {
            if book.leases.get(&key).is_none_or(|lease| lease.stream != stream) {
                continue;
            }
            if let Some(lease) = book.leases.remove(&key) {
                self.known.release(&key, Instant::now() + self.grace);
                if planted::is(Bug::NeverGiveBack) {
                    continue;
                }
                book.give_back(lease.hold);
            }
        }
        drop(book);
        self.changed.notify_one();
    }

    /// Whether a stream of this node renews this session's lease.
    pub fn is_held(&self, key: &BeatKey) -> bool {
        let book = self.lock();
        let lease = book.leases.get(key);
        lease.is_some_and(|lease| lease.missing_since.is_none())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().leases.len()
    }

    /// Whether something that the stream was to hold had ended before it took hold: the client is to try again.
    fn has_lost(&self, stream: StreamId) -> bool {
        let book = self.lock();
        let mut keys = book.streams.get(&stream).into_iter().flatten();
        keys.any(|key| !book.leases.contains_key(key))
    }

    fn is_taking(&self, stream: StreamId) -> bool {
        let book = self.lock();
        let mut keys = book.streams.get(&stream).into_iter().flatten();
        keys.any(|key| {
            let lease = book.leases.get(key);
            lease.is_some_and(|lease| lease.stream == stream && lease.hold.take)
        })
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be renewed now; where that is something, also what is due within `ahead`, so that calls are few. Whoever
    /// begins to hold something waits for the answer, and is not made to wait for others.
    fn due(&self, now: Instant, ahead: Duration) -> Vec<Hold> {
        let book = self.lock();
        let is_due = |lease: &Lease| lease.due <= now;
        let is_renewed = book
            .leases
            .values()
            .any(|lease| !lease.hold.take && is_due(lease));
        let until = if is_renewed { now + ahead } else { now };
        let is_next = |lease: &Lease| !lease.hold.take && lease.missing_since.is_none() && lease.due <= until;
        let due = book
            .leases
            .values()
            .filter(|lease| is_due(lease) || is_next(lease));
        let due = due.filter(|lease| lease.hold.take || !planted::is(Bug::NeverRenew));
        due.map(|lease| lease.hold.clone()).collect()
    }

    /// Takes what is to be given back now.
    fn take_returns(&self, now: Instant) -> Vec<Return> {
        self.lock()
            .returns
            .extract_if(.., |item| item.due <= now)
            .collect()
    }

    /// What became of one renewal; the stream, where its user was logged out.
    fn note(&self, hold: &Hold, outcome: Held, next: Instant) -> Option<StreamId> {
        let mut book = self.lock();
        let lease = book.leases.get_mut(&hold.key)?;
        if lease.hold.holder != hold.holder {
            return None; // another stream took it meanwhile
        }
        let (stream, now) = (lease.stream, Instant::now());
        match outcome {
            Held::Held => {
                if lease.missing_since.is_some() {
                    self.known.hold(&hold.key, hold.holder);
                }
                (lease.due, lease.hold.take, lease.missing_since) = (next, false, None);
                self.known.heard([&hold.key].into_iter(), now);
            }
            Held::Busy => lease.due = now + BUSY,
            // A stream that is still to take hold has joined just now: it is to be told that this came to nothing.
            Held::Missing if !hold.take => {
                let since = *lease.missing_since.get_or_insert(now);
                let is_new = now.duration_since(since) < MISSING_MAX;
                lease.due = if is_new { now + AGAIN } else { next };
            }
            Held::Missing => _ = book.leases.remove(&hold.key),
            Held::Gone | Held::LoggedOut => {
                book.leases.remove(&hold.key);
                self.known.forget([&hold.key].into_iter());
            }
        }
        (outcome == Held::LoggedOut).then_some(stream)
    }

    fn put_off(&self, holds: &[Hold], until: Instant) {
        let mut book = self.lock();
        for hold in holds {
            if let Some(lease) = book.leases.get_mut(&hold.key)
                && lease.hold.holder == hold.holder
            {
                lease.due = until;
            }
        }
    }
}

#[cfg(test)]
mod tests;

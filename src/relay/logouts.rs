//! Whose login ended: all streams of a user that were open before a logout end with it, also those that hold no session.
//!
//! Postgres remembers a logout for a day, and rings a name that no room has. A stream's first look says what is old news;
//! whatever differs from it later is a logout. No clock of this node is compared with the database's. A logout that is
//! committed and still in the queue is old news too: whoever opens a stream then has logged in again.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use super::{LOGGED_OUT, Relay};
use crate::{
    domain::{Stamp, UserId},
    error::Result,
    hub::StreamId,
};

/// All users are looked at so often at most, however often somebody rings for it.
const GAP: Duration = Duration::from_secs(1);
/// Users of one look: rooms wait for it.
const USERS_MAX: usize = 1000;

/// When its user was logged out last; none: not looked at yet.
type Login = Option<Option<Stamp>>;

/// The open streams, by user.
#[derive(Debug, Default)]
pub(super) struct Logins {
    users: HashMap<UserId, HashMap<StreamId, Login>>,
    streams: HashMap<StreamId, UserId>,
    /// Of whom a stream was not looked at yet.
    unknown: HashSet<UserId>,
    /// Who is still to be looked at of all.
    waiting: Vec<UserId>,
    is_rung: bool,
    rung_at: Option<Instant>,
}

impl Logins {
    pub(super) fn open(&mut self, stream: StreamId, user: &UserId) {
        self.streams.insert(stream, user.clone());
        self.users.entry(user.clone()).or_default().insert(stream, None);
        self.unknown.insert(user.clone());
    }

    pub(super) fn close(&mut self, stream: StreamId) {
        let Some(user) = self.streams.remove(&stream) else {
            return;
        };
        if let Some(streams) = self.users.get_mut(&user) {
            streams.remove(&stream);
            if streams.is_empty() {
                self.users.remove(&user);
            }
        }
    }

    /// The user of this stream was logged out, or may have been: whether it is of before is found at once.
    pub(super) fn doubt(&mut self, stream: StreamId) {
        self.unknown.extend(self.streams.get(&stream).cloned());
    }

    /// Somebody was logged out, or may have been.
    pub(super) fn ring(&mut self) {
        self.is_rung = true;
    }

    /// When there is somebody to be looked at; what has passed is due now.
    pub(super) fn due_at(&self, now: Instant) -> Option<Instant> {
        if !self.unknown.is_empty() || !self.waiting.is_empty() {
            return Some(now);
        }
        let is_due = self.is_rung && !self.users.is_empty();
        is_due.then(|| self.rung_at.map_or(now, |at| at + GAP))
    }

    /// Whom to look at now: at once those who are new, and some of all the others.
    fn plan(&mut self, now: Instant) -> Vec<UserId> {
        if self.is_rung && self.waiting.is_empty() && self.rung_at.is_none_or(|at| now >= at + GAP) {
            self.is_rung = false;
            self.rung_at = Some(now);
            self.waiting = self.users.keys().cloned().collect();
        }
        let mut users: Vec<UserId> = self.unknown.drain().collect();
        let some = self.waiting.len().saturating_sub(USERS_MAX);
        users.extend(self.waiting.drain(some..));
        users
    }

    /// It could not be done.
    fn undo(&mut self, users: Vec<UserId>) {
        self.unknown.extend(users);
    }

    /// What was found; the streams that end.
    fn apply(&mut self, users: &[UserId], found: &HashMap<UserId, Stamp>) -> Vec<StreamId> {
        let mut over = vec![];
        for user in users {
            let at = found.get(user).copied();
            for (stream, login) in self.users.get_mut(user).into_iter().flatten() {
                if login.is_some_and(|before| at.is_some() && at != before) {
                    over.push(*stream);
                }
                *login = Some(at.or(login.flatten()));
            }
        }
        over
    }
}

impl Relay {
    /// Ends the streams of those who were logged out; before a new stream is told anything its user is looked at.
    pub(super) async fn look_at_logins(&mut self, now: Instant) -> Result<()> {
        let users = self.logins.plan(now);
        if users.is_empty() {
            return Ok(());
        }
        match self.db.logged_out_at(&users).await {
            Ok(found) => {
                for stream in self.logins.apply(&users, &found) {
                    self.streams.end(stream, LOGGED_OUT);
                }
                Ok(())
            }
            Err(error) => {
                self.logins.undo(users);
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    fn at(second: i64) -> Stamp {
        Stamp(OffsetDateTime::from_unix_timestamp(second).expect("a moment"))
    }

    #[test]
    fn streams_that_were_open_before_a_logout_end_and_later_ones_do_not() {
        let (mut logins, begin) = (Logins::default(), Instant::now());
        let [alice, bob] = ["alice", "bob"].map(UserId::trusted);
        let before = HashMap::from([(alice.clone(), at(1))]);
        logins.open(1, &alice);
        logins.open(2, &bob);
        let asked = logins.plan(begin);
        assert!(logins.apply(&asked, &before).is_empty(), "old news");

        logins.ring();
        logins.open(3, &alice);
        let asked = logins.plan(begin);
        let after = HashMap::from([(alice.clone(), at(2)), (bob.clone(), at(2))]);
        let mut over = logins.apply(&asked, &after);

        over.sort_unstable();
        assert_eq!(over, [1, 2]);
        logins.ring();
        assert_eq!(logins.due_at(begin), Some(begin + GAP));
        assert!(logins.plan(begin).is_empty(), "a flood of rings");
        let later = logins.plan(begin + GAP);
        assert!(logins.apply(&later, &after).is_empty());
        assert!(
            logins.apply(&later, &HashMap::new()).is_empty(),
            "forgotten after a day"
        );
    }

    #[test]
    fn of_streams_that_are_closed_nobody_is_looked_at() {
        let (mut logins, now) = (Logins::default(), Instant::now());
        let alice = UserId::trusted("alice");
        logins.open(1, &alice);
        let asked = logins.plan(now);
        logins.undo(asked);
        assert_eq!(logins.due_at(now), Some(now));
        logins.close(1);
        logins.plan(now);

        logins.ring();

        assert_eq!(logins.due_at(now), None);
        assert!(logins.streams.is_empty() && logins.users.is_empty());
    }
}

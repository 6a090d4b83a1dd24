//! Which session must be there when, and which may be, by what its client was answered and by nothing else.
//!
//! A session is *certain* from the answer to a heartbeat until the moment which that answer names, or until something that
//! ends it is asked for. It is *possible* as long as anything that was sent may still bring it back. In between nothing is
//! claimed of it.

mod cuts;
mod holders;

use std::collections::{HashMap, VecDeque};

use uuid::Uuid;

pub use self::cuts::{Cut, CutId, Scope};
use self::holders::Holder;
use crate::{
    clock::{Micros, NEVER, SECOND},
    node::{GRACE, TTL},
    world::{Room, User},
};

/// The close of a socket is noticed within this where nothing is broken.
const CLOSE_NOTICED: Micros = 1_500_000;
/// What is certain is remembered for so long: everything is looked at long before.
const MEMORY: Micros = 90 * SECOND;

/// A session in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Where.
    pub room: Room,
    /// Whose.
    pub user: User,
    /// Which tab.
    pub session: Uuid,
}

/// What a session's row must hold; a field that is none is not known, or not said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The stored status; empty: a time limits it, and nothing is claimed.
    pub status: Option<String>,
    /// Custom text.
    pub message: Option<Option<String>>,
    /// What they look at.
    pub activity: Option<Option<String>>,
}

impl Said {
    fn and(self, later: Self) -> Self {
        Self {
            status: later.status.or(self.status),
            message: later.message.or(self.message),
            activity: later.activity.or(self.activity),
        }
    }
}

/// What became of a heartbeat, or of a stream that joins.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It is there until then. What it says is stored; what it does not say stays.
    Kept { until: Micros, says: Said },
    /// It was invisible: it is not there, and nothing of it is stored.
    Hidden,
    /// It was refused, and did nothing.
    Refused,
    /// It was refused, and may have been done all the same.
    Doubtful,
    /// Nobody answered: it may still be done, until what is broken is whole.
    Unknown,
}

/// A heartbeat that is under way.
#[derive(Debug, Clone, Copy)]
pub struct Beat {
    /// When it was sent.
    pub start: Micros,
    /// Its number.
    pub seq: Option<i64>,
}

#[derive(Debug, Default)]
struct Lease {
    /// Spans in which it is certain; the last may lie ahead.
    certain: Vec<(Micros, Micros)>,
    /// It may be there until then.
    possible_until: Micros,
    /// An end of it was answered then: it is not there any more, however late leases that run out are ended.
    over_by: Option<Micros>,
    pending: u32,
    /// Calls that may still be done.
    zombies: Vec<Option<i64>>,
    /// Open streams that hold it, as the client sees it; the last one holds.
    streams: Vec<Holder>,
    /// When the node may still notice that a stream of it closed.
    closing: Vec<(Micros, Micros)>,
    last_end: Micros,
    said: Option<(Micros, Said)>,
    /// Something was asked for that ends it, at some time.
    was_cut: bool,
    /// The stream that held it was closed then, where nothing was broken, and nothing was said of it since.
    closed: Option<Micros>,
}

impl Lease {
    fn may_come_back(&self) -> bool {
        self.pending > 0 || !self.zombies.is_empty() || self.streams.iter().any(|holder| holder.is_possible)
    }

    /// Whether it may have lasted until this moment, or may come back.
    fn may_be_at(&self, at: Micros) -> bool {
        self.may_come_back() || self.over_by.unwrap_or(self.possible_until) >= at
    }

    /// `is_loss`: all data is lost, and not the session alone.
    fn cut(&mut self, at: Micros, is_loss: bool) {
        (self.said, self.closed) = (None, None);
        if self.streams.iter().any(|holder| holder.is_possible) {
            // Renewed until the end is done, which is after it was asked for.
            self.possible_until = self.possible_until.max(at + TTL);
        }
        for holder in &mut self.streams {
            holder.cut(is_loss);
        }
        if let Some(last) = self.certain.last_mut() {
            last.1 = last.1.min(at);
        }
    }
}

/// A heartbeat that was let in: between which moments, and of which session.
#[derive(Debug)]
struct LetIn {
    start: Micros,
    end: Micros,
    session: Uuid,
}

/// All sessions.
#[derive(Debug, Default)]
pub struct Ledger {
    leases: HashMap<Key, Lease>,
    cuts: Vec<Cut>,
    cuts_made: u64,
    /// The last heartbeats of each user in each room that were let in.
    let_in: HashMap<(Room, User), VecDeque<LetIn>>,
    /// All data was there since.
    whole_since: Micros,
}

impl Ledger {
    /// A heartbeat is being sent.
    pub fn begin_beat(&mut self, key: Key, start: Micros, seq: Option<i64>) -> Beat {
        let lease = self.leases.entry(key).or_default();
        lease.pending += 1;
        (lease.over_by, lease.closed) = (None, None);
        Beat { start, seq }
    }

    /// It was answered, or was not.
    pub fn end_beat(&mut self, key: Key, beat: Beat, end: Micros, outcome: Outcome) {
        let is_cut = self.cuts.iter().any(|cut| cut.overlaps(key, beat));
        let lease = self.leases.entry(key).or_default();
        lease.pending = lease.pending.saturating_sub(1);
        lease.last_end = lease.last_end.max(end);
        lease.over_by = None;
        let was = lease.said.take();
        match outcome {
            Outcome::Kept { until, says } => {
                if beat.start > self.whole_since {
                    let of = self.let_in.entry((key.room, key.user)).or_default();
                    of.retain(|earlier| beat.start - earlier.start < 3 * TTL);
                    let (start, session) = (beat.start, key.session);
                    of.push_back(LetIn { start, end, session });
                }
                lease.possible_until = lease.possible_until.max(until);
                for holder in &mut lease.streams {
                    holder.is_possible = true;
                    holder.is_certain &= !is_cut;
                }
                if is_cut {
                    return;
                }
                // It was done at any moment until its answer: a lease that ended before that may have been joined anew.
                let went_on = lease.certain.last().is_some_and(|(_, last)| *last >= end);
                let was = was.filter(|_| went_on).map(|(_, said)| said).unwrap_or_default();
                lease.said = Some((end, was.and(says)));
                // A stream of before may still be noticed to have closed: then it has a grace from there.
                let is_closing = lease.closing.iter().any(|(_, last)| *last >= beat.start);
                let until = if is_closing {
                    until.min(beat.start + GRACE)
                } else {
                    until
                };
                lease.extend(end, until);
            }
            Outcome::Hidden => {
                lease.cut(beat.start, false);
                if !lease.may_come_back() {
                    lease.over_by = Some(end);
                }
            }
            Outcome::Refused => {}
            Outcome::Doubtful => lease.possible_until = lease.possible_until.max(end + TTL),
            Outcome::Unknown => lease.zombies.push(beat.seq),
        }
    }

    /// Whether something of this user is sure to be there, at all moments between two.
    pub fn must_be_here(&self, room: Room, user: User, from: Micros, to: Micros) -> bool {
        self.of(room, user).any(|lease| {
            lease
                .certain
                .iter()
                .any(|(begin, end)| *begin <= from && *end >= to)
        })
    }

    /// Whether this session is sure to be there at a moment.
    pub fn is_certain(&self, key: Key, at: Micros) -> bool {
        let lease = self.leases.get(&key);
        lease.is_some_and(|lease| {
            lease
                .certain
                .iter()
                .any(|(begin, end)| *begin <= at && *end >= at)
        })
    }

    /// Whether something of this user may be there at a moment; `slack`: so long after its end a lease may be seen.
    pub fn may_be_here(&self, room: Room, user: User, at: Micros, slack: Micros) -> bool {
        self.of(room, user).any(|lease| {
            let is_over = lease.over_by.is_some_and(|by| by < at);
            lease.may_come_back() || (!is_over && lease.possible_until.saturating_add(slack) >= at)
        })
    }

    /// A session that was certain at this moment, and more than that: neither just begun nor about to end.
    pub fn certain_at(&self, room: Room, user: User, at: Micros) -> Option<(Key, Micros, Micros)> {
        self.leases
            .iter()
            .filter(|(key, _)| key.room == room && key.user == user)
            .find_map(|(key, lease)| {
                let span = lease
                    .certain
                    .iter()
                    .find(|(begin, end)| *begin < at && at < *end)?;
                Some((*key, span.0, span.1))
            })
    }

    /// When this user was let into this room last, by an answer that was there by then, since the data was lost last; none
    /// where that was by several sessions: the one that ends last, and not the one that was heard of last, says when its
    /// user was seen.
    pub fn let_in_by(&self, room: Room, user: User, by: Micros) -> Option<Micros> {
        let of = self.let_in.get(&(room, user))?;
        let LetIn { start, session, .. } = of.front()?;
        let mut leases = self.leases.iter();
        let is_one = of.iter().all(|other| other.session == *session)
            && leases.all(|(key, lease)| {
                (key.room, key.user) != (room, user) || key.session == *session || !lease.may_be_at(*start)
            });
        let known = of.iter().filter(|let_in| is_one && let_in.end < by);
        known.map(|let_in| let_in.start).max()
    }

    /// What the session's row must hold in a snapshot that began then.
    pub fn said(&self, key: Key, at: Micros) -> Option<&Said> {
        let lease = self.leases.get(&key)?;
        let (since, said) = lease.said.as_ref()?;
        (*since < at && lease.pending == 0 && lease.zombies.is_empty()).then_some(said)
    }

    /// What is known of the sessions of a user in a room, for people.
    pub fn tell(&self, room: Room, user: User) -> String {
        let of = self
            .leases
            .iter()
            .filter(|(key, _)| key.room == room && key.user == user);
        let told = of.map(|(key, lease)| {
            let last = lease.certain.last();
            format!(
                "{}: certain {last:?}, possible until {}, over by {:?}, {} calls under way, {} without an answer, streams {:?}",
                key.session,
                lease.possible_until,
                lease.over_by,
                lease.pending,
                lease.zombies.len(),
                lease.streams
            )
        });
        let told: Vec<String> = told.collect();
        format!("[{}]", told.join("; "))
    }

    /// How many sessions the user may have there.
    pub fn sessions_at_most(&self, room: Room, user: User, at: Micros) -> usize {
        let may = |lease: &&Lease| lease.may_be_at(at - SECOND);
        self.of(room, user).filter(may).count()
    }

    /// Whether something was ever asked for that ends this session.
    pub fn was_cut(&self, key: Key) -> bool {
        self.leases.get(&key).is_some_and(|lease| lease.was_cut)
            || self.cuts.iter().any(|cut| cut.scope.holds(key))
    }

    /// Something is being broken: a close that nobody has noticed yet may be noticed late.
    pub fn trouble_begins(&mut self, at: Micros) {
        for lease in self.leases.values_mut() {
            for closing in &mut lease.closing {
                closing.1 = if closing.1 >= at { NEVER } else { closing.1 };
            }
        }
    }

    /// What is broken is whole: whatever was sent and not answered is done by now, or never will be.
    pub fn bury(&mut self, at: Micros) {
        for lease in self.leases.values_mut() {
            if !lease.zombies.is_empty() || lease.closing.iter().any(|(_, last)| *last == NEVER) {
                lease.possible_until = lease.possible_until.max(at + TTL);
                lease.over_by = None;
            }
            lease.zombies.clear();
            for closing in &mut lease.closing {
                closing.1 = closing.1.min(at);
            }
            lease.closing.retain(|(_, last)| at - *last < MEMORY);
            lease.certain.retain(|(_, end)| at - *end < MEMORY);
        }
        self.leases
            .retain(|_, lease| lease.may_come_back() || at - lease.possible_until < MEMORY);
        for cut in &mut self.cuts {
            cut.end = cut.end.min(at);
        }
        self.cuts.retain(|cut| at - cut.end < MEMORY);
    }

    fn of(&self, room: Room, user: User) -> impl Iterator<Item = &Lease> {
        let leases = self
            .leases
            .iter()
            .filter(move |(key, _)| key.room == room && key.user == user);
        leases.map(|(_, lease)| lease)
    }
}

impl Lease {
    /// Certain from then to then; a span that still lasts is made longer.
    fn extend(&mut self, from: Micros, until: Micros) {
        match self.certain.last_mut() {
            Some(last) if last.1 >= from => last.1 = last.1.max(until),
            _ => self.certain.push((from, until)),
        }
    }
}

#[cfg(test)]
mod tests;

//! Sessions that open streams hold: their nodes renew them, give them a grace when the stream closes, and put them back after
//! a loss.

use super::{CLOSE_NOTICED, Key, Lease, Ledger, Micros};
use crate::{
    clock::NEVER,
    node::{GRACE, TTL},
    world::{Room, User},
};

/// A stream that was opened with a session.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holder {
    /// Its number.
    pub(super) stream: u64,
    /// Since when.
    pub(super) since: Micros,
    /// Nothing has ended the session since.
    pub(super) is_certain: bool,
    /// Its node may renew it: also one that came back by a heartbeat after an end.
    pub(super) is_possible: bool,
    /// Nothing but losses of all data has ended the session since, and nothing happened to the stream.
    is_undisturbed: bool,
}

impl Holder {
    /// Something ends the session; `is_loss`: all data is lost.
    pub(super) fn cut(&mut self, is_loss: bool) {
        (self.is_certain, self.is_possible) = (false, false);
        self.is_undisturbed &= is_loss;
    }
}

impl Ledger {
    /// A stream was opened with it: what closed before means nothing any more. Its own join ends after this. `is_certain`:
    /// it is sure to hold it, and does not only maybe.
    pub fn hold(&mut self, key: Key, stream: u64, since: Micros, is_certain: bool) {
        let lease = self.leases.entry(key).or_default();
        if is_certain {
            lease.closing.clear();
        }
        lease.streams.push(Holder {
            stream,
            since,
            is_certain,
            is_possible: true,
            is_undisturbed: is_certain,
        });
    }

    /// A stream that holds it is closed by its client, or was seen to end; `calm`: nothing keeps the node from noticing.
    pub fn let_go(&mut self, key: Key, stream: u64, at: Micros, calm: bool) {
        let Some(lease) = self.leases.get_mut(&key) else {
            return;
        };
        let last = lease.streams.last().filter(|last| last.stream == stream);
        let (holds, is_certain) = (last.is_some(), last.is_some_and(|last| last.is_certain));
        lease.streams.retain(|open| open.stream != stream);
        if holds || !calm {
            lease.unsure(at, calm);
        }
        let is_alone = lease.streams.is_empty() && lease.pending == 0 && lease.zombies.is_empty();
        lease.closed = (is_certain && calm && is_alone).then_some(at);
        if lease.streams.is_empty() && lease.over_by.is_none() {
            lease.possible_until = lease.possible_until.max(at + TTL + CLOSE_NOTICED);
        }
    }

    /// Something happens to a stream that holds it, and the node may take it for closed from now on.
    pub fn unsure_of(&mut self, key: Key, at: Micros) {
        if let Some(lease) = self.leases.get_mut(&key) {
            lease.unsure(at, false);
        }
    }

    /// A session that a stream held all the while between two moments.
    pub fn held_by_a_stream(&self, room: Room, user: User, from: Micros, to: Micros) -> Option<Key> {
        let is_held = |(key, lease): (&Key, &Lease)| {
            let is_open = lease
                .streams
                .last()
                .is_some_and(|holder| holder.is_certain && holder.since < from);
            let is_ended = self
                .cuts
                .iter()
                .any(|cut| cut.scope.holds(*key) && cut.end >= from && cut.start <= to);
            (is_open && !is_ended && lease.closing.iter().all(|(_, last)| *last < from)).then_some(*key)
        };
        let mut of = self
            .leases
            .iter()
            .filter(|(key, _)| key.room == room && key.user == user);
        of.find_map(is_held)
    }

    /// The stream closed by which this user was in this room, by nothing else and until this moment: when it was.
    pub fn closed_alone(&self, room: Room, user: User, at: Micros) -> Option<(Key, Micros)> {
        let of = || {
            let mut leases = self.leases.iter();
            std::iter::from_fn(move || leases.find(|(key, _)| key.room == room && key.user == user))
        };
        let mut closed =
            of().filter_map(|(key, lease)| Some((*key, lease.closed.filter(|since| *since < at)?)));
        let (key, since) = closed.next()?;
        let mut others = of().filter(|(other, _)| **other != key);
        let is_alone = closed.next().is_none() && others.all(|(_, lease)| !lease.may_be_at(since));
        is_alone.then_some((key, since))
    }

    /// Whether one of these streams has held this user's session in this room since before this moment, through nothing but
    /// losses of all data.
    pub fn is_held_undisturbed(&self, room: Room, user: User, streams: &[u64], since: Micros) -> bool {
        self.of(room, user).any(|lease| {
            lease.streams.last().is_some_and(|holder| {
                holder.is_undisturbed && holder.since < since && streams.contains(&holder.stream)
            })
        })
    }
}

impl Lease {
    /// A stream may be taken for closed at any time from now on.
    pub(super) fn unsure(&mut self, at: Micros, calm: bool) {
        if let Some(last) = self.certain.last_mut() {
            last.1 = last.1.min(at + GRACE);
        }
        for holder in &mut self.streams {
            holder.is_undisturbed = false;
        }
        self.closing
            .push((at, if calm { at + CLOSE_NOTICED } else { NEVER }));
    }
}

//! What ends sessions: leaves, kicks, logouts, lost access, lost data. A heartbeat that was under way meanwhile proves nothing.

use super::{Beat, Key, Ledger, MEMORY, NEVER};
use crate::{
    clock::{Micros, SECOND},
    node::TTL,
    world::{Room, User},
};

/// Whose sessions something ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One.
    Session(Key),
    /// All of a user in a room.
    Member(Room, User),
    /// All of a user.
    User(User),
    /// All in a room.
    Room(Room),
    /// All.
    All,
}

impl Scope {
    /// Whether it is one of them.
    pub fn holds(self, key: Key) -> bool {
        match self {
            Self::Session(session) => session == key,
            Self::Member(room, user) => (room, user) == (key.room, key.user),
            Self::User(user) => user == key.user,
            Self::Room(room) => room == key.room,
            Self::All => true,
        }
    }
}

/// The number of a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutId(u64);

/// Something that ends sessions.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// Whose.
    pub scope: Scope,
    /// When it was asked for.
    pub start: Micros,
    /// By then it was done; later than all: it may still be.
    pub end: Micros,
    seq: Option<i64>,
    id: CutId,
}

impl Cut {
    /// Whether it may have been done after this heartbeat. A leave does nothing to one with a higher number.
    pub fn overlaps(&self, key: Key, beat: Beat) -> bool {
        let is_overtaken = self.seq.zip(beat.seq).is_some_and(|(leave, beat)| beat > leave);
        self.scope.holds(key) && self.end >= beat.start && !is_overtaken
    }
}

impl Ledger {
    /// An end is being asked for.
    pub fn begin_cut(&mut self, scope: Scope, start: Micros, seq: Option<i64>) -> CutId {
        self.cuts_made += 1;
        if scope == Scope::All {
            self.let_in.clear();
            self.whole_since = NEVER;
        }
        let id = CutId(self.cuts_made);
        let end = NEVER;
        self.cuts.push(Cut {
            scope,
            start,
            end,
            seq,
            id,
        });
        for (key, lease) in &mut self.leases {
            if scope.holds(*key) {
                lease.cut(start, scope == Scope::All);
                lease.was_cut = true;
            }
        }
        id
    }

    /// It was done by then. `margin`: so long after it a heartbeat may still meet it.
    pub fn end_cut(&mut self, id: CutId, at: Micros, margin: Micros) {
        let Some(cut) = self.cuts.iter_mut().find(|cut| cut.id == id) else {
            return;
        };
        cut.end = at + margin;
        let cut = *cut;
        for (key, lease) in &mut self.leases {
            if !cut.scope.holds(*key) {
                continue;
            }
            if let Some(seq) = cut.seq {
                lease
                    .zombies
                    .retain(|zombie| zombie.is_none_or(|zombie| zombie > seq)); // refused as stale
            }
            let is_last = lease.pending == 0 && lease.zombies.is_empty() && lease.last_end < cut.start;
            if margin == 0 && is_last {
                lease.over_by = Some(lease.over_by.map_or(at, |by| by.min(at)));
            }
        }
    }

    /// Whose sessions it ends, for people.
    pub fn scope(&self, id: CutId) -> Option<Scope> {
        self.cuts.iter().find(|cut| cut.id == id).map(|cut| cut.scope)
    }

    /// Whether anything but this one may have ended the session, or lost all data, at any moment from then on.
    pub fn may_be_cut_but_by(&self, id: CutId, key: Key, from: Micros) -> bool {
        let mut others = self
            .cuts
            .iter()
            .filter(|cut| cut.id != id && cut.scope.holds(key));
        others.any(|cut| cut.end >= from)
    }

    /// It was refused: nothing was done.
    pub fn undo_cut(&mut self, id: CutId, at: Micros) {
        if let Some(cut) = self.cuts.iter_mut().find(|cut| cut.id == id) {
            cut.end = at;
        }
    }

    /// When all data began to be lost last.
    pub fn lost(&self) -> Option<Micros> {
        let losses = self.cuts.iter().filter(|cut| cut.scope == Scope::All);
        losses.map(|cut| cut.start).max()
    }

    /// All data is lost some time between two moments. A node may put back who was there less than a lease before, as far as
    /// it knew.
    pub fn lose_all(&mut self, id: CutId, start: Micros, at: Micros) {
        self.end_cut(id, at, SECOND);
        self.whole_since = at;
        for lease in self.leases.values_mut() {
            if lease.may_be_at(start - TTL - 2 * SECOND) {
                lease.possible_until = lease.possible_until.max(at + TTL + 2 * SECOND);
                lease.over_by = None;
            }
            for holder in &mut lease.streams {
                holder.is_possible = true;
            }
        }
        self.cuts.retain(|cut| at - cut.end < MEMORY);
    }
}

//! The log of changes as SQL has it, and what must hold of it: revisions without a gap, joins and leaves in turn, nobody left
//! who was answered in time; and frames say what it says.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::{State, streams::Cursor};
use crate::{
    clock::{Micros, NEVER, SECOND, seconds},
    node::TTL,
    world::{Room, User},
};

/// Where a stream holds a session, its node renews the lease well within this.
const RENEWED_WITHIN: Micros = TTL + SECOND;
/// Frames wait for the log no longer than this: then it is lost.
const WAIT_MAX: Micros = 10 * SECOND;

/// A row of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Who.
    pub user: User,
    /// `join`, `update` or `leave`.
    pub what: String,
    /// Of a leave.
    pub reason: Option<String>,
    /// When the statement began that wrote it.
    pub at: Micros,
}

/// What a frame told of a room.
#[derive(Debug, Clone)]
pub struct Told {
    /// Which room.
    pub room: Room,
    /// Of a diff: since which revision.
    pub from: Option<i64>,
    /// Up to where.
    pub to: Cursor,
    /// When it came.
    pub at: Micros,
    /// Who read it.
    pub viewer: User,
    /// On which stream.
    pub stream: u64,
    /// Who is there now, and whether they were before.
    present: BTreeMap<User, bool>,
    gone: BTreeMap<User, String>,
}

impl Told {
    /// Nobody in it yet.
    pub fn new(room: Room, to: Cursor) -> Self {
        Self {
            room,
            from: None,
            to,
            at: 0,
            viewer: User(0),
            stream: 0,
            present: BTreeMap::new(),
            gone: BTreeMap::new(),
        }
    }

    /// Joined or was updated; an error where it stands twice.
    pub fn present(&mut self, user: User, was: bool) -> Result<(), String> {
        match self.present.insert(user, was) {
            None => Ok(()),
            Some(_) => Err(format!("{} stands in one diff twice", user.id())),
        }
    }

    /// Left; an error where it stands twice.
    pub fn left(&mut self, user: User, reason: &str) -> Result<(), String> {
        match self.gone.insert(user, reason.to_owned()) {
            None if !self.present.contains_key(&user) => Ok(()),
            _ => Err(format!("{} stands in one diff twice", user.id())),
        }
    }
}

/// The log so far.
#[derive(Debug, Default)]
pub struct Log {
    /// By epoch and room.
    rows: HashMap<(Uuid, Room), BTreeMap<i64, Vec<Row>>>,
    /// Up to where a room was seen in one look at SQL: what is below it and not in the log never was.
    heads: HashMap<(Uuid, Room), i64>,
    /// Epochs in the order in which they were seen.
    pub epochs: Vec<Uuid>,
    waiting: Vec<Told>,
    /// Frames that were held against the log.
    pub compared: u64,
}

impl Log {
    /// A frame that is to be held against the log.
    pub fn wait_for(&mut self, told: Told) {
        self.waiting.push(told);
    }

    /// When the change of this revision was made, where it is known.
    pub fn made_at(&self, room: Room, cursor: Cursor) -> Option<Micros> {
        let rows = self.rows.get(&(cursor.epoch, room))?.get(&cursor.revision)?;
        rows.first().map(|row| row.at)
    }

    /// What the log says of a diff; none: it is not known yet.
    fn expected(&self, told: &Told, from: i64) -> Option<(BTreeMap<User, bool>, BTreeMap<User, String>)> {
        let rows = self.rows.get(&(told.to.epoch, told.room))?;
        let between: Vec<_> = rows.range(from + 1..=told.to.revision).collect();
        if i64::try_from(between.len()) != Ok(told.to.revision - from) {
            return None;
        }
        let (mut first, mut last) = (BTreeMap::new(), BTreeMap::new());
        for row in between.into_iter().flat_map(|(_, rows)| rows) {
            first.entry(row.user).or_insert(row.what != "join");
            last.insert(row.user, row.clone());
        }
        let (mut present, mut gone) = (BTreeMap::new(), BTreeMap::new());
        for (user, row) in last {
            let was = first.get(&user).copied().unwrap_or_default();
            match (row.what == "leave", was) {
                (true, true) => _ = gone.insert(user, row.reason.unwrap_or_default()),
                (true, false) => {}
                (false, was) => _ = present.insert(user, was),
            }
        }
        Some((present, gone))
    }

    /// Begins anew, for tests and long runs: old epochs are never asked for again.
    fn forget_old(&mut self) {
        let keep: BTreeSet<Uuid> = self.epochs.iter().rev().take(3).copied().collect();
        self.rows.retain(|(epoch, _), _| keep.contains(epoch));
        self.heads.retain(|(epoch, _), _| keep.contains(epoch));
        for rows in self.rows.values_mut() {
            while rows.len() > 5_000 {
                rows.pop_first();
            }
        }
    }
}

impl State {
    /// A look at SQL brought these rows; `heads`: where each room stood in it.
    pub fn absorb(&mut self, epoch: Uuid, changes: &[(Room, i64, Row)], heads: &[(Room, i64)], now: Micros) {
        if self.log.epochs.last() != Some(&epoch) {
            if self.log.epochs.contains(&epoch) {
                self.violate(
                    "revisions rise, diffs fit, joins and leaves alternate",
                    format!("SQL is back in epoch {epoch}"),
                );
            }
            self.log.epochs.push(epoch);
            self.log.forget_old();
        }
        let mut fresh = vec![];
        for (room, revision, row) in changes {
            let rows = self
                .log
                .rows
                .entry((epoch, *room))
                .or_default()
                .entry(*revision)
                .or_default();
            if !rows.contains(row) {
                rows.push(row.clone());
                fresh.push((*room, *revision, row.clone()));
            }
        }
        for (room, revision, row) in &fresh {
            self.in_turn(epoch, *room, *revision, row);
            if row.what == "leave" {
                self.no_false_leave(*room, row, now);
                self.closed_streams_give_back(*room, row);
            }
        }
        for (room, head) in heads {
            self.without_gaps(epoch, *room, *head);
        }
        self.hold_frames_against_the_log(now);
    }

    /// Whoever joins was not there, and whoever leaves was.
    fn in_turn(&mut self, epoch: Uuid, room: Room, revision: i64, row: &Row) {
        let Some(rows) = self.log.rows.get(&(epoch, room)) else {
            return;
        };
        let before = rows
            .range(..revision)
            .rev()
            .flat_map(|(_, rows)| rows)
            .find(|before| before.user == row.user);
        let Some(before) = before else { return };
        // Only where nothing between the two is missing.
        let fits = (before.what == "leave") == (row.what == "join");
        if !fits {
            let wrong = format!(
                "in {} {} has {} at revision {revision} after {}",
                room.id(),
                row.user.id(),
                row.what,
                before.what
            );
            self.violate("revisions rise, diffs fit, joins and leaves alternate", wrong);
        }
    }

    fn without_gaps(&mut self, epoch: Uuid, room: Room, head: i64) {
        let before = self.log.heads.insert((epoch, room), head);
        let Some(before) = before else { return };
        let rows = self.log.rows.get(&(epoch, room));
        let missing =
            (before + 1..=head).find(|revision| rows.is_none_or(|rows| !rows.contains_key(revision)));
        if head < before || missing.is_some() {
            let wrong = format!(
                "{} went from revision {before} to {head}, and {missing:?} is missing in the log",
                room.id()
            );
            self.violate("revisions rise, diffs fit, joins and leaves alternate", wrong);
        }
    }

    /// Nobody is shown as left while an answer says that the lease lasts, or while a stream holds it.
    ///
    /// A row says when its statement began, and `seen` is when it was found. Where a leave was asked for, another
    /// session of the member may have run out in between.
    fn no_false_leave(&mut self, room: Room, row: &Row, seen: Micros) {
        let reason = row.reason.as_deref().unwrap_or("none");
        let ran_out = matches!(reason, "expired" | "disconnected");
        let certain = self.ledger.certain_at(room, row.user, row.at);
        if let Some((key, since, until)) = certain.filter(|(_, _, until)| ran_out || *until >= seen) {
            let wrong = format!(
                "{} left {} ({reason}) at {} although session {} was answered at {since} that it lasts until {until}",
                row.user.id(),
                room.id(),
                row.at,
                key.session
            );
            return self.violate("nobody leaves who was answered in time", wrong);
        }
        let since = row.at - RENEWED_WITHIN;
        if ran_out
            && self.calm.was(since, row.at)
            && let Some(key) = self.ledger.held_by_a_stream(room, row.user, since, row.at)
        {
            let wrong = format!(
                "{} left {} ({reason}) at {} although a stream has held session {} for {} and more",
                row.user.id(),
                room.id(),
                row.at,
                key.session,
                seconds(RENEWED_WITHIN)
            );
            self.violate("nobody leaves whose stream is open", wrong);
        }
    }

    /// Whoever was there by a stream that closed is gone a grace later as disconnected, and not once the lease runs out.
    fn closed_streams_give_back(&mut self, room: Room, row: &Row) {
        let closed = self.ledger.closed_alone(room, row.user, row.at);
        let Some((key, since)) = closed.filter(|_| row.reason.as_deref() == Some("expired")) else {
            return;
        };
        if self.calm.was(since - 2 * SECOND, row.at) {
            let wrong = format!(
                "{} left {} as expired at {}, and the stream that held session {} was closed at {since}",
                row.user.id(),
                room.id(),
                row.at,
                key.session
            );
            self.violate("a stream that closes gives back what it held", wrong);
        }
    }

    fn hold_frames_against_the_log(&mut self, now: Micros) {
        let newest = self.log.epochs.last().copied();
        for told in std::mem::take(&mut self.log.waiting) {
            let head = self.log.heads.get(&(told.to.epoch, told.room)).copied();
            if head.is_none_or(|head| head < told.to.revision) {
                if told.at + WAIT_MAX > now && (newest == Some(told.to.epoch) || newest.is_none()) {
                    self.log.waiting.push(told);
                }
                continue;
            }
            self.log.compared += 1;
            if let Some(expected) = told.from.and_then(|from| self.log.expected(&told, from))
                && expected != (told.present.clone(), told.gone.clone())
            {
                let wrong = format!("{told:?} where the log says {expected:?}");
                self.violate_on("frames say what SQL says", wrong, Some(told.stream));
            }
            // What a read saw, it saw after the change was made; and the same read asked who may see.
            let made_at = self.log.made_at(told.room, told.to).unwrap_or(NEVER);
            if made_at < told.at && !self.access.might(told.room, told.viewer, made_at, told.at) {
                let wrong = format!(
                    "{} is told at {} of a change that was made in {} at {made_at}, and might not see it at any moment since",
                    told.viewer.id(),
                    told.at,
                    told.room.id()
                );
                self.violate_on("nobody is told what they may not see", wrong, Some(told.stream));
            }
        }
    }
}

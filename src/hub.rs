//! Room → subscribers, as a pure state machine: no I/O, no clock, no encoding of its own. `relay` drives it.
//!
//! A subscriber of a room is in one of four states:
//!
//! ```text
//!            subscribe                plan                  answer
//!          ───────────► asking(from) ─────► asked(from) ───────────► current(at) ──┐ answer: the diff from there
//!                         ▲    ▲              │ undo                  │    ▲───────┘
//!                resumed  │    └──────────────┘                       │ lagged: its queue is full
//!                         └──────────────── lagging ◄─────────────────┘
//! ```
//!
//! A room that was just told of is quiet for the merge time: of it only those are answered who ask, and all others hear of
//! it once that is over.
//!
//! Invariants: who stands at the same revision is told by the same diff, encoded once; a room is read by one plan at a
//! time; nobody is handed a room that the same read did not allow them, or by a read that began before they asked.

pub mod bell;
pub mod frame;
pub mod notices;
pub mod queue;
mod room;
pub mod views;

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use bytes::Bytes;

use self::room::{Asked, At, Room, Subscriber};
use crate::{
    domain::{Cursor, EventId, RoomAnswer, RoomId, RoomQuestion, RoomsAnswer, UserId},
    planted::{self, Bug},
};

/// One open stream on this node.
pub type StreamId = u64;
/// What a ring calls a room: 16 hexadecimal digits.
pub type RingName = String;

/// Questions of one statement: bounds what one read costs Postgres and what it holds up.
const QUESTIONS_MAX: usize = 500;
/// A ring that meant nothing (forged, or already read) quiets its room for so long, and for twice as long each time that
/// another one follows: a flood of them stays cheap.
const FALSE_ALARM: Duration = Duration::from_millis(10);
/// Viewers of one statement.
const VIEWERS_MAX: usize = 5_000;

/// What a stream may watch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// A room, whole or its count.
    Room(RoomId),
    /// An event's dashboard.
    Event(EventId),
    /// A person.
    User(UserId),
}

/// What a stream wants to hear of a room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wish {
    /// Who is here, and what they say.
    pub whole: bool,
    /// How many there are.
    pub count: bool,
}

/// What a read is to ask; handed back with its answer.
#[derive(Debug, Default)]
pub struct Plan {
    /// What to ask, by position.
    pub questions: Vec<RoomQuestion>,
    /// Whose access to ask for.
    pub viewers: Vec<(RoomId, UserId)>,
}

/// What is to be done after an answer, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// To be put into the stream's queue.
    Frame(StreamId, Topic, Bytes),
    /// The viewer may not, or no longer, know of it; nothing of it follows.
    Revoked(StreamId, Topic),
    /// The stream's first answer for this topic has been given (before this).
    Answered(StreamId, Topic),
    /// A session of the stream's user was logged out: perhaps by another login, of before the stream.
    LoggedOut(StreamId),
}

/// All rooms that streams of this node watch.
#[derive(Debug)]
pub struct Hub {
    merge: Duration,
    detail_max: i32,
    rooms: HashMap<RoomId, Room>,
    /// Rooms that may have changed since they were read. Marks merge.
    dirty: HashSet<RoomId>,
    /// Rooms of which somebody asks. They are never kept waiting by the merging of what others see.
    asking: HashSet<RoomId>,
    rings: HashMap<RingName, HashSet<RoomId>>,
    streams: HashMap<StreamId, Vec<RoomId>>,
}

impl Hub {
    /// `merge`: the first change of a room goes out at once, further ones within this time as one.
    /// `detail_max`: of a room with more members only the count is told.
    pub fn new(merge: Duration, detail_max: i32) -> Self {
        Self {
            merge,
            detail_max,
            rooms: HashMap::new(),
            dirty: HashSet::new(),
            asking: HashSet::new(),
            rings: HashMap::new(),
            streams: HashMap::new(),
        }
    }

    /// A stream begins to watch a room, from a cursor or from nothing.
    pub fn subscribe(
        &mut self,
        stream: StreamId,
        viewer: UserId,
        room: RoomId,
        wish: Wish,
        cursor: Option<Cursor>,
        ring: RingName,
    ) {
        self.rings.entry(ring.clone()).or_default().insert(room.clone());
        self.streams.entry(stream).or_default().push(room.clone());
        self.asking.insert(room.clone());
        let room = self.rooms.entry(room).or_insert_with(|| Room::new(ring));
        room.subscribers
            .insert(stream, Subscriber::new(viewer, wish, cursor));
    }

    /// A stream is gone.
    pub fn close(&mut self, stream: StreamId) {
        if planted::is(Bug::CloseForgotten) {
            return;
        }
        for room in self.streams.remove(&stream).unwrap_or_default() {
            self.forget(stream, &room);
        }
    }

    /// A ring: the rooms of that name may have changed. Foreign and forged ones name nothing.
    pub fn ring(&mut self, ring: &str) {
        self.dirty
            .extend(self.rings.get(ring).into_iter().flatten().cloned());
    }

    /// Everything may have changed.
    pub fn ring_all(&mut self) {
        self.dirty.extend(self.rooms.keys().cloned());
    }

    /// The key of rings has changed.
    pub fn rename_rings(&mut self, name: impl Fn(&RoomId) -> RingName) {
        if planted::is(Bug::OldRingNames) {
            return;
        }
        self.rings.clear();
        for (id, room) in &mut self.rooms {
            room.ring = name(id);
            self.rings
                .entry(room.ring.clone())
                .or_default()
                .insert(id.clone());
        }
    }

    /// The stream's queue had no place for the last frame of this room: nothing more of it, until it resumes.
    pub fn lagged(&mut self, stream: StreamId, room: &RoomId) {
        if planted::is(Bug::LagForgotten) {
            return;
        }
        if let Some(subscriber) = self
            .rooms
            .get_mut(room)
            .and_then(|room| room.subscribers.get_mut(&stream))
        {
            subscriber.at = At::Lagging;
        }
    }

    /// The stream's queue is empty again: what lagged gets a fresh snapshot.
    pub fn resumed(&mut self, stream: StreamId) {
        for id in self.streams.get(&stream).into_iter().flatten() {
            let Some(room) = self.rooms.get_mut(id) else {
                continue;
            };
            if let Some(subscriber) = room.subscribers.get_mut(&stream)
                && subscriber.at == At::Lagging
            {
                subscriber.at = At::Asking(None);
                self.asking.insert(id.clone());
            }
        }
    }

    /// Whether a stream watches it.
    pub fn is_watched(&self, room: &RoomId) -> bool {
        self.rooms.contains_key(room)
    }

    /// Whether anybody is told of its members, and not of their number alone.
    pub fn is_watched_whole(&self, room: &RoomId) -> bool {
        let room = self.rooms.get(room);
        room.is_some_and(|room| room.subscribers.values().any(Subscriber::wants_whole))
    }

    /// Rooms and subscriptions at this moment.
    pub fn size(&self) -> (usize, usize) {
        (
            self.rooms.len(),
            self.rooms.values().map(|room| room.subscribers.len()).sum(),
        )
    }

    /// What to read now; takes the marks of the rooms in it. Empty: nothing is due. One at a time: each is to be handed to
    /// `apply` or `undo` before the next.
    pub fn plan(&mut self, now: Instant) -> Plan {
        let mut plan = Plan::default();
        let (mut answered, mut read) = (vec![], vec![]);
        for id in self.asking.iter().chain(self.dirty.difference(&self.asking)) {
            let Some(room) = self.rooms.get_mut(id) else {
                continue;
            };
            if plan.questions.len() >= QUESTIONS_MAX || plan.viewers.len() >= VIEWERS_MAX {
                break;
            }
            let is_whole = self.dirty.contains(id) && room.is_due(now);
            if !is_whole && !self.asking.contains(id) {
                read.extend(planted::is(Bug::MergeDrops).then(|| id.clone()));
                continue;
            }
            room.ask(id, is_whole, self.detail_max, &mut plan);
            answered.push(id.clone());
            read.extend(is_whole.then(|| id.clone()));
        }
        answered.iter().for_each(|id| _ = self.asking.remove(id));
        read.iter().for_each(|id| _ = self.dirty.remove(id));
        plan
    }

    /// When the next room that is dirty but still quiet becomes due; what has passed is due now.
    pub fn due_at(&self, now: Instant) -> Option<Instant> {
        let rooms = self.dirty.iter().filter_map(|id| self.rooms.get(id));
        let due = rooms.filter_map(|room| room.due_at(now)).min();
        if self.asking.is_empty() { due } else { Some(now) }
    }

    /// The read failed: whoever was to be told by it still is.
    pub fn undo(&mut self, plan: &Plan) {
        if planted::is(Bug::UndoForgotten) {
            return;
        }
        for question in &plan.questions {
            let Some(room) = self.rooms.get_mut(&question.room) else {
                continue;
            };
            let (was_whole, asks) = room.undo();
            if was_whole {
                self.dirty.insert(question.room.clone());
            }
            if asks {
                self.asking.insert(question.room.clone());
            }
        }
    }

    /// The read's answer. Who subscribed since the plan keeps asking.
    pub fn apply(&mut self, plan: &Plan, answer: &RoomsAnswer, now: Instant) -> Vec<Output> {
        let mut outputs = vec![];
        let mut rooms: HashMap<&RoomId, HashMap<Asked, &RoomAnswer>> = HashMap::new();
        for (question, answer) in plan.questions.iter().zip(&answer.answers) {
            rooms
                .entry(&question.room)
                .or_default()
                .insert((question.cursor, question.detail_max >= 0), answer);
        }
        for (id, answers) in rooms {
            let Some(room) = self.rooms.get_mut(id) else {
                continue;
            };
            let to = answers.values().next().map(|answer| answer.cursor());
            if to.is_some_and(|to| room.quiet(to, now, self.merge)) {
                self.dirty.insert(id.clone());
            }
            let revoked = room.apply(id, &answers, answer, &mut outputs);
            for stream in revoked {
                outputs.push(Output::Revoked(stream, Topic::Room(id.clone())));
                if planted::is(Bug::RevokedStays) {
                    continue;
                }
                if let Some(watched) = self.streams.get_mut(&stream) {
                    watched.retain(|room| room != id);
                }
                self.forget(stream, id);
            }
        }
        outputs
    }

    fn forget(&mut self, stream: StreamId, id: &RoomId) {
        let Some(room) = self.rooms.get_mut(id) else {
            return;
        };
        room.subscribers.remove(&stream);
        if room.subscribers.is_empty() {
            if let Some(named) = self.rings.get_mut(&room.ring) {
                named.remove(id);
                if named.is_empty() {
                    self.rings.remove(&room.ring);
                }
            }
            self.rooms.remove(id);
            self.dirty.remove(id);
            self.asking.remove(id);
        }
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

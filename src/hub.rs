//! Room → subscribers, as a pure state machine: no I/O, no clock, no encoding of its own. `relay` drives it.
//!
//! A subscriber of a room is in one of three states:
//!
//! ```text
//!              subscribe                      answer
//!            ───────────► asking(cursor) ─────────────► current ──┐ answer: the diff from the room's head
//!                              ▲                          │  ▲────┘
//!                     resumed  │                          │ lagged: its queue is full
//!                              └─────── lagging ◄─────────┘
//! ```
//!
//! Invariants: every current subscriber of a room stands at the room's head, so one diff, encoded once, serves all; a
//! room is read by one plan at a time; nobody is handed a room that the same read did not allow them.

pub mod bell;
pub mod frame;
pub mod queue;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::domain::{Cursor, RoomAnswer, RoomId, RoomQuestion, RoomsAnswer, UserId};

/// One open stream on this node.
pub type StreamId = u64;
/// What a ring calls a room: 16 hexadecimal digits.
pub type RingName = String;

/// Questions of one statement: bounds what one read costs Postgres and what it holds up.
const QUESTIONS_MAX: usize = 500;
/// A ring that meant nothing (forged, or already read) quiets its room for so long: a flood of them stays cheap.
const FALSE_ALARM: Duration = Duration::from_millis(10);
/// Viewers of one statement.
const VIEWERS_MAX: usize = 5_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Asking(Option<Cursor>),
    Current,
    Lagging,
}

#[derive(Debug)]
struct Subscriber {
    viewer: UserId,
    at: At,
}

#[derive(Debug)]
struct Room {
    ring: RingName,
    head: Option<Cursor>,
    /// Changes that come before this merge into one diff.
    quiet_until: Option<Instant>,
    subscribers: BTreeMap<StreamId, Subscriber>,
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
    Frame(StreamId, RoomId, Bytes),
    /// The viewer may not, or no longer, see the room; nothing of it follows.
    Revoked(StreamId, RoomId),
    /// The stream's first answer for this room has been given (before this).
    Answered(StreamId, RoomId),
}

/// All rooms that streams of this node watch.
#[derive(Debug)]
pub struct Hub {
    merge: Duration,
    rooms: HashMap<RoomId, Room>,
    /// Rooms that may have changed since they were read. Marks merge.
    dirty: HashSet<RoomId>,
    rings: HashMap<RingName, HashSet<RoomId>>,
    streams: HashMap<StreamId, Vec<RoomId>>,
}

impl Hub {
    /// `merge`: the first change of a room goes out at once, further ones within this time as one.
    pub fn new(merge: Duration) -> Self {
        Self {
            merge,
            rooms: HashMap::new(),
            dirty: HashSet::new(),
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
        cursor: Option<Cursor>,
        ring: RingName,
    ) {
        self.rings.entry(ring.clone()).or_default().insert(room.clone());
        self.streams.entry(stream).or_default().push(room.clone());
        self.dirty.insert(room.clone());
        let room = self.rooms.entry(room).or_insert_with(|| Room {
            ring,
            head: None,
            quiet_until: None,
            subscribers: BTreeMap::new(),
        });
        room.subscribers.insert(
            stream,
            Subscriber {
                viewer,
                at: At::Asking(cursor),
            },
        );
    }

    /// A stream is gone.
    pub fn close(&mut self, stream: StreamId) {
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
                self.dirty.insert(id.clone());
            }
        }
    }

    /// Rooms and subscriptions at this moment.
    pub fn size(&self) -> (usize, usize) {
        (
            self.rooms.len(),
            self.rooms.values().map(|room| room.subscribers.len()).sum(),
        )
    }

    /// What to read now; takes the marks of the rooms in it. Empty: nothing is due.
    pub fn plan(&mut self, now: Instant) -> Plan {
        let mut plan = Plan::default();
        for id in &self.dirty {
            let Some(room) = self.rooms.get(id) else { continue };
            if plan.questions.len() >= QUESTIONS_MAX || plan.viewers.len() >= VIEWERS_MAX {
                break;
            }
            if !room.is_due(now) {
                continue;
            }
            let mut cursors = HashSet::new();
            let mut viewers = HashSet::new();
            for subscriber in room.subscribers.values() {
                match subscriber.at {
                    At::Asking(cursor) => cursors.insert(cursor),
                    At::Current => cursors.insert(room.head),
                    At::Lagging => continue,
                };
                viewers.insert(&subscriber.viewer);
            }
            plan.questions
                .extend(cursors.into_iter().map(|cursor| RoomQuestion {
                    room: id.clone(),
                    cursor,
                }));
            plan.viewers
                .extend(viewers.into_iter().map(|viewer| (id.clone(), viewer.clone())));
        }
        for question in &plan.questions {
            self.dirty.remove(&question.room);
        }
        plan
    }

    /// When the next room that is dirty but still quiet becomes due.
    pub fn due_at(&self, now: Instant) -> Option<Instant> {
        self.dirty
            .iter()
            .filter_map(|id| self.rooms.get(id)?.quiet_until)
            .filter(|due| *due > now)
            .min()
    }

    /// The read failed: its rooms are as dirty as before.
    pub fn undo(&mut self, plan: &Plan) {
        let watched = plan
            .questions
            .iter()
            .map(|question| &question.room)
            .filter(|id| self.rooms.contains_key(*id));
        self.dirty.extend(watched.cloned());
    }

    /// The read's answer. Who subscribed since the plan keeps asking: their room is dirty again.
    pub fn apply(&mut self, plan: &Plan, answer: &RoomsAnswer, now: Instant) -> Vec<Output> {
        let mut outputs = vec![];
        let mut rooms: HashMap<&RoomId, HashMap<Option<Cursor>, &RoomAnswer>> = HashMap::new();
        for (question, answer) in plan.questions.iter().zip(&answer.answers) {
            rooms
                .entry(&question.room)
                .or_default()
                .insert(question.cursor, answer);
        }
        let asked: HashSet<&(RoomId, UserId)> = plan.viewers.iter().collect();
        for (id, answers) in rooms {
            self.apply_room(id, &answers, &asked, answer, now, &mut outputs);
        }
        outputs
    }

    fn apply_room(
        &mut self,
        id: &RoomId,
        answers: &HashMap<Option<Cursor>, &RoomAnswer>,
        asked: &HashSet<&(RoomId, UserId)>,
        answer: &RoomsAnswer,
        now: Instant,
        outputs: &mut Vec<Output>,
    ) {
        let Some(room) = self.rooms.get_mut(id) else {
            return;
        };
        let mut frames: HashMap<Option<Cursor>, Option<Bytes>> = HashMap::new();
        let mut revoked = vec![];
        let head = room.head;
        for (&stream, subscriber) in &mut room.subscribers {
            let cursor = match subscriber.at {
                At::Asking(cursor) => cursor,
                At::Current => head,
                At::Lagging => continue,
            };
            let pair = (id.clone(), subscriber.viewer.clone());
            let (Some(found), true) = (answers.get(&cursor), asked.contains(&pair)) else {
                continue;
            };
            if !answer.allowed.contains(&pair) {
                revoked.push(stream);
                continue;
            }
            let frame = frames.entry(cursor).or_insert_with(|| frame::of_answer(found));
            if let Some(frame) = frame {
                outputs.push(Output::Frame(stream, id.clone(), frame.clone()));
            }
            if subscriber.at != At::Current {
                outputs.push(Output::Answered(stream, id.clone()));
            }
            subscriber.at = At::Current;
        }
        if let Some(found) = answers.values().next() {
            room.head = Some(found.cursor());
        }
        let changed = frames.get(&head).is_some_and(Option::is_some);
        room.quiet_until = Some(
            now + if changed {
                self.merge
            } else {
                self.merge.min(FALSE_ALARM)
            },
        );
        for stream in revoked {
            outputs.push(Output::Revoked(stream, id.clone()));
            if let Some(watched) = self.streams.get_mut(&stream) {
                watched.retain(|room| room != id);
            }
            self.forget(stream, id);
        }
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
        }
    }
}

impl Room {
    /// Somebody who asks is never kept waiting by the merging of what others see.
    fn is_due(&self, now: Instant) -> bool {
        let quiet = self.quiet_until.is_some_and(|until| now < until);
        let asks = || {
            self.subscribers
                .values()
                .any(|subscriber| matches!(subscriber.at, At::Asking(_)))
        };
        let listens = || {
            self.subscribers
                .values()
                .any(|subscriber| subscriber.at != At::Lagging)
        };
        listens() && (!quiet || asks())
    }
}

#[cfg(test)]
mod tests;

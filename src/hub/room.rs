//! One watched room and its subscribers: what to ask for them, and who gets what of the answers. Pure.
//!
//! Most watch the room whole, some its count alone, some both. Above so many members all watch the count alone, until
//! there are at most four fifths of that again: whoever watched it whole gets a snapshot then.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{FALSE_ALARM, Output, Plan, RingName, StreamId, Topic, Wish, frame};
use crate::{
    domain::{Cursor, RoomAnswer, RoomId, RoomQuestion, RoomsAnswer, UserId},
    planted::{self, Bug},
};

/// Where a question begins, and whether it asks for more than the count.
pub type Asked = (Option<Cursor>, bool);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Wants to be told from here on, or all of it.
    Asking(Option<Cursor>),
    /// Likewise; a read is under way that began after it asked.
    Asked(Option<Cursor>),
    /// Was told everything up to here.
    Current(Cursor),
    Lagging,
}

#[derive(Debug)]
pub struct Subscriber {
    pub viewer: UserId,
    pub at: At,
    /// Wants the room whole, and where it got too large for that: the count that it was told last instead.
    whole: Option<Option<i64>>,
    /// Wants the count, and which it was told last.
    count: Option<Option<i64>>,
}

impl Subscriber {
    pub fn wants_whole(&self) -> bool {
        self.whole.is_some()
    }

    pub fn new(viewer: UserId, wish: Wish, cursor: Option<Cursor>) -> Self {
        Self {
            viewer,
            at: At::Asking(cursor),
            whole: wish.whole.then_some(None),
            count: wish.count.then_some(None),
        }
    }

    /// What is to be asked for it.
    fn asks(&self) -> Option<Asked> {
        let from = match self.at {
            At::Lagging => return None,
            At::Asking(from) | At::Asked(from) => from,
            At::Current(at) => Some(at),
        };
        Some(match self.whole {
            None => (None, false),
            Some(Some(_)) => (None, true),
            Some(None) => (from, true),
        })
    }

    fn is_current(&self) -> bool {
        matches!(self.at, At::Current(_))
    }
}

#[derive(Debug)]
pub struct Room {
    pub ring: RingName,
    pub subscribers: BTreeMap<StreamId, Subscriber>,
    /// Changes that come before this merge into one diff.
    quiet_until: Option<Instant>,
    /// Reads in a row, soon one after another, that found nothing new.
    false_alarms: u32,
    /// The read that is under way is for all of them, not for those alone who ask.
    is_read_whole: bool,
    too_large: bool,
}

impl Room {
    pub fn new(ring: RingName) -> Self {
        Self {
            ring,
            subscribers: BTreeMap::new(),
            quiet_until: None,
            false_alarms: 0,
            is_read_whole: false,
            too_large: false,
        }
    }

    /// Whether a change is to be read now: not while it is quiet, unless there is nobody whom that would keep waiting; and
    /// not where nobody could take it.
    pub fn is_due(&self, now: Instant) -> bool {
        let is_current = self.subscribers.values().any(Subscriber::is_current);
        match is_current {
            true => self.quiet_until.is_none_or(|until| until <= now),
            false => self.subscribers.values().any(|s| s.at != At::Lagging),
        }
    }

    /// When a change is to be read; none: nobody could take it.
    pub fn due_at(&self, now: Instant) -> Option<Instant> {
        let mut subscribers = self.subscribers.values();
        let is_current = subscribers.any(Subscriber::is_current);
        is_current.then(|| self.quiet_until.unwrap_or(now))
    }

    /// Puts into the plan what to ask for all of them, or for those alone who ask. Whoever wants the count alone reads it
    /// from any other answer.
    pub fn ask(&mut self, id: &RoomId, is_whole: bool, detail_max: i32, plan: &mut Plan) {
        self.is_read_whole = is_whole;
        let (mut asked, mut viewers): (HashSet<Asked>, HashSet<&UserId>) = Default::default();
        for subscriber in self.subscribers.values_mut() {
            match subscriber.at {
                At::Asking(from) => subscriber.at = At::Asked(from),
                At::Current(_) if is_whole => {}
                _ => continue,
            }
            asked.extend(subscriber.asks());
            viewers.insert(&subscriber.viewer);
        }
        if asked.iter().any(|(_, whole)| *whole) {
            asked.retain(|(_, whole)| *whole);
        }
        // Once too large it stays so until it is clearly smaller: it must not go to and fro.
        let detail_max = match self.too_large {
            true => detail_max - detail_max / 5 - i32::from(detail_max % 5 != 0),
            false => detail_max,
        };
        let question = |(cursor, whole)| RoomQuestion {
            room: id.clone(),
            cursor,
            detail_max: if whole { detail_max } else { -1 },
        };
        plan.questions.extend(asked.into_iter().map(question));
        let viewers = viewers.into_iter().map(|viewer| (id.clone(), viewer.clone()));
        plan.viewers.extend(viewers);
    }

    /// The read that was under way failed: whether it was for all, and whether anybody asks again.
    pub fn undo(&mut self) -> (bool, bool) {
        for subscriber in self.subscribers.values_mut() {
            if let At::Asked(from) = subscriber.at {
                subscriber.at = At::Asking(from);
            }
        }
        let mut subscribers = self.subscribers.values();
        let asks = subscribers.any(|subscriber| matches!(subscriber.at, At::Asking(_)));
        (self.is_read_whole, asks)
    }

    /// Who gets what of a read's answers; returns the streams whose viewer may not see the room.
    pub fn apply(
        &mut self,
        id: &RoomId,
        answers: &HashMap<Asked, &RoomAnswer>,
        allowed: &RoomsAnswer,
        outputs: &mut Vec<Output>,
    ) -> Vec<StreamId> {
        let mut frames = Frames::default();
        let mut revoked = vec![];
        for (&stream, subscriber) in &mut self.subscribers {
            let was_current = match subscriber.at {
                At::Asked(_) => false,
                At::Asking(_) if planted::is(Bug::LateSubscriberServed) => false,
                At::Current(_) if self.is_read_whole => true,
                _ => continue,
            };
            let Some((from, whole)) = subscriber.asks() else {
                continue;
            };
            let any = answers.values().next();
            let found = if whole { answers.get(&(from, true)) } else { any };
            let Some(found) = found else { continue };
            let is_trusted = was_current && planted::is(Bug::AuthoriseAtOpenOnly);
            if !is_trusted && !allowed.allowed.contains(&(id.clone(), subscriber.viewer.clone())) {
                revoked.push(stream);
                continue;
            }
            let mut told = subscriber.tell(from, found, &mut frames);
            let mut to = found.cursor();
            if planted::is(Bug::IgnoreEpoch) {
                told = told.filter(|_| from.is_none_or(|from| from.revision != to.revision));
            }
            if planted::is(Bug::CursorOffByOne) {
                to.revision += 1;
            }
            let frames_of_it = told.map(|frame| Output::Frame(stream, Topic::Room(id.clone()), frame));
            if !was_current && planted::is(Bug::FirstAnswerTwice) {
                outputs.extend(frames_of_it.clone());
            }
            outputs.extend(frames_of_it);
            outputs.extend(match was_current {
                true => Frames::is_logged_out(found, &subscriber.viewer).then_some(Output::LoggedOut(stream)),
                false => Some(Output::Answered(stream, Topic::Room(id.clone()))),
            });
            subscriber.at = At::Current(to);
        }
        if answers.keys().any(|(_, whole)| *whole) {
            let mut found = answers.iter();
            self.too_large = found.any(|((_, whole), found)| *whole && matches!(found, RoomAnswer::Count(_)));
        }
        revoked
    }

    /// Before an answer is applied, which leads to this revision: what others are told of is told at once and then merged;
    /// a ring that meant nothing quiets for a moment. Returns whether somebody is behind whom this answer does not tell.
    pub fn quiet(&mut self, to: Cursor, now: Instant, merge: Duration) -> bool {
        let mut subscribers = self.subscribers.values();
        let is_behind = subscribers.any(|s| matches!(s.at, At::Current(at) if at != to));
        if self.is_read_whole && !planted::is(Bug::NoMerge) {
            // Alarms that go on being false quiet the room for longer each time, up to the merge time.
            let goes_on = self.quiet_until.is_some_and(|until| now < until + merge);
            self.false_alarms = if !is_behind && goes_on {
                self.false_alarms + 1
            } else {
                0
            };
            let quiet = FALSE_ALARM.saturating_mul(1 << self.false_alarms.min(16));
            self.quiet_until = Some(now + if is_behind { merge } else { quiet.min(merge) });
        }
        is_behind && !self.is_read_whole
    }
}

impl Subscriber {
    /// `from`: where its question began. A room and its count go out in one piece: where there is no place for both there is
    /// none for either, and both are told anew.
    fn tell(&mut self, from: Option<Cursor>, found: &RoomAnswer, frames: &mut Frames) -> Option<Bytes> {
        let count = found.online_count();
        let stood = match self.at {
            At::Current(at) => Some(at),
            _ => None,
        };
        let mut is_counted = false;
        let room = match (&mut self.whole, found) {
            (None, _) => None,
            (Some(told), RoomAnswer::Count(_)) => {
                let before = told.replace(count);
                let is_same_epoch = stood.is_some_and(|at| at.epoch == found.cursor().epoch);
                let is_first = before.is_none() && !planted::is(Bug::CountIsEnough);
                if is_first || !is_same_epoch {
                    Some(frames.too_large(found))
                } else {
                    is_counted = before != Some(count);
                    is_counted.then(|| frames.count_at(found))
                }
            }
            (Some(told), _) => {
                *told = None;
                frames.of_answer(from, found)
            }
        };
        // What was told before a lag may not have arrived.
        let is_news = |told: &mut Option<i64>| told.replace(count) != Some(count) || stood.is_none();
        let is_due = self.count.as_mut().is_some_and(is_news) && !is_counted;
        let number = is_due.then(|| frames.count(found));
        match (room, number) {
            (Some(room), Some(number)) => Some(frames.both(room, &number)),
            (room, number) => room.or(number),
        }
    }
}

/// Each frame of one read is encoded once, for all who get it.
#[derive(Default)]
struct Frames {
    snapshot: Option<Bytes>,
    diff: HashMap<Option<Cursor>, Option<Bytes>>,
    too_large: Option<Bytes>,
    count_at: Option<Bytes>,
    count: Option<Bytes>,
    /// The count after any of the others, by where that one lies in memory.
    both: HashMap<*const u8, Bytes>,
}

impl Frames {
    /// `room` is one of these, so that it stays where it is.
    fn both(&mut self, room: Bytes, count: &Bytes) -> Bytes {
        let both = self.both.entry(room.as_ptr());
        both.or_insert_with(|| [&room[..], count].concat().into()).clone()
    }

    fn of_answer(&mut self, from: Option<Cursor>, answer: &RoomAnswer) -> Option<Bytes> {
        if let RoomAnswer::Snapshot(snapshot) = answer {
            let frame = || frame::of_snapshot(snapshot); // the same, from wherever they asked
            return Some(self.snapshot.get_or_insert_with(frame).clone());
        }
        let frame = self.diff.entry(from.filter(|_| !planted::is(Bug::SharedDiff)));
        frame.or_insert_with(|| frame::of_answer(answer)).clone()
    }

    fn too_large(&mut self, answer: &RoomAnswer) -> Bytes {
        let frame = || frame::too_large(answer.room_id(), answer.cursor(), answer.online_count());
        self.too_large.get_or_insert_with(frame).clone()
    }

    fn count_at(&mut self, answer: &RoomAnswer) -> Bytes {
        let frame = || frame::count(answer.room_id(), answer.online_count(), Some(answer.cursor()));
        self.count_at.get_or_insert_with(frame).clone()
    }

    fn count(&mut self, answer: &RoomAnswer) -> Bytes {
        let frame = || frame::count(answer.room_id(), answer.online_count(), None);
        self.count.get_or_insert_with(frame).clone()
    }

    /// Of a reader who was current: what came before a stream began was another login.
    fn is_logged_out(answer: &RoomAnswer, viewer: &UserId) -> bool {
        let RoomAnswer::Diff(diff) = answer else {
            return false;
        };
        let mut left = diff.left.iter();
        left.any(|left| left.reason == "logged_out" && left.user_id == *viewer)
    }
}

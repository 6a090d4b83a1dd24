//! One watched room and its subscribers: what to ask for them, and who gets what of the answers. Pure.
//!
//! Most watch the room whole, some its count alone, some both. Above so many members all watch the count alone, until
//! there are at most four fifths of that again: whoever watched it whole gets a snapshot then.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{FALSE_ALARM, Output, RingName, StreamId, Topic, Wish, frame};
use crate::domain::{Cursor, RoomAnswer, RoomId, RoomQuestion, RoomsAnswer, UserId};

/// Where a question begins, and whether it asks for more than the count.
pub type Asked = (Option<Cursor>, bool);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    Asking(Option<Cursor>),
    Current,
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
    pub fn new(viewer: UserId, wish: Wish, cursor: Option<Cursor>) -> Self {
        Self {
            viewer,
            at: At::Asking(cursor),
            whole: wish.whole.then_some(None),
            count: wish.count.then_some(None),
        }
    }

    fn asks(&self, head: Option<Cursor>) -> Option<Asked> {
        match (self.at, self.whole) {
            (At::Lagging, _) => None,
            (_, None) => Some((None, false)),
            (_, Some(Some(_))) => Some((None, true)),
            (At::Asking(cursor), Some(None)) => Some((cursor, true)),
            (At::Current, Some(None)) => Some((head, true)),
        }
    }
}

#[derive(Debug)]
pub struct Room {
    pub ring: RingName,
    pub head: Option<Cursor>,
    /// Changes that come before this merge into one diff.
    pub quiet_until: Option<Instant>,
    pub subscribers: BTreeMap<StreamId, Subscriber>,
    too_large: bool,
}

impl Room {
    pub fn new(ring: RingName) -> Self {
        Self {
            ring,
            head: None,
            quiet_until: None,
            subscribers: BTreeMap::new(),
            too_large: false,
        }
    }

    /// Somebody who asks is never kept waiting by the merging of what others see.
    pub fn is_due(&self, now: Instant) -> bool {
        let quiet = self.quiet_until.is_some_and(|until| now < until);
        let mut states = self.subscribers.values().map(|subscriber| subscriber.at);
        states.any(|at| match at {
            At::Asking(_) => true,
            At::Current => !quiet,
            At::Lagging => false,
        })
    }

    /// What to ask for all of them. Whoever wants the count alone reads it from any other answer.
    pub fn questions(&self, id: &RoomId, detail_max: i32) -> Vec<RoomQuestion> {
        let asks = self.subscribers.values().filter_map(|s| s.asks(self.head));
        let mut asked: HashSet<Asked> = asks.collect();
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
        asked.into_iter().map(question).collect()
    }

    /// Who gets what of a read's answers; returns the streams whose viewer may not see the room.
    pub fn apply(
        &mut self,
        id: &RoomId,
        answers: &HashMap<Asked, &RoomAnswer>,
        asked: &HashSet<&(RoomId, UserId)>,
        allowed: &RoomsAnswer,
        outputs: &mut Vec<Output>,
    ) -> Vec<StreamId> {
        let Some(any) = answers.values().next() else {
            return vec![];
        };
        let mut frames = Frames::default();
        let mut revoked = vec![];
        for (&stream, subscriber) in &mut self.subscribers {
            let Some(question) = subscriber.asks(self.head) else {
                continue;
            };
            let pair = (id.clone(), subscriber.viewer.clone());
            let found = if question.1 {
                answers.get(&question)
            } else {
                Some(any)
            };
            let (Some(found), true) = (found, asked.contains(&pair)) else {
                continue;
            };
            if !allowed.allowed.contains(&pair) {
                revoked.push(stream);
                continue;
            }
            let told = subscriber.tell(question.0, self.head, found, &mut frames);
            outputs.extend(told.map(|frame| Output::Frame(stream, Topic::Room(id.clone()), frame)));
            if subscriber.at == At::Current && Frames::is_logged_out(found, &subscriber.viewer) {
                outputs.push(Output::LoggedOut(stream));
            }
            if subscriber.at != At::Current {
                outputs.push(Output::Answered(stream, Topic::Room(id.clone())));
            }
            subscriber.at = At::Current;
        }
        self.head = Some(any.cursor());
        self.too_large = answers
            .iter()
            .any(|((_, whole), answer)| *whole && matches!(answer, RoomAnswer::Count(_)));
        revoked
    }

    /// After an answer: what changed is told at once and then merged; a ring that meant nothing quiets for a moment.
    pub fn quiet(&mut self, before: Option<Cursor>, now: Instant, merge: Duration) {
        let changed = before != self.head;
        let quiet = if changed { merge } else { merge.min(FALSE_ALARM) };
        self.quiet_until = Some(now + quiet);
    }
}

impl Subscriber {
    /// `from`: where its question began; `head`: where all current ones stood. A room and its count go out in one piece:
    /// where there is no place for both there is none for either, and both are told anew.
    fn tell(
        &mut self,
        from: Option<Cursor>,
        head: Option<Cursor>,
        found: &RoomAnswer,
        frames: &mut Frames,
    ) -> Option<Bytes> {
        let count = found.online_count();
        let mut is_counted = false;
        let room = match (&mut self.whole, found) {
            (None, _) => None,
            (Some(told), RoomAnswer::Count(_)) => {
                let before = told.replace(count);
                let is_same_epoch = head.is_some_and(|head| head.epoch == found.cursor().epoch);
                if self.at != At::Current || before.is_none() || !is_same_epoch {
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
        let is_news = |told: &mut Option<i64>| told.replace(count) != Some(count) || self.at != At::Current;
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
    of_answer: HashMap<Option<Cursor>, Option<Bytes>>,
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
        let frame = self.of_answer.entry(from);
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

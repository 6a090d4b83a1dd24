//! Topics that read differently for each viewer: an event's dashboard, a person. Pure, as the hub. What a viewer may know
//! of comes from rooms, so a topic listens to the rings of the rooms that its last reading named, and is sent where it
//! reads differently from what was sent last.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{FALSE_ALARM, Output, RingName, StreamId, Topic};
use crate::domain::UserId;

/// Whose eyes, and at what. Never a room: those read alike for all.
pub type Key = (UserId, Topic);

/// What a topic reads like now.
#[derive(Debug)]
pub struct Reading {
    /// As it is sent.
    pub frame: Bytes,
    /// The rooms from which it was read.
    pub rings: HashSet<RingName>,
}

#[derive(Debug, Default)]
struct View {
    rings: HashSet<RingName>,
    last: Option<Bytes>,
    quiet_until: Option<Instant>,
    /// Its last read failed: not again before.
    retry_at: Option<Instant>,
    /// Whether each was sent the last reading.
    streams: BTreeMap<StreamId, State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Asking,
    /// A read is under way that began after it asked.
    Asked,
    Current,
    Lagging,
}

/// All such topics of this node's streams.
#[derive(Debug)]
pub struct Views {
    merge: Duration,
    views: HashMap<Key, View>,
    dirty: HashSet<Key>,
    rings: HashMap<RingName, HashSet<Key>>,
    streams: HashMap<StreamId, Vec<Key>>,
    /// Being read at this moment.
    in_flight: HashSet<Key>,
    /// What rang meanwhile: a read may find rooms that nobody listened to when it began.
    heard: HashSet<RingName>,
}

impl Views {
    /// `merge`: as of rooms.
    pub fn new(merge: Duration) -> Self {
        Self {
            merge,
            views: HashMap::new(),
            dirty: HashSet::new(),
            rings: HashMap::new(),
            streams: HashMap::new(),
            in_flight: HashSet::new(),
            heard: HashSet::new(),
        }
    }

    /// A stream begins to watch.
    pub fn subscribe(&mut self, stream: StreamId, key: Key) {
        self.streams.entry(stream).or_default().push(key.clone());
        let view = self.views.entry(key.clone()).or_default();
        view.streams.insert(stream, State::Asking);
        self.dirty.insert(key);
    }

    /// A stream is gone.
    pub fn close(&mut self, stream: StreamId) {
        for key in self.streams.remove(&stream).unwrap_or_default() {
            self.forget(stream, &key);
        }
    }

    /// A room of that name changed.
    pub fn ring(&mut self, ring: &str) {
        self.dirty
            .extend(self.rings.get(ring).into_iter().flatten().cloned());
        if !self.in_flight.is_empty() {
            self.heard.insert(ring.to_owned());
        }
    }

    /// Everything may have changed.
    pub fn ring_all(&mut self) {
        self.dirty.extend(self.views.keys().cloned());
    }

    /// The stream's queue had no place.
    pub fn lagged(&mut self, stream: StreamId, key: &Key) {
        if let Some(state) = self
            .views
            .get_mut(key)
            .and_then(|view| view.streams.get_mut(&stream))
        {
            *state = State::Lagging;
        }
    }

    /// The stream's queue is empty again.
    pub fn resumed(&mut self, stream: StreamId) {
        for key in self.streams.get(&stream).into_iter().flatten() {
            let state = self
                .views
                .get_mut(key)
                .and_then(|view| view.streams.get_mut(&stream));
            if let Some(state) = state.filter(|state| **state == State::Lagging) {
                *state = State::Asking;
                self.dirty.insert(key.clone());
            }
        }
    }

    /// At most so many that are to be read now, none of which is being read; takes their marks. Each is to be handed to
    /// `apply` or `undo`.
    pub fn plan(&mut self, now: Instant, max: usize) -> Vec<Key> {
        let due = |key: &&Key| {
            let view = self.views.get(*key);
            view.is_some_and(|view| view.is_due(now)) && !self.in_flight.contains(*key)
        };
        let plan: Vec<Key> = self.dirty.iter().filter(due).take(max).cloned().collect();
        for key in &plan {
            self.dirty.remove(key);
            self.in_flight.insert(key.clone());
            if let Some(view) = self.views.get_mut(key) {
                view.turn(State::Asking, State::Asked);
            }
        }
        plan
    }

    fn landed(&mut self, key: &Key) {
        self.in_flight.remove(key);
        if self.in_flight.is_empty() {
            self.heard.clear();
        }
    }

    /// When the next one that is dirty but still quiet becomes due.
    pub fn due_at(&self, now: Instant) -> Option<Instant> {
        let views = self.dirty.iter().filter_map(|key| self.views.get(key));
        let due = views.filter_map(|view| view.retry_at.max(view.quiet_until));
        due.filter(|due| *due > now).min()
    }

    /// The read failed: as dirty as before, but not before this moment.
    pub fn undo(&mut self, key: Key, until: Instant) {
        if let Some(view) = self.views.get_mut(&key) {
            view.retry_at = Some(until);
            view.turn(State::Asked, State::Asking);
            self.dirty.insert(key.clone());
        }
        self.landed(&key);
    }

    /// What it reads like; none: the viewer may not, or no longer, know of it. Who asked since the read began is answered
    /// by the next one: what they did before they asked may not be in this one.
    pub fn apply(&mut self, key: &Key, reading: Option<Reading>, now: Instant) -> Vec<Output> {
        let outputs = self.apply_one(key, reading, now);
        self.landed(key);
        outputs
    }

    fn apply_one(&mut self, key: &Key, reading: Option<Reading>, now: Instant) -> Vec<Output> {
        let Some(view) = self.views.get_mut(key) else {
            return vec![];
        };
        let topic = &key.1;
        let Some(reading) = reading else {
            let asked = view.streams.iter().filter(|(_, state)| **state != State::Asking);
            let streams: Vec<StreamId> = asked.map(|(stream, _)| *stream).collect();
            for stream in &streams {
                if let Some(watched) = self.streams.get_mut(stream) {
                    watched.retain(|watched| watched != key);
                }
                self.forget(*stream, key);
            }
            let revoked = |stream| Output::Revoked(stream, topic.clone());
            return streams.into_iter().map(revoked).collect();
        };
        view.retry_at = None;
        let changed = view.last.as_ref() != Some(&reading.frame);
        let mut outputs = vec![];
        for (&stream, state) in &mut view.streams {
            match state {
                State::Asking | State::Lagging => continue,
                State::Current if !changed => continue,
                State::Asked | State::Current => {}
            }
            outputs.push(Output::Frame(stream, topic.clone(), reading.frame.clone()));
            if *state == State::Asked {
                outputs.push(Output::Answered(stream, topic.clone()));
            }
            *state = State::Current;
        }
        let quiet = if changed {
            self.merge
        } else {
            self.merge.min(FALSE_ALARM)
        };
        view.quiet_until = Some(now + quiet);
        view.last = Some(reading.frame);
        let before = std::mem::replace(&mut view.rings, reading.rings.clone());
        for ring in before.difference(&reading.rings) {
            self.unlisten(ring, key);
        }
        for ring in reading.rings.difference(&before) {
            self.rings.entry(ring.clone()).or_default().insert(key.clone());
            if self.heard.contains(ring) {
                self.dirty.insert(key.clone());
            }
        }
        outputs
    }

    fn forget(&mut self, stream: StreamId, key: &Key) {
        let Some(view) = self.views.get_mut(key) else {
            return;
        };
        view.streams.remove(&stream);
        if view.streams.is_empty() {
            let rings = std::mem::take(&mut view.rings);
            self.views.remove(key);
            self.dirty.remove(key);
            rings.iter().for_each(|ring| self.unlisten(ring, key));
        }
    }

    fn unlisten(&mut self, ring: &RingName, key: &Key) {
        if let Some(keys) = self.rings.get_mut(ring) {
            keys.remove(key);
            if keys.is_empty() {
                self.rings.remove(ring);
            }
        }
    }
}

impl View {
    fn is_due(&self, now: Instant) -> bool {
        if self.retry_at.is_some_and(|at| now < at) {
            return false;
        }
        let quiet = self.quiet_until.is_some_and(|until| now < until);
        let mut states = self.streams.values();
        // Whoever asks waits for no merging.
        states.any(|state| match state {
            State::Asking => true,
            State::Current => !quiet,
            State::Asked | State::Lagging => false,
        })
    }

    fn turn(&mut self, from: State, to: State) {
        let states = self.streams.values_mut().filter(|state| **state == from);
        states.for_each(|state| *state = to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::EventId;

    const MERGE: Duration = Duration::from_millis(100);

    fn key(viewer: &str) -> Key {
        (UserId::trusted(viewer), Topic::Event(EventId::trusted("gala")))
    }

    fn reads(text: &'static str, rings: &[&str]) -> Option<Reading> {
        Some(Reading {
            frame: Bytes::from(text),
            rings: rings.iter().map(|ring| (*ring).to_owned()).collect(),
        })
    }

    /// The streams that get a frame, and how many are answered.
    fn sent(outputs: &[Output]) -> (Vec<StreamId>, usize) {
        let frames = outputs.iter().filter_map(|output| match output {
            Output::Frame(stream, ..) => Some(*stream),
            _ => None,
        });
        let answered = outputs
            .iter()
            .filter(|output| matches!(output, Output::Answered(..)));
        (frames.collect(), answered.count())
    }

    #[test]
    fn it_is_read_once_a_viewer_and_sent_where_it_reads_differently() {
        let (mut views, now) = (Views::new(MERGE), Instant::now());
        views.subscribe(1, key("alice"));
        views.subscribe(2, key("alice"));
        assert_eq!(views.plan(now, 10), [key("alice")]);
        assert_eq!(
            sent(&views.apply(&key("alice"), reads("one", &["a"]), now)),
            (vec![1, 2], 2)
        );

        views.ring("another room");
        assert!(views.plan(now + MERGE, 10).is_empty());
        views.ring("a");
        assert!(views.plan(now, 10).is_empty(), "merged");
        assert_eq!(views.due_at(now), Some(now + MERGE));
        assert_eq!(views.plan(now + MERGE, 10), [key("alice")]);
        assert_eq!(
            sent(&views.apply(&key("alice"), reads("one", &["b"]), now)),
            (vec![], 0)
        );

        views.ring("a");
        assert!(views.plan(now + MERGE, 10).is_empty(), "it is about room b now");
        views.ring("b");
        assert_eq!(views.plan(now + MERGE, 10).len(), 1);
        assert_eq!(
            sent(&views.apply(&key("alice"), reads("two", &["b"]), now)),
            (vec![1, 2], 0)
        );
    }

    #[test]
    fn what_rings_while_it_is_read_and_who_asks_meanwhile_are_not_forgotten() {
        let (mut views, now) = (Views::new(MERGE), Instant::now());
        views.subscribe(1, key("alice"));
        views.plan(now, 10);
        views.ring("a"); // nobody knows yet that it is about room a
        views.subscribe(2, key("alice"));
        assert!(views.plan(now, 10).is_empty(), "it is being read");

        let first = views.apply(&key("alice"), reads("one", &["a"]), now);
        assert_eq!(sent(&first), (vec![1], 1), "the other asked later");
        assert_eq!(views.plan(now, 10).len(), 1);
        let second = views.apply(&key("alice"), reads("two", &["a"]), now);

        assert_eq!(sent(&second), (vec![1, 2], 1));
        assert!(views.heard.is_empty() && views.in_flight.is_empty());
    }

    #[test]
    fn a_lagging_stream_gets_the_latest_once_it_has_caught_up() {
        let (mut views, now) = (Views::new(MERGE), Instant::now());
        views.subscribe(1, key("alice"));
        views.plan(now, 10);
        views.apply(&key("alice"), reads("one", &["a"]), now);
        views.lagged(1, &key("alice"));
        views.ring("a");
        assert!(views.plan(now + MERGE, 10).is_empty(), "nobody could take it");

        views.resumed(1);
        assert_eq!(views.plan(now, 10).len(), 1, "whoever asks waits for no merging");

        assert_eq!(
            sent(&views.apply(&key("alice"), reads("one", &["a"]), now)).0,
            [1]
        );
    }

    #[test]
    fn a_failed_read_is_made_again_later_and_nothing_is_left_of_who_may_not_see() {
        let (mut views, now) = (Views::new(MERGE), Instant::now());
        views.subscribe(1, key("alice"));
        let plan = views.plan(now, 10);
        views.undo(plan[0].clone(), now + MERGE);
        assert!(views.plan(now, 10).is_empty());
        views.subscribe(2, key("alice"));
        assert!(views.plan(now, 10).is_empty(), "whoever asks waits for it too");
        assert_eq!(views.due_at(now), Some(now + MERGE));
        assert_eq!(views.plan(now + MERGE, 10), plan);
        views.apply(&key("alice"), reads("one", &["a"]), now);
        views.close(2);

        let outputs = views.apply(&key("alice"), None, now);

        assert_eq!(outputs, [Output::Revoked(1, key("alice").1)]);
        assert!(views.views.is_empty() && views.rings.is_empty() && views.dirty.is_empty());
        views.close(1);
        assert!(views.streams.is_empty());
    }
}

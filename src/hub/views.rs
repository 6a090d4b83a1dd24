//! Topics that read differently for each viewer: an event's dashboard, a person. Pure, as the hub. What a viewer may know
//! of comes from rooms, so a topic listens to the rings of the rooms that its last reading named, and is sent where it
//! reads differently from what was sent last.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{FALSE_ALARM, Output, RingName, StreamId, Topic};
use crate::{
    domain::UserId,
    planted::{self, Bug},
};

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
        if !self.in_flight.is_empty() && !planted::is(Bug::ViewDeaf) {
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
            let due = view.and_then(|view| view.due_at(now));
            due.is_some_and(|due| due <= now) && !self.in_flight.contains(*key)
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

    /// When the next one that is dirty, and not being read, becomes due; what has passed is due now.
    pub fn due_at(&self, now: Instant) -> Option<Instant> {
        let waiting = self.dirty.difference(&self.in_flight);
        let views = waiting.filter_map(|key| self.views.get(key));
        views.filter_map(|view| view.due_at(now)).min()
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
                State::Asking if planted::is(Bug::ViewLateServed) => {}
                State::Asking | State::Lagging => continue,
                State::Current if !changed => continue,
                State::Asked | State::Current => {}
            }
            outputs.push(Output::Frame(stream, topic.clone(), reading.frame.clone()));
            if *state != State::Current {
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
            if planted::is(Bug::ViewRingsKept) && !before.is_empty() {
                continue;
            }
            self.rings.entry(ring.clone()).or_default().insert(key.clone());
            if self.heard.contains(ring) {
                self.dirty.insert(key.clone());
            }
        }
        outputs
    }

    /// Whether nothing is left of anything.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.views.is_empty()
            && self.dirty.is_empty()
            && self.rings.is_empty()
            && self.streams.is_empty()
            && self.in_flight.is_empty()
            && self.heard.is_empty()
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
    /// When it is to be read, where it is dirty; none: nobody could take it.
    fn due_at(&self, now: Instant) -> Option<Instant> {
        let is_any = |wanted| self.streams.values().any(|state| *state == wanted);
        // Whoever asks waits for no merging.
        let quiet = match is_any(State::Asking) {
            true => None,
            false if is_any(State::Current) => self.quiet_until,
            false => return None,
        };
        Some(self.retry_at.max(quiet).unwrap_or(now))
    }

    fn turn(&mut self, from: State, to: State) {
        let states = self.streams.values_mut().filter(|state| **state == from);
        states.for_each(|state| *state = to);
    }
}

#[cfg(test)]
mod tests;

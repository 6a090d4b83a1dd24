//! Dashboards between rooms that change and their viewers, driven as the relay drives them, and what must hold meanwhile.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{ROOMS, SLOTS, Step, TOPICS, VIEWERS};
use crate::{
    domain::{EventId, UserId},
    hub::{
        Output, StreamId, Topic,
        model::{client::expect, world::MERGE},
        views::{Key, Reading, Views},
    },
};

const AT_ONCE: usize = 2;
const AGAIN: Duration = Duration::from_secs(1);

type Checked = Result<(), String>;

#[derive(Debug)]
struct Watched {
    asked: u64,
    is_answered: bool,
    is_revoked: bool,
    is_lagging: bool,
    reads: Option<Bytes>,
}

#[derive(Debug)]
struct Stream {
    id: StreamId,
    viewer: usize,
    is_full: bool,
    topics: BTreeMap<usize, Watched>,
}

struct Flight {
    key: Key,
    number: u64,
    /// What it read like, and what may be known of it.
    read: Option<(Option<Bytes>, BTreeSet<usize>)>,
}

pub struct World {
    views: Views,
    now: Instant,
    rooms: [u64; ROOMS],
    dashboards: [BTreeSet<usize>; TOPICS],
    allowed: HashMap<(usize, usize), bool>,
    rings: VecDeque<usize>,
    /// Something changed where no room could ring for it: a look at everything finds it.
    is_unheard: bool,
    slots: [Option<Stream>; SLOTS],
    opened: StreamId,
    plans: u64,
    flights: Vec<Flight>,
}

fn topic_of(topic: usize) -> Topic {
    Topic::Event(EventId::trusted(topic.to_string()))
}

fn key_of(viewer: usize, topic: usize) -> Key {
    (UserId::trusted(viewer.to_string()), topic_of(topic))
}

/// Viewer and topic.
fn numbers(key: &Key) -> (usize, usize) {
    let all = (0..VIEWERS).flat_map(|viewer| (0..TOPICS).map(move |topic| (viewer, topic)));
    let mut found = all.filter(|(viewer, topic)| key_of(*viewer, *topic) == *key);
    found.next().expect("a key of the model")
}

impl World {
    pub fn new() -> Self {
        Self {
            views: Views::new(MERGE),
            now: Instant::now(),
            rooms: [0; ROOMS],
            dashboards: [BTreeSet::from([0, 1]), BTreeSet::from([1, 2])],
            allowed: HashMap::new(),
            rings: VecDeque::new(),
            is_unheard: false,
            slots: Default::default(),
            opened: 0,
            plans: 0,
            flights: vec![],
        }
    }

    /// What the key reads like now; none: not to be known of.
    fn truth(&self, viewer: usize, topic: usize) -> Option<Bytes> {
        let may = self.allowed.get(&(viewer, topic)).copied().unwrap_or(true);
        let rooms = self.dashboards[topic]
            .iter()
            .map(|room| (room, self.rooms[*room]));
        may.then(|| Bytes::from(format!("{viewer} {topic} {:?}", rooms.collect::<Vec<_>>())))
    }

    /// Rings for every room of a dashboard; it has to have one.
    fn ring_of(&mut self, topic: usize) {
        self.is_unheard |= self.dashboards[topic].is_empty();
        self.rings.extend(self.dashboards[topic].iter());
    }

    pub fn step(&mut self, step: &Step) -> Checked {
        match *step {
            Step::Change { room } => {
                self.rooms[room] += 1;
                self.rings.push_back(room);
            }
            Step::Put { topic, room, on } => {
                self.ring_of(topic);
                match on {
                    true => self.dashboards[topic].insert(room),
                    false => self.dashboards[topic].remove(&room),
                };
            }
            Step::Allow { viewer, topic, may } => {
                self.allowed.insert((viewer, topic), may);
                self.ring_of(topic);
            }
            Step::Open { slot, viewer, topics } => self.open(slot, viewer, topics),
            Step::Close { slot } => self.close(slot),
            Step::Fill { slot } => {
                let stream = self.slots[slot].iter_mut();
                stream.for_each(|stream| stream.is_full = true);
            }
            Step::Drain { slot } => self.drain(slot),
            Step::Hear { which } => self.hear(which),
            Step::HearAll => self.views.ring_all(),
            Step::Plan => self.plan()?,
            Step::Read { which } => self.read(which),
            Step::Land { which, arrives } => self.land(which, arrives)?,
            Step::Pass { ms } => self.now += Duration::from_millis(ms),
        }
        Ok(())
    }

    fn open(&mut self, slot: usize, viewer: usize, topics: [bool; TOPICS]) {
        self.close(slot);
        self.opened += 1;
        let mut stream = Stream {
            id: self.opened,
            viewer,
            is_full: false,
            topics: BTreeMap::new(),
        };
        for topic in (0..TOPICS).filter(|topic| topics[*topic]) {
            self.views.subscribe(stream.id, key_of(viewer, topic));
            let watched = Watched {
                asked: self.plans,
                is_answered: false,
                is_revoked: false,
                is_lagging: false,
                reads: None,
            };
            stream.topics.insert(topic, watched);
        }
        self.slots[slot] = Some(stream);
    }

    fn close(&mut self, slot: usize) {
        if let Some(stream) = self.slots[slot].take() {
            self.views.close(stream.id);
        }
    }

    fn drain(&mut self, slot: usize) {
        let Some(stream) = &mut self.slots[slot] else {
            return;
        };
        stream.is_full = false;
        let mut lagged = false;
        for watched in stream.topics.values_mut().filter(|watched| watched.is_lagging) {
            (watched.is_lagging, watched.asked, lagged) = (false, self.plans, true);
        }
        if lagged {
            self.views.resumed(stream.id);
        }
    }

    fn hear(&mut self, which: usize) {
        if !self.rings.is_empty() {
            let room = self.rings.remove(which % self.rings.len()).expect("one of them");
            self.views.ring(&room.to_string());
        }
    }

    fn plan(&mut self) -> Checked {
        let free = AT_ONCE - self.flights.len();
        let keys = self.views.plan(self.now, free);
        expect(keys.len() <= free, "more at a time than there is room for")?;
        if keys.len() < free {
            let due = self.views.due_at(self.now);
            expect(due.is_none_or(|due| due > self.now), "due, and not begun")?;
        }
        self.plans += 1;
        for key in keys {
            expect(
                self.flights.iter().all(|flight| flight.key != key),
                "read twice at a time",
            )?;
            self.flights.push(Flight {
                key,
                number: self.plans,
                read: None,
            });
        }
        Ok(())
    }

    fn read(&mut self, which: usize) {
        if !self.flights.is_empty() {
            let which = which % self.flights.len();
            let (viewer, topic) = numbers(&self.flights[which].key);
            let read = (self.truth(viewer, topic), self.dashboards[topic].clone());
            self.flights[which].read.get_or_insert(read);
        }
    }

    fn land(&mut self, which: usize, arrives: bool) -> Checked {
        if self.flights.is_empty() {
            return Ok(());
        }
        let which = which % self.flights.len();
        self.read(which);
        let flight = self.flights.remove(which);
        if !arrives {
            self.views.undo(flight.key, self.now + AGAIN);
            return Ok(());
        }
        let (frame, rooms) = flight.read.clone().expect("just read");
        let rings = rooms.iter().map(usize::to_string).collect();
        let reading = frame.clone().map(|frame| Reading { frame, rings });
        let outputs = self.views.apply(&flight.key, reading, self.now);
        self.check(&flight, frame.as_ref(), outputs)
    }

    fn check(&mut self, flight: &Flight, truth: Option<&Bytes>, outputs: Vec<Output>) -> Checked {
        let (viewer, topic) = numbers(&flight.key);
        for output in outputs {
            let (Output::Frame(id, ..) | Output::Revoked(id, _) | Output::Answered(id, _)) = &output else {
                return Err(format!("nobody was to get {output:?}"));
            };
            let mut streams = self.slots.iter_mut().flatten();
            let stream = streams.find(|stream| stream.id == *id && stream.viewer == viewer);
            let stream = stream.ok_or("something for a stream that is gone, or another viewer's")?;
            let is_full = stream.is_full;
            let watched = stream
                .topics
                .get_mut(&topic)
                .ok_or("something that is not watched")?;
            expect(!watched.is_revoked, "something after `revoked`")?;
            expect(watched.asked < flight.number, "an answer from before it asked")?;
            match output {
                Output::Frame(id, of, frame) => {
                    expect(
                        of == topic_of(topic) && Some(&frame) == truth,
                        "not what was read",
                    )?;
                    expect(!watched.is_lagging, "a frame for who lags")?;
                    expect(watched.reads.as_ref() != Some(&frame), "nothing new")?;
                    if is_full {
                        (watched.is_lagging, watched.reads) = (true, None);
                        self.views.lagged(id, &flight.key);
                    } else {
                        watched.reads = Some(frame);
                    }
                }
                Output::Revoked(..) => {
                    expect(truth.is_none(), "revoked from who may know of it")?;
                    watched.is_revoked = true;
                }
                _ => watched.is_answered = true,
            }
        }
        Ok(())
    }

    /// Nothing happens any more: everybody knows what is true, and once they are gone nothing is left of them.
    pub fn settle(mut self) -> Checked {
        while !self.rings.is_empty() {
            self.hear(0);
        }
        (0..SLOTS).for_each(|slot| self.drain(slot));
        if self.is_unheard {
            self.views.ring_all();
        }
        while !self.flights.is_empty() {
            self.land(0, true)?;
        }
        self.rest()?;
        for room in 0..ROOMS {
            // Whatever came before, each room is listened to.
            self.rooms[room] += 1;
            self.views.ring(&room.to_string());
            self.rest()?;
        }
        self.views.ring_all();
        self.now += MERGE;
        self.plan()?;
        (0..SLOTS).for_each(|slot| self.close(slot));
        while !self.flights.is_empty() {
            self.land(0, self.plans.is_multiple_of(2))?;
        }
        expect(
            self.views.is_empty(),
            "something is left of streams that are gone",
        )
    }

    /// Reads what is due until nothing is; then everybody knows what is true.
    fn rest(&mut self) -> Checked {
        for read in 0.. {
            self.plan()?;
            if self.flights.is_empty() {
                let Some(due) = self.views.due_at(self.now) else {
                    break;
                };
                self.now = due;
            }
            self.land(0, true)?;
            expect(read < 100, "never quiet")?;
        }
        for stream in self.slots.iter().flatten() {
            for (topic, watched) in &stream.topics {
                let truth = self.truth(stream.viewer, *topic);
                expect(truth.is_some() || watched.is_revoked, "not revoked")?;
                if !watched.is_revoked {
                    expect(watched.is_answered, "never answered")?;
                    expect(watched.reads == truth, "reads differently once it is quiet")?;
                }
            }
        }
        Ok(())
    }
}

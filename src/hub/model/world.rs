//! The hub between a Postgres and its clients, driven as the relay drives it.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::{
    client::{Client, Picture, expect},
    postgres::{Moment, Postgres, ROOMS, ring_name, room_id, user_id},
};
use crate::{
    domain::{Cursor, RoomsAnswer},
    hub::{Hub, Plan, StreamId, Wish},
};

pub const MERGE: Duration = Duration::from_millis(100);
/// Of a room with more members the number alone is told, until there are at most [`DETAIL_AGAIN`].
pub const DETAIL_MAX: usize = 4;
pub const DETAIL_AGAIN: usize = 3;
pub const STREAMS: usize = 5;
/// Reads after which it must be quiet, where nothing happens any more.
const READS_MAX: usize = 20;

pub type Checked = Result<(), String>;

/// Where a client says that it stands when it subscribes.
#[derive(Debug, Clone, Copy)]
pub enum Stand {
    Nowhere,
    /// So many revisions, or epochs, ago; 0: at the head.
    Past(u8),
    /// Beyond the head.
    Future,
    /// In an epoch that never was, at the head's number.
    Elsewhere,
}

/// A room that a stream watches.
pub struct Watched {
    pub client: Client,
    /// How many plans had been made when it asked last: the answer is to one of the later ones.
    pub asked: u64,
    pub is_answered: bool,
    pub is_revoked: bool,
    pub is_lagging: bool,
    /// When it was told of a change last.
    pub last_diff: Option<Instant>,
}

pub struct Stream {
    pub id: StreamId,
    pub viewer: usize,
    /// Its queue has no place.
    pub is_full: bool,
    pub rooms: BTreeMap<usize, Watched>,
}

pub struct Flight {
    pub plan: Plan,
    pub number: u64,
    pub read: Option<(RoomsAnswer, Moment)>,
}

/// What clients were sent, to see that a run was one.
#[derive(Debug, Default, Clone, Copy)]
pub struct Told {
    pub snapshots: usize,
    pub diffs: usize,
    pub counts: usize,
    pub revoked: usize,
}

pub struct World {
    pub hub: Hub,
    pub postgres: Postgres,
    pub now: Instant,
    pub streams: Vec<Option<Stream>>,
    pub told: Told,
    opened: StreamId,
    plans: u64,
    flight: Option<Flight>,
    /// The key of rings that the node knows of.
    key: u64,
    /// A ring was lost: only a look at everything makes up for it.
    is_lossy: bool,
    /// Nothing was due; and until when, if nothing happens.
    idle: Option<Option<Instant>>,
}

impl World {
    pub fn new() -> Self {
        let postgres = Postgres::new();
        Self {
            hub: Hub::new(MERGE, DETAIL_MAX as i32),
            now: Instant::now(),
            streams: (0..STREAMS).map(|_| None).collect(),
            told: Told::default(),
            opened: 0,
            plans: 0,
            flight: None,
            key: postgres.key,
            is_lossy: false,
            idle: None,
            postgres,
        }
    }

    pub fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// A stream opens in a slot; whatever was there is closed.
    pub fn open(&mut self, slot: usize, viewer: usize, wishes: &[(Wish, Stand); ROOMS]) {
        self.close(slot);
        self.opened += 1;
        let (id, mut rooms) = (self.opened, BTreeMap::new());
        for (room, &(wish, stand)) in wishes.iter().enumerate() {
            if !wish.whole && !wish.count {
                continue;
            }
            let (cursor, picture) = self.stand(room, if wish.whole { stand } else { Stand::Nowhere });
            let ring = ring_name(self.key, &room_id(room));
            self.hub
                .subscribe(id, user_id(viewer), room_id(room), wish, cursor, ring);
            let watched = Watched {
                client: Client {
                    room: room_id(room).to_string(),
                    is_whole: wish.whole,
                    is_counted: wish.count,
                    picture,
                    count: None,
                },
                asked: self.plans,
                is_answered: false,
                is_revoked: false,
                is_lagging: false,
                last_diff: None,
            };
            rooms.insert(room, watched);
        }
        self.streams[slot] = Some(Stream {
            id,
            viewer,
            is_full: false,
            rooms,
        });
        self.idle = None;
    }

    fn stand(&self, room: usize, stand: Stand) -> (Option<Cursor>, Picture) {
        let head = self.postgres.truth(room);
        let (epoch, revision) = (head.epoch, head.revision);
        match stand {
            Stand::Nowhere => (None, Picture::Nothing),
            Stand::Future => {
                let revision = revision + 1_000_000;
                (Some(Cursor { epoch, revision }), Picture::Nothing)
            }
            Stand::Elsewhere => {
                let epoch = Uuid::from_u128(u128::MAX);
                (Some(Cursor { epoch, revision }), Picture::Nothing)
            }
            Stand::Past(ago) => {
                let past = self.postgres.history[room].iter().rev().nth(ago.into());
                let cursor = past.map(|past| Cursor {
                    epoch: past.epoch,
                    revision: past.revision,
                });
                (cursor, past.map_or(Picture::Nothing, Picture::from))
            }
        }
    }

    pub fn close(&mut self, slot: usize) {
        if let Some(stream) = self.streams[slot].take() {
            self.hub.close(stream.id);
            self.idle = None; // what was due may have been of this stream alone
        }
    }

    /// The queue of this stream has no place from here on.
    pub fn fill(&mut self, slot: usize) {
        if let Some(stream) = &mut self.streams[slot] {
            stream.is_full = true;
        }
    }

    /// The stream's reader took what waited.
    pub fn drain(&mut self, slot: usize) {
        let Some(stream) = &mut self.streams[slot] else {
            return;
        };
        stream.is_full = false;
        let mut lagging = stream
            .rooms
            .values_mut()
            .filter(|watched| watched.is_lagging)
            .peekable();
        if lagging.peek().is_some() {
            for watched in lagging {
                (watched.is_lagging, watched.asked) = (false, self.plans);
            }
            self.hub.resumed(stream.id);
            self.idle = None;
        }
    }

    /// One of the rings that nobody heard yet; `again`: and it comes once more.
    pub fn deliver(&mut self, which: usize, again: bool) {
        let rings = &mut self.postgres.rings;
        if rings.is_empty() {
            return;
        }
        let which = which % rings.len();
        let ring = match again {
            true => rings.get(which).cloned(),
            false => rings.remove(which),
        };
        self.hear(&ring.expect("one of them"));
    }

    pub fn lose(&mut self, which: usize) {
        let rings = &mut self.postgres.rings;
        if !rings.is_empty() {
            rings.remove(which % rings.len());
            self.is_lossy = true;
        }
    }

    pub fn hear(&mut self, ring: &str) {
        if ring == "*" {
            self.hub.ring_all();
            self.key = self.postgres.key;
            let key = self.key;
            self.hub.rename_rings(|room| ring_name(key, room));
        } else {
            self.hub.ring(ring);
        }
        self.idle = None;
    }

    /// A plan, unless one is under way.
    pub fn plan(&mut self) -> Checked {
        if self.flight.is_some() {
            return Ok(());
        }
        let plan = self.hub.plan(self.now);
        let due = self.idle.take();
        let is_due = due.is_none_or(|due| due.is_some_and(|due| due <= self.now));
        if plan.questions.is_empty() {
            expect(due.is_none() || !is_due, "said to be due, and is not")?;
            self.idle = Some(self.hub.due_at(self.now));
            return Ok(());
        }
        expect(
            is_due,
            "due before the moment that was said, with nothing in between",
        )?;
        self.plans += 1;
        self.flight = Some(Flight {
            plan,
            number: self.plans,
            read: None,
        });
        Ok(())
    }

    /// Postgres answers the plan that is under way, now.
    pub fn read(&mut self) {
        if let Some(flight) = &mut self.flight {
            let postgres = &self.postgres;
            flight
                .read
                .get_or_insert_with(|| postgres.read_rooms(&flight.plan));
        }
    }

    /// The answer arrives, or it never will.
    pub fn land(&mut self, arrives: bool) -> Checked {
        if arrives {
            self.read();
        }
        let Some(flight) = self.flight.take() else {
            return Ok(());
        };
        self.idle = None;
        let Some((answer, moment)) = flight.read.as_ref().filter(|_| arrives) else {
            self.hub.undo(&flight.plan);
            return Ok(());
        };
        let outputs = self.hub.apply(&flight.plan, answer, self.now);
        self.check(&flight, moment, outputs)
    }

    /// Nothing happens any more: everybody knows everything, and once they are gone nothing is left of them.
    pub fn settle(mut self) -> Result<Told, String> {
        self.postgres.reap();
        while !self.postgres.rings.is_empty() {
            self.deliver(0, false);
        }
        (0..STREAMS).for_each(|slot| self.drain(slot));
        if self.is_lossy {
            self.hear("*"); // as the listener does where it may have missed something
        }
        self.land(true)?;
        self.rest()?;
        for room in 0..ROOMS {
            // Whatever came before, each room is listened to.
            self.postgres.change(room, 1, 0);
            self.deliver(0, false);
            self.rest()?;
        }
        self.leave()
    }

    /// Reads what is due until nothing is; then everybody knows what is true.
    fn rest(&mut self) -> Checked {
        for read in 0.. {
            self.plan()?;
            if self.flight.is_none() && self.idle == Some(None) {
                break;
            }
            self.land(true)?;
            self.pass(MERGE / 2);
            expect(read < READS_MAX, "never quiet")?;
        }
        self.is_settled()
    }

    /// All streams close while a read is under way: nothing of them is left.
    fn leave(mut self) -> Result<Told, String> {
        self.hear("*");
        self.pass(MERGE);
        self.plan()?;
        self.read();
        (0..STREAMS).for_each(|slot| self.close(slot));
        let plans = self.plans;
        self.land(plans.is_multiple_of(2))?;
        let hub = &self.hub;
        expect(hub.size() == (0, 0), "rooms that nobody watches")?;
        expect(
            hub.dirty.is_empty() && hub.asking.is_empty() && hub.rings.is_empty() && hub.streams.is_empty(),
            "something is left of streams that are gone",
        )?;
        Ok(self.told)
    }
}

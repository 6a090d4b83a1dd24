//! Who might see which room when. A change of the application's tables is committed somewhere between the moments before and
//! after it was asked for: in between both may be true.

use std::collections::HashMap;

use crate::{
    clock::{Micros, NEVER},
    world::{Room, Tables, User},
};

/// Who, and where.
pub type Pairs = Vec<(Room, User)>;
type Spans = HashMap<(Room, User), Vec<(Micros, Micros)>>;

/// The history of access.
#[derive(Debug)]
pub struct Access {
    /// What the tables say; the later of two where a change is under way.
    pub tables: Tables,
    possible: Spans,
    certain: Spans,
}

impl Access {
    /// As the tables are at first.
    pub fn new(tables: Tables, at: Micros) -> Self {
        let mut access = Self {
            tables,
            possible: Spans::new(),
            certain: Spans::new(),
        };
        for pair in pairs().filter(|pair| access.tables.may_enter(pair.0, pair.1)) {
            access.possible.insert(pair, vec![(0, NEVER)]);
            access.certain.insert(pair, vec![(at, NEVER)]);
        }
        access
    }

    /// The tables are about to say something else; returns who loses access, and who gains it.
    pub fn begin(&mut self, next: &Tables, at: Micros) -> (Pairs, Pairs) {
        let changed = |from: &Tables, to: &Tables| {
            let lost = pairs().filter(|pair| from.may_enter(pair.0, pair.1) && !to.may_enter(pair.0, pair.1));
            lost.collect::<Vec<_>>()
        };
        let (losers, gainers) = (changed(&self.tables, next), changed(next, &self.tables));
        for pair in &losers {
            close(&mut self.certain, *pair, at);
        }
        for pair in &gainers {
            self.possible.entry(*pair).or_default().push((at, NEVER));
        }
        self.tables = next.clone();
        (losers, gainers)
    }

    /// They say it now.
    pub fn end(&mut self, losers: &[(Room, User)], gainers: &[(Room, User)], at: Micros) {
        for pair in losers {
            close(&mut self.possible, *pair, at);
        }
        for pair in gainers {
            self.certain.entry(*pair).or_default().push((at, NEVER));
        }
    }

    /// Whether this user might see this room at any moment between two.
    pub fn might(&self, room: Room, user: User, from: Micros, to: Micros) -> bool {
        let spans = self.possible.get(&(room, user));
        spans.is_some_and(|spans| spans.iter().any(|(begin, end)| *begin <= to && *end >= from))
    }

    /// Whether this user was sure to see this room at all moments between two.
    pub fn must(&self, room: Room, user: User, from: Micros, to: Micros) -> bool {
        let spans = self.certain.get(&(room, user));
        spans.is_some_and(|spans| spans.iter().any(|(begin, end)| *begin <= from && *end >= to))
    }

    /// Since when this user is sure not to see this room; none: might.
    pub fn gone_since(&self, room: Room, user: User) -> Option<Micros> {
        let spans = self.possible.get(&(room, user));
        let last = spans.and_then(|spans| spans.last()).map_or(0, |(_, end)| *end);
        (last != NEVER).then_some(last)
    }

    /// Whether anybody was let into a room of the event, or out of one, since then: dashboards are told of that by a sweep.
    pub fn changed_since(&self, event: &str, since: Micros) -> bool {
        let mut of_event = self
            .certain
            .iter()
            .filter(|((room, _), _)| room.event() == Some(event));
        of_event.any(|(_, spans)| {
            let mut moments = spans.iter().flat_map(|(begin, end)| [*begin, *end]);
            moments.any(|moment| moment >= since && moment != NEVER)
        })
    }
}

fn pairs() -> impl Iterator<Item = (Room, User)> {
    Room::all().flat_map(|room| User::all().map(move |user| (room, user)))
}

fn close(spans: &mut Spans, pair: (Room, User), at: Micros) {
    if let Some(last) = spans.get_mut(&pair).and_then(|spans| spans.last_mut())
        && last.1 == NEVER
    {
        last.1 = at;
    }
}

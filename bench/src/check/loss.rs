//! After a loss of all data nobody flickers whose stream is open: a node puts back what its streams hold before it tells
//! anybody of the new epoch.
//!
//! Claimed of one node at a time, and where nothing but the loss was broken: how soon a node finds the server again is
//! nobody's promise, and of a room that somebody holds nothing is put back.

use super::{State, face::faces, streams::cursor_of};
use crate::{
    check::streams::{Event, Stream},
    clock::{Micros, SECOND},
    world::{HALL, Room},
};

/// What a stream held for so long its node knows, with what people saw.
const KNOWN_AFTER: Micros = 2 * SECOND;
/// A loss is told of within this, and with what went before it nothing is claimed.
const AROUND: Micros = 6 * SECOND;

impl State {
    /// A stream is about to be told this: who is missing in it.
    pub(super) fn nobody_flickers(&mut self, number: u64, event: &Event) {
        let Some(lost) = self.ledger.lost() else { return };
        let Some(stream) = self.streams.open.get(&number) else {
            return;
        };
        if event.name != "snapshot" || self.calm.faults(lost - AROUND, event.at) != 1 {
            return;
        }
        let Some((room, missing)) = self.flickers(stream, event, lost) else {
            return;
        };
        let wrong = format!(
            "{missing:?} in {} by streams of node {} since before all data was lost at {lost}, and missing in what it tells after that",
            room.id(),
            stream.opened.node
        );
        self.violate_on(
            "nobody flickers whose stream is open when all data is lost",
            wrong,
            Some(number),
        );
    }

    fn flickers(&self, stream: &Stream, event: &Event, lost: Micros) -> Option<(Room, Vec<&str>)> {
        let room = event.data["room_id"].as_str().and_then(Room::find)?;
        let before = stream.pictures.get(&room)?;
        let (was, is) = (before.cursor?.epoch, cursor_of(&event.data)?.epoch);
        // A large room is told by its number, and then nobody is known by name.
        if was == is || was.is_nil() || stream.since > lost - KNOWN_AFTER || room == HALL {
            return None;
        }
        let now = faces(&event.data["members"]).ok()?;
        let of_node = self
            .streams
            .open
            .iter()
            .filter(|(_, other)| other.opened.node == stream.opened.node && !other.is_over);
        let of_node: Vec<u64> = of_node.map(|(number, _)| *number).collect();
        let missing = before.members.as_ref()?.keys().filter(|user| {
            !now.contains_key(user)
                && self.access.must(room, **user, lost - AROUND, event.at)
                && self
                    .ledger
                    .is_held_undisturbed(room, **user, &of_node, lost - KNOWN_AFTER)
        });
        let missing: Vec<&str> = missing.map(|user| user.id()).collect();
        (!missing.is_empty()).then_some((room, missing))
    }
}

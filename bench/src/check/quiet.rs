//! What must hold once everything is whole and nobody does anything new: the model, SQL and every stream say the same.

use super::{
    State,
    face::difference,
    sample::Sample,
    streams::{Stream, View},
};
use crate::{
    clock::{Micros, SECOND, now},
    node::DETAIL_MAX,
    world::{Room, User},
};

/// A stream that was opened a moment ago may not have been told yet.
const TOLD_WITHIN: Micros = SECOND;

impl State {
    /// Where SQL and the streams differ; the streams that do.
    pub fn streams_differ(&self, sample: &Sample) -> Vec<(u64, String)> {
        let mut wrongs = vec![];
        for (number, stream) in &self.streams.open {
            if stream.is_over || stream.is_stalled || stream.since + TOLD_WITHIN > now() {
                continue;
            }
            for room in stream.pictures.keys() {
                if let Some(wrong) = self.room_differs(stream, *room, sample) {
                    wrongs.push((
                        *number,
                        format!("stream {number} of {}: {wrong}", stream.opened.viewer.id()),
                    ));
                }
            }
            for view in &stream.opened.views {
                if let View::Count(room) = view
                    && let Some(wrong) = self.count_differs(stream, *room, sample)
                {
                    wrongs.push((
                        *number,
                        format!("stream {number} of {}: {wrong}", stream.opened.viewer.id()),
                    ));
                }
            }
        }
        wrongs
    }

    fn room_differs(&self, stream: &Stream, room: Room, sample: &Sample) -> Option<String> {
        let viewer = stream.opened.viewer;
        let is_revoked = stream.revoked.contains(&room);
        if self.access.gone_since(room, viewer).is_some() {
            return (!is_revoked)
                .then(|| format!("{} is still open to them, and may not be seen", room.id()));
        }
        if is_revoked {
            return None; // access came back: nothing follows in this stream
        }
        let picture = stream.pictures.get(&room)?;
        let (cursor, head) = (picture.cursor, sample.cursor(room));
        let same_epoch = cursor.map(|cursor| cursor.epoch) == head.map(|head| head.epoch);
        let Some(members) = &picture.members else {
            let count = sample.rooms.get(&room).map_or(0, |(_, count)| *count);
            // Numbers alone are told only where they differ; few enough, and all are told again.
            let few = usize::try_from(count).unwrap_or(0) * 5 < DETAIL_MAX * 4;
            let fits = picture.count == count && same_epoch && !few && cursor.is_some();
            return (!fits).then(|| {
                format!(
                    "{} counts {} at {cursor:?}, and SQL {count} at {head:?}",
                    room.id(),
                    picture.count
                )
            });
        };
        let differs = difference(members, &sample.faces(room));
        (cursor != head || differs.is_some()).then(|| {
            format!(
                "{} at {cursor:?} where SQL is at {head:?}: {}",
                room.id(),
                differs.unwrap_or_default()
            )
        })
    }

    fn count_differs(&self, stream: &Stream, room: Room, sample: &Sample) -> Option<String> {
        if self.access.gone_since(room, stream.opened.viewer).is_some() || stream.revoked.contains(&room) {
            return None;
        }
        // A room that is told in counts tells the number there.
        if stream
            .pictures
            .get(&room)
            .is_some_and(|picture| picture.members.is_none())
        {
            return None;
        }
        let count = sample.rooms.get(&room).map_or(0, |(_, count)| *count);
        let told = stream
            .views
            .get(&View::Count(room))
            .and_then(|(_, data)| data["online_count"].as_i64());
        (told != Some(count)).then(|| format!("{} is counted as {told:?}, and SQL counts {count}", room.id()))
    }

    /// Where the model and SQL differ.
    pub fn model_differs(&self, sample: &Sample) -> Vec<String> {
        let mut wrongs = vec![];
        let at = sample.now;
        for (room, user) in Room::all().flat_map(|room| User::all().map(move |user| (room, user))) {
            let is_here = sample
                .members
                .get(&room)
                .is_some_and(|faces| faces.contains_key(&user));
            if is_here && !self.ledger.may_be_here(room, user, at, 0) {
                wrongs.push(format!(
                    "{} is still in {}: {}",
                    user.id(),
                    room.id(),
                    self.ledger.tell(room, user)
                ));
            }
            if is_here
                && self
                    .access
                    .gone_since(room, user)
                    .is_some_and(|since| since + 3 * SECOND < at)
            {
                wrongs.push(format!(
                    "{} is still in {} and may not enter",
                    user.id(),
                    room.id()
                ));
            }
            if !is_here && self.ledger.must_be_here(room, user, at, at) {
                wrongs.push(format!(
                    "{} is not in {}: {}",
                    user.id(),
                    room.id(),
                    self.ledger.tell(room, user)
                ));
            }
        }
        wrongs
    }

    /// Dashboards and people that streams were told of, for whoever asks for them by a call: stream, viewer, node, view, what
    /// was told. Those of rooms into which or out of which somebody was let since then are told by a sweep, and left out.
    pub fn views_told(&self) -> Vec<(u64, User, usize, View, serde_json::Value)> {
        let mut told = vec![];
        for (number, stream) in &self.streams.open {
            if stream.is_over || stream.is_stalled {
                continue;
            }
            for (view, (at, data)) in &stream.views {
                let is_old = match view {
                    View::Event(event) => self.access.changed_since(event, at - 5 * SECOND),
                    View::User(_) => ["gala", "expo"]
                        .iter()
                        .any(|event| self.access.changed_since(event, at - 5 * SECOND)),
                    View::Count(_) => true,
                };
                if !is_old {
                    told.push((
                        *number,
                        stream.opened.viewer,
                        stream.opened.node,
                        view.clone(),
                        data.clone(),
                    ));
                }
            }
        }
        told
    }
}

//! What the streams of a node ask about rooms, and what they are answered.

use std::collections::HashSet;

use super::{Cursor, Diff, RoomId, Snapshot, UserId};

/// What became of a room since a cursor; without one: the whole of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoomQuestion {
    /// Which room.
    pub room: RoomId,
    /// Since when.
    pub cursor: Option<Cursor>,
}

/// The answer to one question.
#[derive(Debug)]
pub enum RoomAnswer {
    /// The whole room: asked for, or the cursor could not be answered from.
    Snapshot(Snapshot),
    /// The changes since; empty where there are none.
    Diff(Diff),
}

impl RoomAnswer {
    /// Where the room is now.
    pub fn cursor(&self) -> Cursor {
        match self {
            Self::Snapshot(snapshot) => snapshot.cursor,
            Self::Diff(diff) => diff.cursor,
        }
    }
}

/// Answers by question, and which viewers may see.
#[derive(Debug, Default)]
pub struct RoomsAnswer {
    /// In the order of the questions.
    pub answers: Vec<RoomAnswer>,
    /// Those of the given pairs that may see.
    pub allowed: HashSet<(RoomId, UserId)>,
}

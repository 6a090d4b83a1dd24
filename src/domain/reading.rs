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
    /// A room of more members is answered with its count alone; below 0: any room.
    pub detail_max: i32,
}

/// The answer to one question.
#[derive(Debug)]
pub enum RoomAnswer {
    /// The whole room: asked for, or the cursor could not be answered from.
    Snapshot(Snapshot),
    /// The changes since; empty where there are none.
    Diff(Diff),
    /// Asked for the count alone, or too many members for more.
    Count(Count),
}

impl RoomAnswer {
    /// Where the room is now.
    pub fn cursor(&self) -> Cursor {
        match self {
            Self::Snapshot(snapshot) => snapshot.cursor,
            Self::Diff(diff) => diff.cursor,
            Self::Count(count) => count.cursor,
        }
    }

    /// Which room.
    pub fn room_id(&self) -> &RoomId {
        match self {
            Self::Snapshot(snapshot) => &snapshot.room_id,
            Self::Diff(diff) => &diff.room_id,
            Self::Count(count) => &count.room_id,
        }
    }

    /// Members now.
    pub fn online_count(&self) -> i64 {
        match self {
            Self::Snapshot(snapshot) => snapshot.online_count,
            Self::Diff(diff) => diff.online_count,
            Self::Count(count) => count.online_count,
        }
    }
}

/// How many there are, at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// Which room.
    pub room_id: RoomId,
    /// When.
    pub cursor: Cursor,
    /// Members then.
    pub online_count: i64,
}

/// Answers by question, and which viewers may see.
#[derive(Debug, Default)]
pub struct RoomsAnswer {
    /// In the order of the questions.
    pub answers: Vec<RoomAnswer>,
    /// Those of the given pairs that may see.
    pub allowed: HashSet<(RoomId, UserId)>,
}

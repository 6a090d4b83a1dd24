//! What people see of a room: members, whole rooms, and what became of them.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{Cursor, RoomId, Stamp, Status, UserId};

/// A user with at least one live session in a room.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Member {
    /// Who.
    pub user_id: UserId,
    /// Public name, where the application maps one.
    #[schema(required)]
    pub name: Option<String>,
    /// Public picture.
    #[schema(required)]
    pub avatar_url: Option<String>,
    /// The participant's role in this room.
    #[schema(required)]
    pub role: Option<String>,
    /// The merge of the sessions' statuses.
    pub status: Status,
    /// When a timed status becomes `active`; null while typing.
    #[schema(required)]
    pub status_until: Option<Stamp>,
    /// Custom text, at most 140 characters.
    #[schema(required)]
    pub message: Option<String>,
    /// What the user is looking at, at most 80 characters.
    #[schema(required)]
    pub activity: Option<String>,
    /// A JSON object of at most 1 KiB, as Postgres prints it.
    #[schema(required, value_type = Option<Object>)]
    pub data: Option<Box<RawValue>>,
    /// The first join since the member was absent.
    pub joined_at: Stamp,
}

/// A participant who may enter, is not here, and was seen.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Absent {
    /// Who.
    pub user_id: UserId,
    /// Public name.
    #[schema(required)]
    pub name: Option<String>,
    /// Public picture.
    #[schema(required)]
    pub avatar_url: Option<String>,
    /// Role in this room.
    #[schema(required)]
    pub role: Option<String>,
    /// When last seen in this room.
    pub last_seen_at: Stamp,
}

/// A whole room at a revision.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Which room.
    pub room_id: RoomId,
    /// The revision that this is.
    pub cursor: Cursor,
    /// How many members there are, also where `members` is a page.
    pub online_count: i64,
    /// Ordered by user id, bytewise.
    pub members: Vec<Member>,
}

/// The last session of a member is gone.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Left {
    /// Who.
    pub user_id: UserId,
    /// `left`, `expired`, `disconnected`, `revoked`, `removed`, `logged_out`.
    pub reason: String,
    /// When last seen in this room.
    #[schema(required)]
    pub last_seen_at: Option<Stamp>,
}

/// The changes of a room from one revision to another.
#[derive(Debug, Clone)]
pub struct Diff {
    /// Which room.
    pub room_id: RoomId,
    /// The revision that this starts at; the epoch is the cursor's.
    pub from: i64,
    /// The revision that this leads to.
    pub cursor: Cursor,
    /// How many members there are after it.
    pub online_count: i64,
    /// Absent at `from`, present now.
    pub joined: Vec<Member>,
    /// Present at both.
    pub updated: Vec<Member>,
    /// Present at `from`, absent now.
    pub left: Vec<Left>,
}

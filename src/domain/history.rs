//! What was: visits, and what became of a room or an event in the last hours.

use serde::Serialize;
use utoipa::ToSchema;

use super::{RoomId, Stamp, UserId};

/// One presence of a user in a room, from the join to the leave.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Visit {
    /// Who.
    pub user_id: UserId,
    /// Public name, as it is now.
    #[schema(required)]
    pub name: Option<String>,
    /// Public picture, as it is now.
    #[schema(required)]
    pub avatar_url: Option<String>,
    /// The join.
    pub began_at: Stamp,
    /// The leave; null: still here.
    #[schema(required)]
    pub ended_at: Option<Stamp>,
    /// How it ended; null: still here.
    #[schema(required)]
    pub reason: Option<String>,
}

/// Which visits of a room are asked for.
#[derive(Debug, Clone, Default)]
pub struct VisitsQuestion {
    /// Of this user alone.
    pub user: Option<UserId>,
    /// Those that ended after this moment.
    pub since: Option<Stamp>,
    /// Those that began at this moment or before.
    pub until: Option<Stamp>,
    /// Those that come after the visit of this user that began then.
    pub after: Option<(Stamp, UserId)>,
    /// So many at most.
    pub limit: i32,
}

/// The most people at once.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Peak {
    /// How many.
    pub online_count: i64,
    /// When that was first so; null where nobody was there.
    #[schema(required)]
    pub at: Option<Stamp>,
}

/// How many people were there at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
#[schema(as = OccupancyPoint)]
pub struct Point {
    /// The moment.
    pub at: Stamp,
    /// How many, each counted once.
    pub online_count: i64,
}

/// Somebody who was there.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ActivePerson {
    /// Who.
    pub user_id: UserId,
    /// Public name.
    #[schema(required)]
    pub name: Option<String>,
    /// Public picture.
    #[schema(required)]
    pub avatar_url: Option<String>,
    /// The latest of these rooms; of who is here, when they came.
    #[schema(required)]
    pub last_seen_at: Option<Stamp>,
    /// Whether here now.
    pub online: bool,
}

/// A room of an event in the last hours.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ActiveRoom {
    /// Which room.
    pub room_id: RoomId,
    /// Its name.
    #[schema(required)]
    pub name: Option<String>,
    /// How many people were there.
    pub active_users: i64,
    /// The most at once.
    pub peak: Peak,
    /// People over the time.
    pub average: f64,
}

/// What became of some rooms in the last hours.
#[derive(Debug, Clone)]
pub struct Activity {
    /// How many people were there, each counted once.
    pub active_users: i64,
    /// Who: those who are here first, then the latest.
    pub people: Vec<ActivePerson>,
    /// The most at once.
    pub peak: Peak,
    /// People over the time.
    pub average: f64,
    /// The curve.
    pub occupancy: Vec<Point>,
    /// Room by room, by name.
    pub rooms: Vec<ActiveRoom>,
}

/// How many members are at the same.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ActivityCount {
    /// What they say they are looking at.
    pub activity: String,
    /// How many.
    pub online_count: i64,
}

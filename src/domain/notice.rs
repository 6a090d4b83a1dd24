//! Watches and notifications: whom a user wants to be told of, and what they were told.

use serde::Serialize;
use utoipa::ToSchema;

use super::{EventId, RoomId, Stamp, UserId};

/// Somebody whom the caller watches.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Watch {
    /// Whom.
    pub user_id: UserId,
    /// Public name; null also where the caller may know nothing of them any more.
    #[schema(required)]
    pub name: Option<String>,
    /// Public picture.
    #[schema(required)]
    pub avatar_url: Option<String>,
    /// Whether in a room that both may enter.
    pub online: bool,
    /// The only room that counts; null: any that both may enter.
    #[schema(required)]
    pub room_id: Option<RoomId>,
    /// For how long they are not told of again, in milliseconds.
    pub quiet_ms: i64,
    /// When it ends by itself; null: it does not.
    #[schema(required)]
    pub until_at: Option<Stamp>,
    /// Since when.
    pub created_at: Stamp,
}

/// What waits in the database to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Untold {
    /// Joins and leaves that are due, 10000 at most.
    pub edges: i64,
    /// How long the oldest of them has waited, in milliseconds.
    pub oldest_ms: i64,
    /// Deliveries of webhooks, 100000 at most.
    pub deliveries: i64,
}

/// What a watcher was told.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Notification {
    /// A decimal number; a later one is larger.
    #[schema(pattern = "^[1-9][0-9]{0,18}$")]
    pub id: String,
    /// `online`: somebody came online whom the caller watches.
    pub kind: String,
    /// Who.
    pub user_id: UserId,
    /// Public name.
    #[schema(required)]
    pub name: Option<String>,
    /// Public picture.
    #[schema(required)]
    pub avatar_url: Option<String>,
    /// The room that they came to.
    pub room_id: RoomId,
    /// Its event.
    #[schema(required)]
    pub event_id: Option<EventId>,
    /// When.
    pub at: Stamp,
    /// When the caller said that it was read.
    #[schema(required)]
    pub read_at: Option<Stamp>,
}

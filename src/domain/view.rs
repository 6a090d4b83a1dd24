//! The screens beside the room: sidebar, dashboard, one person. Limited to what one viewer may see.

use serde::Serialize;
use utoipa::ToSchema;

use super::{EventId, Member, RoomId, Stamp, Status, UserId};

/// How lively a room is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RoomCount {
    /// Which room.
    pub room_id: RoomId,
    /// Its name, where the application maps one.
    #[schema(required)]
    pub name: Option<String>,
    /// `chat`, `vendor` or any other word.
    #[schema(required)]
    pub kind: Option<String>,
    /// The event that it belongs to.
    #[schema(required)]
    pub event_id: Option<EventId>,
    /// Members now.
    pub online_count: i64,
}

/// Somebody who may enter one of an event's rooms.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Person {
    /// Who.
    pub user_id: UserId,
    /// Public name.
    #[schema(required)]
    pub name: Option<String>,
    /// Public picture.
    #[schema(required)]
    pub avatar_url: Option<String>,
    /// The weightiest role in these rooms: coordinator, collaborator, vendor, any other.
    #[schema(required)]
    pub role: Option<String>,
    /// Whether a member of one of these rooms.
    pub online: bool,
    /// The status that speaks for all these rooms; none where absent.
    #[schema(required)]
    pub status: Option<Status>,
    /// The latest of these rooms.
    #[schema(required)]
    pub last_seen_at: Option<Stamp>,
}

/// A room on the dashboard.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EventRoom {
    /// Which room.
    pub room_id: RoomId,
    /// Its name.
    #[schema(required)]
    pub name: Option<String>,
    /// `chat`, `vendor` or any other word.
    #[schema(required)]
    pub kind: Option<String>,
    /// Members now.
    pub online_count: i64,
    /// Who they are.
    pub members: Vec<Member>,
}

/// The dashboard of an event.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventView {
    /// Which event.
    pub event_id: EventId,
    /// Its name.
    #[schema(required)]
    pub name: Option<String>,
    /// The main coordinator.
    #[schema(required)]
    pub coordinator_id: Option<UserId>,
    /// Unique people who are here.
    pub online_count: i64,
    /// Everybody who may enter one of the rooms, ordered by id.
    pub people: Vec<Person>,
    /// The rooms that the viewer may see, by name.
    pub rooms: Vec<EventRoom>,
}

/// Where somebody is in one room.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UserRoom {
    /// Which room.
    pub room_id: RoomId,
    /// The status there.
    pub status: Status,
}

/// One person, through the rooms that the viewer shares with them.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserView {
    /// Who.
    pub user_id: UserId,
    /// Public name.
    #[schema(required)]
    pub name: Option<String>,
    /// Public picture.
    #[schema(required)]
    pub avatar_url: Option<String>,
    /// Whether in any of the shared rooms.
    pub online: bool,
    /// The status that speaks for all shared rooms; none where absent.
    #[schema(required)]
    pub status: Option<Status>,
    /// The latest of the shared rooms.
    #[schema(required)]
    pub last_seen_at: Option<Stamp>,
    /// The shared rooms where this person is.
    pub rooms: Vec<UserRoom>,
    /// All shared rooms: whatever changes here, changes there.
    #[serde(skip)]
    pub shared: Vec<RoomId>,
}

/// The status that speaks for several.
pub fn speaking(statuses: impl IntoIterator<Item = Status>) -> Option<Status> {
    statuses.into_iter().min_by_key(|status| status.rank())
}

/// The weightiest of several roles.
pub fn weightiest<'a>(roles: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    roles.into_iter().min_by_key(|role| match *role {
        "coordinator" => 0,
        "collaborator" => 1,
        "vendor" => 2,
        _ => 3,
    })
}

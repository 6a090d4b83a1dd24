//! `GET /v1/events/{event}` and `GET /v1/users/{user}`: the dashboard, and one person.

use axum::{Json, extract::State};

use super::{
    Edge,
    path::{EventPath, UserPath},
};
use crate::{
    auth::Caller,
    domain::view::{EventView, UserView},
    error::{Error, Result},
};

/// Reads an event
///
/// The dashboard: everybody who may enter one of the event's rooms, as far as the caller may see these rooms.
#[utoipa::path(
    get, path = "/v1/events/{event}", operation_id = "readEvent", tag = "Reading",
    responses((
        status = 200, description = "The event as the caller sees it.", body = EventView,
        example = json!({"event_id": "gala", "name": "Summer Gala", "coordinator_id": "alice", "online_count": 0,
            "people": [{"user_id": "vera", "name": "Vera Vance", "avatar_url": null, "role": "vendor", "online": false,
                "status": null, "last_seen_at": "2026-11-25T01:07:38.220Z"}],
            "rooms": [{"room_id": "vera-catering", "name": "Vera Catering", "kind": "vendor", "online_count": 0,
                "members": []}]})
    )),
    extensions(("x-problems" = json!(["event-not-found", "database"])))
)]
pub async fn event(
    State(edge): State<Edge>,
    caller: Caller,
    EventPath(event): EventPath,
) -> Result<Json<EventView>> {
    edge.db
        .event(&caller.user_id, &event)
        .await?
        .map(Json)
        .ok_or(Error::EventNotFound)
}

/// Reads a person
///
/// Through the rooms that both may enter; oneself is always found. `rooms` are those where the person is now.
#[utoipa::path(
    get, path = "/v1/users/{user}", operation_id = "readUser", tag = "Reading",
    responses((
        status = 200, description = "The person as the caller sees them.", body = UserView,
        example = json!({"user_id": "vera", "name": "Vera Vance", "avatar_url": null, "online": true,
            "status": "active", "last_seen_at": "2026-11-25T01:07:38.220Z",
            "rooms": [{"room_id": "vera-catering", "status": "active"}]})
    )),
    extensions(("x-problems" = json!(["user-not-found", "database"])))
)]
pub async fn user(
    State(edge): State<Edge>,
    caller: Caller,
    UserPath(user): UserPath,
) -> Result<Json<UserView>> {
    edge.db
        .user(&caller.user_id, &user)
        .await?
        .map(Json)
        .ok_or(Error::UserNotFound)
}

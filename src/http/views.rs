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

/// An event, as far as the caller may see it.
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

/// A person, through the rooms that the caller shares with them.
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

//! `DELETE /v1/rooms/{room}/members/{user}` and `DELETE /v1/rooms/{room}/presence`: kick, and clear. For the scope
//! `presence:admin` alone. It takes nobody's right to enter: that is the application's to decide, in its own tables.

use axum::{extract::State, http::StatusCode};

use super::{
    Edge,
    path::{RoomPath, UserPath},
};
use crate::{
    auth::{Caller, SCOPE_ADMIN},
    error::Result,
};

/// Kicks a member
///
/// Ends all sessions of a member, with reason `removed`; also fine where there are none. Needs the scope
/// `presence:admin`. Whoever may still enter may come back.
#[utoipa::path(
    delete, path = "/v1/rooms/{room}/members/{user}", operation_id = "removeMember", tag = "Administration",
    responses((status = 204, description = "Nobody of that name is there any more.")),
    extensions(("x-problems" = json!(["forbidden", "database"])))
)]
pub async fn delete_member(
    State(edge): State<Edge>,
    caller: Caller,
    RoomPath(room): RoomPath,
    UserPath(user): UserPath,
) -> Result<StatusCode> {
    caller.require(SCOPE_ADMIN)?;
    edge.db.remove_member(&room, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Clears a room
///
/// Ends all sessions of a room, with reason `removed`; also fine where there are none. Needs the scope `presence:admin`.
#[utoipa::path(
    delete, path = "/v1/rooms/{room}/presence", operation_id = "clearRoom", tag = "Administration",
    responses((status = 204, description = "Nobody is there any more.")),
    extensions(("x-problems" = json!(["forbidden", "database"])))
)]
pub async fn delete_presence(
    State(edge): State<Edge>,
    caller: Caller,
    RoomPath(room): RoomPath,
) -> Result<StatusCode> {
    caller.require(SCOPE_ADMIN)?;
    edge.db.remove_room(&room).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! `DELETE /v1/me/sessions`: logout.

use axum::{extract::State, http::StatusCode};

use super::Edge;
use crate::{auth::Caller, error::Result};

/// Logs out
///
/// Ends all sessions of the caller in all rooms, for good: these session ids may not return for a day.
#[utoipa::path(
    delete, path = "/v1/me/sessions", operation_id = "logOut", tag = "Sessions",
    responses((status = 204, description = "All are gone, and that is committed.")),
    extensions(("x-problems" = json!(["database"])))
)]
pub async fn delete_sessions(State(edge): State<Edge>, caller: Caller) -> Result<StatusCode> {
    edge.db.leave_everywhere(&caller.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! `DELETE /v1/me/sessions`: logout.

use axum::{extract::State, http::StatusCode};

use super::Edge;
use crate::{auth::Caller, error::Result};

/// Leaves everywhere, for good: these session ids may not return.
pub async fn delete_sessions(State(edge): State<Edge>, caller: Caller) -> Result<StatusCode> {
    edge.db.leave_everywhere(&caller.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

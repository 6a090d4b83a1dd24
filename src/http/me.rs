//! What a caller does about themselves, in all rooms at once: `DELETE /v1/me/sessions` is a logout, `/v1/me/status` the
//! status that wins over what their sessions say.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Edge,
    body::JsonBody,
    state::{given, invalid, status_ttl_ms, text, whole},
};
use crate::{
    auth::Caller,
    domain::{OwnStatus, OwnStatusChange, Status, limits},
    error::Result,
};

/// Logs out
///
/// Ends all sessions of the caller in all rooms, for good: these session ids may not return for a day.
#[utoipa::path(
    delete, path = "/v1/me/sessions", operation_id = "logOut", tag = "Sessions",
    responses((status = 204, description = "All are gone, and that is committed.")),
    extensions(("x-problems" = json!(["rate-limited", "database"])))
)]
pub async fn delete_sessions(State(edge): State<Edge>, caller: Caller) -> Result<StatusCode> {
    edge.rates.check(&caller)?;
    edge.db.leave_everywhere(&caller.user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a user says for all rooms, in a heartbeat's words. Absent means unchanged, null clears.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = OwnStatusChange)]
#[serde(deny_unknown_fields)]
pub struct StatusBody {
    /// A status; null is none of their own: sessions speak for themselves again.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, pattern = "^(active|idle|away|busy|in_meeting|invisible)$")]
    status: Option<Option<Status>>,
    /// How long that status holds, in milliseconds; without it there is no end.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 0, maximum = 31622400000_i64)]
    status_ttl_ms: Option<i64>,
    /// Custom text, shown where a session has none itself; null or nothing clears it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 140, pattern = "^[^\\u0000]*$")]
    message: Option<Option<String>>,
}

impl StatusBody {
    fn check(self) -> Result<OwnStatusChange> {
        if self.status == Some(Some(Status::Typing)) {
            return Err(invalid("nobody types in all rooms: status must not be typing"));
        }
        let has_status = self.status.is_some_and(|status| status.is_some());
        Ok(OwnStatusChange {
            status: self.status,
            status_ttl_ms: status_ttl_ms(self.status_ttl_ms, has_status)?,
            message: text(self.message, "message", limits::MESSAGE_CHARS_MAX)?,
        })
    }
}

/// Sets a status for all rooms
///
/// It is shown at once where the caller is, and wherever they join, on any device, until it is over or cleared.
/// `invisible`: all sessions leave, and heartbeats are answered as `invisible` until it is lifted.
#[utoipa::path(
    put, path = "/v1/me/status", operation_id = "setStatus", tag = "Sessions",
    request_body(content = StatusBody, example = json!({"status": "busy", "status_ttl_ms": 3600000, "message": "on site"})),
    responses((
        status = 200, description = "What holds now, and that is committed.", body = OwnStatus,
        example = json!({"status": "busy", "status_until": "2026-11-25T02:07:29.659Z", "message": "on site"})
    )),
    extensions(("x-problems" = json!(["rate-limited", "database"])))
)]
pub async fn put_status(
    State(edge): State<Edge>,
    caller: Caller,
    JsonBody(body): JsonBody<StatusBody>,
) -> Result<Json<OwnStatus>> {
    let change = body.check()?;
    edge.rates.check(&caller)?;
    edge.db.set_own_status(&caller.user_id, &change).await.map(Json)
}

/// Reads the status for all rooms
///
/// What the caller has set, and has neither ended nor been cleared; all null where there is nothing.
#[utoipa::path(
    get, path = "/v1/me/status", operation_id = "readStatus", tag = "Sessions",
    responses((
        status = 200, description = "What the caller says for all rooms.", body = OwnStatus,
        example = json!({"status": null, "status_until": null, "message": null})
    )),
    extensions(("x-problems" = json!(["database"])))
)]
pub async fn get_status(State(edge): State<Edge>, caller: Caller) -> Result<Json<OwnStatus>> {
    edge.db.own_status(&caller.user_id).await.map(Json)
}

/// Clears the status for all rooms
///
/// Status and message: sessions speak for themselves again. Also fine where there is nothing.
#[utoipa::path(
    delete, path = "/v1/me/status", operation_id = "clearStatus", tag = "Sessions",
    responses((status = 204, description = "It is gone, and that is committed.")),
    extensions(("x-problems" = json!(["rate-limited", "database"])))
)]
pub async fn delete_status(State(edge): State<Edge>, caller: Caller) -> Result<StatusCode> {
    edge.rates.check(&caller)?;
    let nothing = OwnStatusChange {
        status: Some(None),
        status_ttl_ms: None,
        message: Some(String::new()),
    };
    edge.db.set_own_status(&caller.user_id, &nothing).await?;
    Ok(StatusCode::NO_CONTENT)
}

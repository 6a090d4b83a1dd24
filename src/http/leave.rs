//! `POST /v1/leave`: the beacon of a page that closes. No token but the leave tokens in the body, always 204.

use axum::{extract::State, http::StatusCode};
use time::OffsetDateTime;

use super::{Edge, body::TextBody, path::seq};
use crate::{
    auth::leave_token,
    domain::{BeatKey, limits::LEAVE_LINES_MAX},
    error::Result,
};

/// Leaves by beacon, as a page closes
///
/// One `<leave_token>[ <seq>]` a line, up to 100; what is no good token is passed over, so that nobody learns anything.
/// Needs no `Authorization`, and as `text/plain` no preflight: `navigator.sendBeacon('/v1/leave', leaveToken)`.
#[utoipa::path(
    post, path = "/v1/leave", operation_id = "leaveByBeacon", tag = "Sessions", security(()),
    request_body(content = Option<String>, content_type = "text/plain", description = "Leave tokens, one a line; at most 64 KiB.",
        example = json!("AAAAAGsHhlERERER... 17")),
    responses((status = 204, description = "What could be left was left, and that is committed.")),
    extensions(("x-problems" = json!(["timed-out", "too-large", "invalid", "database"])))
)]
pub async fn post(State(edge): State<Edge>, TextBody(body): TextBody) -> Result<StatusCode> {
    let keys = edge.installed.borrow().secrets.leave.clone();
    let leaves = leaves(&body, &keys, OffsetDateTime::now_utc());
    for answer in edge.leaves.submit_all(leaves).await {
        answer?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The sessions that a beacon may end, each with the client's number where there is one.
pub(crate) fn leaves(
    body: &[u8],
    keys: &[impl AsRef<[u8]>],
    now: OffsetDateTime,
) -> Vec<(BeatKey, Option<i64>)> {
    let lines = std::str::from_utf8(body)
        .unwrap_or_default()
        .lines()
        .take(LEAVE_LINES_MAX);
    lines
        .filter_map(|line| {
            let (token, number) = match line.trim().split_once(' ') {
                Some((token, number)) => (token, Some(seq(number.trim().parse().ok()?).ok()?)),
                None => (line.trim(), None),
            };
            Some((leave_token::verify(token, keys, now)?, number))
        })
        .collect()
}

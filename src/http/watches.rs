//! `/v1/me/watches`: whom the caller wants to be told of.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Edge,
    body::JsonBody,
    path::{self, UserPath},
    state::whole,
};
use crate::{
    auth::Caller,
    domain::{
        RoomId, Stamp, UserId,
        limits::{QUIET_MS_DEFAULT, QUIET_MS_MAX, WATCH_MS_MAX},
        notice::Watch,
    },
    error::{Error, Result},
};

/// How somebody is watched. Absent and null are the same: what is not said is as by default.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = WatchWish)]
#[serde(deny_unknown_fields)]
pub struct WatchBody {
    /// Only this room counts, which both must be allowed to enter; without it any that both may enter.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 128, pattern = "^[^\\u0000]+$")]
    room_id: Option<String>,
    /// For how long the caller is not told of the same person again, in milliseconds; without it 5 minutes.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 0, maximum = 86400000_i64)]
    quiet_ms: Option<i64>,
    /// The watch ends by itself after so many milliseconds; without it it does not.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 31622400000_i64)]
    until_ms: Option<i64>,
}

/// A watch as it is now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Watched {
    /// Whom.
    user_id: UserId,
    /// The only room that counts.
    #[schema(required)]
    room_id: Option<RoomId>,
    /// For how long they are not told of again, in milliseconds.
    quiet_ms: i64,
    /// When it ends by itself.
    #[schema(required)]
    until_at: Option<Stamp>,
    /// Since when; a watch that is changed goes on.
    created_at: Stamp,
}

/// Watches a person
///
/// The caller is told when this person comes online, in a room that both may enter. A watch that there is already is
/// replaced.
#[utoipa::path(
    put, path = "/v1/me/watches/{user}", operation_id = "watch", tag = "Watches",
    request_body = WatchBody,
    responses((
        status = 200, description = "It is committed.", body = Watched,
        example = json!({"user_id": "bob", "room_id": null, "quiet_ms": 300000, "until_at": null,
            "created_at": "2026-11-25T01:07:29.659Z"})
    )),
    extensions(("x-problems" = json!(["user-not-found", "too-many-watches", "rate-limited", "database"])))
)]
pub async fn put(
    State(edge): State<Edge>,
    caller: Caller,
    UserPath(user): UserPath,
    JsonBody(body): JsonBody<WatchBody>,
) -> Result<Json<Watched>> {
    if user == caller.user_id {
        return Err(Error::Invalid("nobody can watch themselves".to_owned()));
    }
    let room = body.room_id.map(|room| path::room(&room, edge.ids)).transpose()?;
    let quiet_ms = body.quiet_ms.unwrap_or(QUIET_MS_DEFAULT);
    let quiet = bounded("quiet_ms", quiet_ms, 0, QUIET_MS_MAX)?;
    let until = body
        .until_ms
        .map(|ms| bounded("until_ms", ms, 1, WATCH_MS_MAX))
        .transpose()?;
    edge.rates.check(&caller)?;
    let (created_at, until_at) = edge
        .db
        .watch(&caller.user_id, &user, room.as_ref(), quiet, until)
        .await?;
    Ok(Json(Watched {
        user_id: user,
        room_id: room,
        quiet_ms,
        until_at,
        created_at,
    }))
}

fn bounded(field: &str, ms: i64, min: i64, max: i64) -> Result<Duration> {
    match (min..=max).contains(&ms) {
        true => Ok(Duration::from_millis(ms.unsigned_abs())),
        false => Err(Error::Invalid(format!("{field} must be {min} to {max}"))),
    }
}

/// Ends a watch
///
/// Also fine where there is none.
#[utoipa::path(
    delete, path = "/v1/me/watches/{user}", operation_id = "unwatch", tag = "Watches",
    responses((status = 204, description = "The caller is no longer told of this person.")),
    extensions(("x-problems" = json!(["rate-limited", "database"])))
)]
pub async fn delete(
    State(edge): State<Edge>,
    caller: Caller,
    UserPath(user): UserPath,
) -> Result<StatusCode> {
    edge.rates.check(&caller)?;
    edge.db.unwatch(&caller.user_id, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whom the caller watches.
#[derive(Debug, Serialize, ToSchema)]
pub struct Watches {
    /// By user id, at most 200.
    watches: Vec<Watch>,
}

/// Reads the caller's watches
///
/// Of whom the caller may know nothing any more, only the watch itself is told: without a name, and not online.
#[utoipa::path(
    get, path = "/v1/me/watches", operation_id = "readWatches", tag = "Watches",
    responses((
        status = 200, description = "All of them.", body = Watches,
        example = json!({"watches": [{"user_id": "bob", "name": "Bob Brandt", "avatar_url": null, "online": true,
            "room_id": null, "quiet_ms": 300000, "until_at": null, "created_at": "2026-11-25T01:07:29.659Z"}]})
    )),
    extensions(("x-problems" = json!(["database"])))
)]
pub async fn list(State(edge): State<Edge>, caller: Caller) -> Result<Json<Watches>> {
    let watches = edge.db.watches(&caller.user_id).await?;
    Ok(Json(Watches { watches }))
}

//! `GET /v1/rooms/{room}` and `GET /v1/rooms`: a room, and how lively all of them are; `GET /v1/rooms/{room}/activities`:
//! what people in a room are at.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::{IntoParams, ToSchema};

use super::{
    Edge,
    path::{self, Fields, Pairs, RoomPath},
};
use crate::{
    auth::Caller,
    domain::{RoomId, history::ActivityCount, limits::TOPICS_MAX, view::RoomCount},
    error::{Error, Result},
    hub::frame::SnapshotBody,
};

/// Rows of `offline` and members of a page, at most.
const ROWS_MAX: u32 = 1000;

/// The query of a snapshot.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SnapshotQuery {
    /// Adds up to so many participants who may enter, are absent and were seen, the latest first.
    #[param(minimum = 0, maximum = 1000, nullable = false)]
    offline: Option<u32>,
    /// A page of so many members; without it all of them.
    #[param(minimum = 1, maximum = 1000, nullable = false)]
    limit: Option<u32>,
    /// The page after this user id: `next` of the page before.
    #[param(nullable = false)]
    after: Option<String>,
}

/// Reads a room
///
/// Who is there at a revision. Members are ordered by user id, bytewise. Where `revision` differs between two pages,
/// begin again.
#[utoipa::path(
    get, path = "/v1/rooms/{room}", operation_id = "readRoom", tag = "Reading",
    params(
        SnapshotQuery,
        ("If-None-Match" = Option<String>, Header, nullable = false, description = "An `ETag` of an earlier answer."),
    ),
    responses(
        (
            status = 200, description = "The room as the caller may see it.", body = SnapshotBody<'static>,
            headers(("ETag" = String, description = "Over all of the answer.")),
            example = json!({"room_id": "general", "epoch": "77ace71b-e290-440f-beac-c68d439078f8", "revision": 1,
                "online_count": 1, "members": [{"user_id": "alice", "name": "Alice Adams", "avatar_url": null,
                    "role": "coordinator", "status": "active", "status_until": null, "message": "at the venue",
                    "activity": "viewing budget", "data": null, "joined_at": "2026-11-25T01:07:29.659Z"}],
                "offline": [], "next": null})
        ),
        (status = 304, description = "As it was.", headers(("ETag" = String, description = "The same.")))
    ),
    extensions(("x-problems" = json!(["room-not-found", "database"])))
)]
pub async fn snapshot(
    State(edge): State<Edge>,
    caller: Caller,
    RoomPath(room): RoomPath,
    Fields(query): Fields<SnapshotQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let offline = query.offline.unwrap_or(0);
    if offline > ROWS_MAX {
        return Err(Error::Invalid(format!("offline must be 0 to {ROWS_MAX}")));
    }
    if query.limit.is_some_and(|limit| !(1..=ROWS_MAX).contains(&limit)) {
        return Err(Error::Invalid(format!("limit must be 1 to {ROWS_MAX}")));
    }
    let found = edge.db.snapshot(&caller.user_id, &room, offline as i32).await?;
    let (snapshot, absent) = found.ok_or(Error::RoomNotFound)?;

    let start = match &query.after {
        Some(after) => snapshot
            .members
            .partition_point(|member| member.user_id.as_str() <= after.as_str()),
        None => 0,
    };
    let rest = &snapshot.members[start..];
    let page = &rest[..rest
        .len()
        .min(query.limit.map_or(usize::MAX, |limit| limit as usize))];
    let next = page
        .last()
        .filter(|_| page.len() < rest.len())
        .map(|member| member.user_id.as_str());
    let body = SnapshotBody {
        members: page,
        offline: &absent,
        next,
        ..SnapshotBody::whole(&snapshot)
    };
    with_etag(&body, &headers)
}

fn with_etag(body: &impl Serialize, headers: &HeaderMap) -> Result<Response> {
    let body = serde_json::to_vec(body).map_err(Error::bug)?;
    let digest: String = Sha256::digest(&body)[..12]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let etag = format!("\"{digest}\"");
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let is_known = known
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag);
    let etag = HeaderValue::try_from(etag).map_err(Error::bug)?;
    if is_known {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::ETAG, etag), (header::CONTENT_TYPE, json)], body).into_response())
}

/// The sidebar.
#[derive(Debug, Serialize, ToSchema)]
pub struct Counts {
    /// By name.
    rooms: Vec<RoomCount>,
}

/// Reads how lively rooms are
///
/// The sidebar: the rooms named by `id`, or all of the caller's. Those that the caller may not see are left out.
#[utoipa::path(
    get, path = "/v1/rooms", operation_id = "readRooms", tag = "Reading",
    params(("id" = Option<Vec<String>>, Query, nullable = false, max_items = 1000,
        description = "Which rooms, up to 1000; without it all of the caller's.")),
    responses((
        status = 200, description = "How many are in each.", body = Counts,
        example = json!({"rooms": [{"room_id": "general", "name": "General", "kind": "chat", "event_id": "gala",
            "online_count": 3}]})
    )),
    extensions(("x-problems" = json!(["database"])))
)]
pub async fn counts(State(edge): State<Edge>, caller: Caller, Pairs(pairs): Pairs) -> Result<Json<Counts>> {
    let mut ids = vec![];
    for (name, value) in &pairs {
        if name != "id" {
            return Err(Error::Invalid(format!("the query has no field {name:?}")));
        }
        ids.push(path::room(value, edge.ids)?);
    }
    if ids.len() > TOPICS_MAX * 10 {
        return Err(Error::Invalid(format!(
            "at most {} rooms at a time",
            TOPICS_MAX * 10
        )));
    }
    let rooms = edge
        .db
        .room_counts(&caller.user_id, (!ids.is_empty()).then_some(&ids[..]))
        .await?;
    Ok(Json(Counts { rooms }))
}

/// What people are at.
#[derive(Debug, Serialize, ToSchema)]
pub struct Activities {
    /// Which room.
    room_id: RoomId,
    /// The most first, then by name; 100 at most.
    activities: Vec<ActivityCount>,
}

/// Reads what people in a room are at
///
/// "3 people on budget": each activity that a member says, and how many say it.
#[utoipa::path(
    get, path = "/v1/rooms/{room}/activities", operation_id = "readActivities", tag = "Reading",
    responses((
        status = 200, description = "How many are at each.", body = Activities,
        example = json!({"room_id": "general", "activities": [{"activity": "viewing budget", "online_count": 3}]})
    )),
    extensions(("x-problems" = json!(["room-not-found", "database"])))
)]
pub async fn activities(
    State(edge): State<Edge>,
    caller: Caller,
    RoomPath(room_id): RoomPath,
) -> Result<Json<Activities>> {
    let found = edge.db.activity_counts(&caller.user_id, &room_id).await?;
    let activities = found.ok_or(Error::RoomNotFound)?;
    Ok(Json(Activities { room_id, activities }))
}

//! `GET /v1/rooms/{room}` and `GET /v1/rooms`: a room, and how lively all of them are.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    Edge,
    path::{self, Fields, Pairs, RoomPath},
};
use crate::{
    auth::Caller,
    domain::{limits::TOPICS_MAX, view::RoomCount},
    error::{Error, Result},
    hub::frame::SnapshotBody,
};

/// Rows of `offline` and members of a page, at most.
const ROWS_MAX: u32 = 1000;

/// The query of a snapshot.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotQuery {
    offline: Option<u32>,
    limit: Option<u32>,
    after: Option<String>,
}

/// A room as the caller may see it, with an ETag over all of the answer.
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
#[derive(Debug, Serialize)]
pub struct Counts {
    rooms: Vec<RoomCount>,
}

/// The rooms named by `id`, or all of the caller's; those that the caller may not see are left out.
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

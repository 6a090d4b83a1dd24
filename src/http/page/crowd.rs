//! A crowd to look at, and a room as SQL sees it: what the page of `dev` asks beyond the service's own calls.
//!
//! The simulated people are rows of the reference application, and their presence is real: heartbeats through the same
//! functions as everybody's. Whoever shows the page asks again every few seconds; when nobody does, their leases run out.

use axum::{Json, extract::State, http::HeaderMap};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    super::{Edge, body::JsonBody, path::RoomPath},
    is_local,
};
use crate::{
    auth::Caller,
    db::demo::{LIVE, LiveRow},
    domain::{Beat, BeatKey, Outcome, RoomId, State as Said, Status, UserId},
    error::{Error, Result},
};

/// As many names as there are.
const SIZE_MAX: i32 = 500;
/// A room that somebody holds is tried again at once, so often.
const TRIES_MAX: u32 = 10;
/// How many of them begin to type at each call.
const TYPISTS: u128 = 2;

/// What is asked of a crowd.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrowdRequest {
    /// How many they are from now on; absent: as many as they are.
    size: Option<i32>,
}

/// A room's crowd.
#[derive(Debug, Serialize)]
pub struct Crowd {
    size: i32,
}

/// A room as SQL sees it.
#[derive(Debug, Serialize)]
pub struct Live {
    sql: &'static str,
    rows: Vec<LiveRow>,
}

/// How many they are.
pub async fn get(
    State(edge): State<Edge>,
    caller: Caller,
    RoomPath(room): RoomPath,
    headers: HeaderMap,
) -> Result<Json<Crowd>> {
    check(&edge, &caller, &room, &headers).await?;
    let size = edge.db.crowd_size(&room).await?;
    Ok(Json(Crowd { size }))
}

/// Renews everybody's lease, after letting people in or out.
pub async fn post(
    State(edge): State<Edge>,
    caller: Caller,
    RoomPath(room): RoomPath,
    headers: HeaderMap,
    JsonBody(request): JsonBody<CrowdRequest>,
) -> Result<Json<Crowd>> {
    check(&edge, &caller, &room, &headers).await?;
    let before = edge.db.crowd_size(&room).await?;
    let size = request.size.unwrap_or(before);
    if !(0..=SIZE_MAX).contains(&size) {
        return Err(Error::Invalid(format!("size must be 0 to {SIZE_MAX}")));
    }
    if size < before {
        let leaves: Vec<_> = (size + 1..=before).map(|n| (key(&room, n), None)).collect();
        for _ in 0..TRIES_MAX {
            if !edge.db.leave_batch(&leaves).await?.contains(&None) {
                break;
            }
        }
    }
    if request.size.is_some() {
        edge.db.set_crowd(&room, size).await?;
    }
    let mut beats: Vec<Beat> = (1..=size).map(|n| beat(&room, n)).collect();
    type_some(&mut beats);
    for _ in 0..TRIES_MAX {
        let outcomes = edge.db.heartbeat_batch(&beats, false).await?;
        let mut outcomes = outcomes.iter();
        beats.retain(|_| outcomes.next() == Some(&Outcome::Busy));
        if beats.is_empty() {
            break;
        }
    }
    Ok(Json(Crowd { size }))
}

/// The rows of [`LIVE`], for who may see the room.
pub async fn rows(
    State(edge): State<Edge>,
    caller: Caller,
    RoomPath(room): RoomPath,
    headers: HeaderMap,
) -> Result<Json<Live>> {
    check(&edge, &caller, &room, &headers).await?;
    let rows = edge.db.live_rows(&room).await?;
    Ok(Json(Live { sql: LIVE, rows }))
}

/// This machine's own page, and a room that its user may see.
async fn check(edge: &Edge, caller: &Caller, room: &RoomId, headers: &HeaderMap) -> Result<()> {
    if !is_local(headers) {
        return Err(Error::PathNotFound);
    }
    let seen = edge
        .db
        .room_counts(&caller.user_id, Some(std::slice::from_ref(room)))
        .await?;
    if seen.is_empty() {
        return Err(Error::RoomNotFound);
    }
    Ok(())
}

/// Of the nth of a room's crowd; the same at each call.
fn key(room: &RoomId, n: i32) -> BeatKey {
    let hash = Sha256::digest(format!("{n} of {}", room.as_str()));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    BeatKey {
        room: room.clone(),
        user: UserId::trusted(format!("crowd-{n:03}")),
        session: uuid::Builder::from_random_bytes(bytes).into_uuid(),
    }
}

/// Most are active, as people are.
fn beat(room: &RoomId, n: i32) -> Beat {
    let status = match n % 12 {
        3 | 8 => Status::Away,
        5 => Status::Busy,
        7 => Status::InMeeting,
        10 => Status::Idle,
        _ => Status::Active,
    };
    Beat {
        key: key(room, n),
        state: Said {
            status: Some(status),
            ..Said::default()
        },
    }
}

fn type_some(beats: &mut [Beat]) {
    let chance = Uuid::new_v4().as_u128();
    let count = beats.len() as u128;
    for at in 0..TYPISTS.min(count) {
        let index = (chance >> (at * 32)) % count;
        if let Some(beat) = beats.get_mut(index as usize) {
            beat.state.status = Some(Status::Typing);
        }
    }
}

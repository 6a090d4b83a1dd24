//! `PUT` and `DELETE /v1/rooms/{room}/sessions/{session}`: heartbeat and leave of one session.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Edge,
    body::JsonBody,
    path::{Fields, SessionPath, seq},
    state::StateBody,
};
use crate::{
    auth::Caller,
    domain::{Beat, BeatKey, Outcome, Stamp, Status},
    error::{Error, Result},
};

/// What a heartbeat answers.
#[derive(Debug, Serialize)]
pub struct LeaseBody {
    session_id: Uuid,
    status: Status,
    joined_at: Option<Stamp>,
    expires_at: Option<Stamp>,
    heartbeat_ms: u64,
    leave_token: String,
}

/// Joins, or renews.
pub async fn put(
    State(edge): State<Edge>,
    caller: Caller,
    SessionPath(room, session): SessionPath,
    JsonBody(body): JsonBody<StateBody>,
) -> Result<Json<LeaseBody>> {
    let key = BeatKey {
        room,
        user: caller.user_id.clone(),
        session,
    };
    let state = body.check()?;
    edge.rates.check(&caller)?;
    let outcome = edge
        .beats
        .submit(Beat {
            key: key.clone(),
            state,
        })
        .await?;
    answer(&edge, &key, outcome).map(Json)
}

/// What an outcome means to a caller.
pub fn answer(edge: &Edge, key: &BeatKey, outcome: Outcome) -> Result<LeaseBody> {
    match outcome {
        Outcome::Ok(lease) => Ok(LeaseBody {
            session_id: key.session,
            status: lease.status,
            joined_at: lease.joined_at,
            expires_at: lease.expires_at,
            heartbeat_ms: edge.heartbeat_ms(key),
            leave_token: edge.leave_token(key),
        }),
        Outcome::Denied => Err(Error::RoomNotFound),
        Outcome::Stale => Err(Error::StaleHeartbeat),
        Outcome::Ended => Err(Error::SessionEnded),
        Outcome::TooManySessions => Err(Error::TooManySessions),
        Outcome::Invalid => Err(Error::Invalid(
            "status, message, activity, data or seq is not valid".to_owned(),
        )),
        Outcome::Busy => Err(Error::Overloaded(crate::error::RETRY_AFTER)),
    }
}

/// The query of a leave.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaveQuery {
    seq: Option<i64>,
}

/// Leaves; also fine where there is nothing to leave.
pub async fn delete(
    State(edge): State<Edge>,
    caller: Caller,
    SessionPath(room, session): SessionPath,
    Fields(query): Fields<LeaveQuery>,
) -> Result<StatusCode> {
    let number = query.seq.map(seq).transpose()?;
    edge.leaves
        .submit((
            BeatKey {
                room,
                user: caller.user_id,
                session,
            },
            number,
        ))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

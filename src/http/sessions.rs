//! `PUT` and `DELETE /v1/rooms/{room}/sessions/{session}`: heartbeat and leave of one session.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
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

/// The promise that a heartbeat is answered with.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Lease)]
pub struct LeaseBody {
    /// The path's.
    session_id: Uuid,
    /// What its user says for all rooms, else this session's own; `invisible` where it is not to be seen.
    status: Status,
    /// When this session joined; null where it is invisible.
    #[schema(required)]
    joined_at: Option<Stamp>,
    /// The end of the lease, by the database's clock; null where it is invisible.
    #[schema(required)]
    expires_at: Option<Stamp>,
    /// When to send the next heartbeat, in milliseconds.
    heartbeat_ms: u64,
    /// For the beacon of a closing page, good for a day.
    leave_token: String,
}

/// Joins the room, or renews the lease
///
/// `{}` renews. A field that is absent stays as it is, null clears it. A client repeats its whole state in a heartbeat
/// that may have to join: the first one, after sleep or a lost connection, after a snapshot with a new epoch.
#[utoipa::path(
    put, path = "/v1/rooms/{room}/sessions/{session}", operation_id = "heartbeat", tag = "Sessions",
    request_body(content = StateBody, example = json!({"message": "at the venue", "activity": "viewing budget"})),
    responses((
        status = 200, description = "The session is there.", body = LeaseBody,
        example = json!({"session_id": "11111111-1111-4111-8111-111111111111", "status": "active",
            "joined_at": "2026-11-25T01:07:29.659Z", "expires_at": "2026-11-25T01:08:44.659Z", "heartbeat_ms": 25000,
            "leave_token": "AAAAAGsHhlERERER..."})
    )),
    extensions(("x-problems" = json!(["room-not-found", "stale-heartbeat", "session-ended", "too-many-sessions",
        "rate-limited", "database"])))
)]
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
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LeaveQuery {
    /// The client's number of this leave: heartbeats up to it are stale.
    #[param(value_type = Option<i64>, minimum = 0, maximum = 9007199254740991_i64, nullable = false)]
    seq: Option<i64>,
}

/// Leaves
///
/// Ends one session. Also fine where there is nothing to leave.
#[utoipa::path(
    delete, path = "/v1/rooms/{room}/sessions/{session}", operation_id = "leave", tag = "Sessions",
    params(LeaveQuery),
    responses((status = 204, description = "It is gone, and that is committed.")),
    extensions(("x-problems" = json!(["database"])))
)]
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

//! The operator's page, on the admin listener alone.
//!
//! Whoever reaches the port may know what `/metrics` tells already: whether all is well, and numbers. Names and ids of
//! users, rooms, machines and logins, and the doctor's words, are for a token with the scope `presence:admin`. Writes need
//! that token and the page's own origin; that a page of a stranger cannot ask at all is `hosts`' to see to.

mod assets;
mod origin;
mod overview;

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{FromRequestParts, State},
    http::{HeaderMap, header, request::Parts},
    middleware,
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;

use super::{
    Edge,
    hosts::Hosts,
    page,
    path::{self, Fields, RoomPath, UserPath},
};
use crate::{
    auth::{
        Caller, SCOPE_ADMIN,
        jwt::{self, Claims},
    },
    config::Settings,
    domain::{IdType, RoomId, overview::MemberRow, overview::Reason},
    error::{Error, Result},
};

/// Members of a room that are listed.
const MEMBERS_MAX: i32 = 200;
/// As long as an operator tries things out.
const TOKEN_LIFE: Duration = Duration::from_secs(12 * 3600);

/// The page, what it reads, what it writes; `hands_tokens`: `dev` signs them for whoever is at this machine.
pub fn routes(settings: &Settings, hands_tokens: bool) -> Router<Edge> {
    let mut writes = Router::new()
        .route("/operator/rooms/{room}/members/{user}", delete(delete_member))
        .route("/operator/rooms/{room}/presence", delete(delete_presence));
    if hands_tokens {
        let settings = Arc::new(settings.clone());
        let hand = move |edge, headers| token(edge, headers, settings);
        writes = writes.route("/operator/token", post(hand));
    }
    let writes = writes.layer(middleware::from_fn_with_state(Hosts::of(settings), origin::check));
    assets::routes()
        .route(
            "/operator/overview",
            get(move |edge, headers| overview::get(edge, headers, hands_tokens)),
        )
        .route("/operator/rooms/{room}/members", get(get_members))
        .route("/operator/why", get(get_why))
        .merge(writes)
}

/// Whoever shows a token with the scope `presence:admin`.
struct Operator(Caller);

impl Operator {
    async fn by(edge: &Edge, headers: &HeaderMap) -> Result<Self> {
        let caller = edge.auth.caller(headers).await?;
        caller.require(SCOPE_ADMIN)?;
        Ok(Self(caller))
    }
}

impl FromRequestParts<Edge> for Operator {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self> {
        Self::by(edge, &parts.headers).await
    }
}

/// JSON that nobody keeps.
fn fresh(body: impl Serialize) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

#[derive(Serialize)]
struct Members {
    room_id: RoomId,
    members: Vec<MemberRow>,
}

async fn get_members(State(edge): State<Edge>, _: Operator, RoomPath(room): RoomPath) -> Result<Response> {
    let members = edge.db.overview_members(Some(&room), MEMBERS_MAX).await?;
    Ok(fresh(Members {
        room_id: room,
        members,
    }))
}

/// Of whom, and where.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    user: String,
    room: String,
}

#[derive(Serialize)]
struct Why {
    reasons: Vec<Reason>,
}

async fn get_why(
    State(edge): State<Edge>,
    _: Operator,
    Fields(question): Fields<Question>,
) -> Result<Response> {
    let user = path::user(&question.user, edge.ids)?;
    let room = path::room(&question.room, edge.ids)?;
    let reasons = edge.db.why(&user, &room).await?;
    Ok(fresh(Why { reasons }))
}

async fn delete_member(
    State(edge): State<Edge>,
    _: Operator,
    RoomPath(room): RoomPath,
    UserPath(user): UserPath,
) -> Result<Response> {
    let ended = edge.db.remove_member(&room, &user).await?;
    tracing::info!(ended, "an operator removed a member");
    edge.desk.look_anew().await;
    Ok(fresh(json!({"ended": ended})))
}

async fn delete_presence(
    State(edge): State<Edge>,
    _: Operator,
    RoomPath(room): RoomPath,
) -> Result<Response> {
    let ended = edge.db.remove_room(&room).await?;
    tracing::info!(ended, "an operator cleared a room");
    edge.desk.look_anew().await;
    Ok(fresh(json!({"ended": ended})))
}

/// `dev` alone: for its own page, on loopback names.
async fn token(State(edge): State<Edge>, headers: HeaderMap, settings: Arc<Settings>) -> Result<Response> {
    if !page::is_local(&headers) {
        return Err(Error::PathNotFound);
    }
    // Any id that there can be: an operator is nobody of the application.
    let user = match edge.ids.user {
        IdType::Text => "operator",
        IdType::Uuid => "00000000-0000-0000-0000-000000000000",
        IdType::Bigint => "0",
    };
    let claims = Claims {
        user,
        user_claim: &settings.user_claim,
        scope: SCOPE_ADMIN,
        issuer: settings.jwt_issuer.as_deref(),
        audience: settings.jwt_audience.as_deref(),
        ttl: TOKEN_LIFE,
    };
    let secret = settings.jwt_secret.as_deref().ok_or(Error::PathNotFound)?;
    let token = jwt::mint(secret, &claims, OffsetDateTime::now_utc())?;
    Ok(fresh(json!({"token": token})))
}

//! What stands in paths and queries, checked against the installed id types before anything else happens.

use axum::{
    RequestPartsExt,
    extract::{FromRequestParts, Query, RawPathParams},
    http::request::Parts,
};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::Edge;
use crate::{
    domain::{EventId, IdTypes, RoomId, UserId},
    error::{Error, Result},
};

/// `{room}`.
pub struct RoomPath(pub RoomId);
/// `{event}`.
pub struct EventPath(pub EventId);
/// `{user}`.
pub struct UserPath(pub UserId);
/// `{room}` and `{session}`.
pub struct SessionPath(pub RoomId, pub Uuid);

/// A query with no other fields than `T`'s.
pub struct Fields<T>(pub T);
/// A query whose fields may repeat.
pub struct Pairs(pub Vec<(String, String)>);

impl FromRequestParts<Edge> for RoomPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self> {
        room(&segment(parts, "room").await?, edge.ids).map(Self)
    }
}

impl FromRequestParts<Edge> for EventPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self> {
        event(&segment(parts, "event").await?, edge.ids).map(Self)
    }
}

impl FromRequestParts<Edge> for UserPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self> {
        user(&segment(parts, "user").await?, edge.ids).map(Self)
    }
}

impl FromRequestParts<Edge> for SessionPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self> {
        let session = session(&segment(parts, "session").await?)?;
        Ok(Self(room(&segment(parts, "room").await?, edge.ids)?, session))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + 'static> FromRequestParts<S> for Fields<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let query = parts.extract::<Query<T>>().await;
        query
            .map(|Query(fields)| Self(fields))
            .map_err(|why| Error::Invalid(format!("the query: {}", why.body_text())))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Pairs {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        Fields::from_request_parts(parts, state)
            .await
            .map(|Fields(pairs)| Self(pairs))
    }
}

/// A room id from outside.
pub fn room(raw: &str, ids: IdTypes) -> Result<RoomId> {
    RoomId::parse(raw, ids.room).map_err(|why| Error::Invalid(format!("the room id {why}")))
}

/// An event id from outside.
pub fn event(raw: &str, ids: IdTypes) -> Result<EventId> {
    EventId::parse(raw, ids.event).map_err(|why| Error::Invalid(format!("the event id {why}")))
}

/// A user id from outside.
pub fn user(raw: &str, ids: IdTypes) -> Result<UserId> {
    UserId::parse(raw, ids.user).map_err(|why| Error::Invalid(format!("the user id {why}")))
}

/// A session id from outside: a uuid in its usual form, 36 characters.
pub fn session(raw: &str) -> Result<Uuid> {
    let uuid = if raw.len() == 36 {
        Uuid::try_parse(raw).ok()
    } else {
        None
    };
    uuid.ok_or_else(|| Error::Invalid("the session id is no uuid".to_owned()))
}

/// A number that the client gave to a call: 0 to 2^53 - 1.
pub fn seq(number: i64) -> Result<i64> {
    match number {
        0..=crate::domain::limits::NUMBER_MAX => Ok(number),
        _ => Err(Error::Invalid("seq must be 0 to 2^53 - 1".to_owned())),
    }
}

async fn segment(parts: &mut Parts, name: &str) -> Result<String> {
    let segments = parts.extract::<RawPathParams>().await;
    let segments = segments.map_err(|_| Error::Invalid("the path is not UTF-8".to_owned()))?;
    let found = segments
        .iter()
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned());
    found.ok_or_else(|| Error::bug(format!("a route without {{{name}}}")))
}

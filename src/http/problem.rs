//! Errors as RFC 9457 problems. `type` is the stable word that docs/errors.md explains; clients compare it.

use std::time::Duration;

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::layers;
use crate::error::{Error, Subject};

/// What a caller is told when something was refused or failed (RFC 9457).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// The stable word: compare this, and nothing else.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What that word means.
    pub title: &'static str,
    /// The HTTP status, repeated.
    pub status: u16,
    /// What is wrong with this request.
    pub detail: String,
    /// Which topic of a stream was refused, as it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Which session was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The room in which it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_id: Option<String>,
    /// To find this request in the logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub request_id: Option<String>,
    #[serde(skip)]
    retry_after: Option<Duration>,
    /// Of a rate limit: how many it lets through at once.
    #[serde(skip)]
    burst: Option<u32>,
}

impl Problem {
    /// What a caller is told of it.
    pub fn of(error: &Error) -> Self {
        let burst = match *error {
            Error::RateLimited { burst, .. } => Some(burst),
            _ => None,
        };
        let (status, kind, title, retry_after) = match *error {
            Error::Invalid(_) => (400, "invalid", "The request is not valid", None),
            Error::Unauthenticated => (401, "unauthenticated", "A valid bearer token is required", None),
            Error::Forbidden(_) => (403, "forbidden", "The token does not allow this", None),
            Error::ForeignOrigin => (403, "foreign-origin", "Not from another page", None),
            Error::RoomNotFound => (404, "room-not-found", "No such room", None),
            Error::EventNotFound => (404, "event-not-found", "No such event", None),
            Error::UserNotFound => (404, "user-not-found", "No such user", None),
            Error::PathNotFound => (404, "not-found", "No such path", None),
            Error::WrongHost => (421, "wrong-host", "Not served under this name", None),
            Error::MethodNotAllowed => (405, "method-not-allowed", "Method not allowed", None),
            Error::TimedOut => (408, "timed-out", "The request took too long", None),
            Error::StaleHeartbeat => (409, "stale-heartbeat", "Overtaken by the session's leave", None),
            Error::SessionEnded => (409, "session-ended", "The session was logged out", None),
            Error::TooManySessions => (409, "too-many-sessions", "Too many sessions in this room", None),
            Error::TooManyWatches => (409, "too-many-watches", "Too many watches", None),
            Error::TooLarge(_) => (413, "too-large", "The body is too large", None),
            Error::UnsupportedMediaType(_) => (415, "unsupported-media-type", "Unsupported media type", None),
            Error::RateLimited { wait, .. } => (429, "rate-limited", "Too many calls", Some(wait)),
            Error::TooManyStreams => (
                429,
                "too-many-streams",
                "Too many open streams",
                Some(Duration::from_secs(5)),
            ),
            Error::About {
                ref subject,
                error: ref about,
            } => return Self::of(about).about(subject.clone()),
            Error::Bug(_) => (500, "internal", "Internal error", None),
            Error::Overloaded(wait) => (503, "overloaded", "Overloaded, try again", Some(wait)),
            Error::Unavailable(wait) => (503, "unavailable", "The database is unavailable", Some(wait)),
            Error::NotReady(_) => (503, "not-ready", "Not ready", Some(crate::error::RETRY_AFTER)),
        };
        Self {
            kind,
            title,
            status,
            detail: error.to_string(),
            topic: None,
            session_id: None,
            room_id: None,
            request_id: None,
            retry_after,
            burst,
        }
    }

    fn about(mut self, subject: Subject) -> Self {
        match subject {
            Subject::Topic(topic) => self.topic = Some(topic),
            Subject::Session { session_id, room_id } => {
                (self.session_id, self.room_id) = (Some(session_id), room_id);
            }
        }
        self
    }
}

/// At the edge: what should not happen is logged here, once, with its cause.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let innermost = match &error {
            Error::About { error, .. } => error,
            error => error,
        };
        if let Error::Bug(cause) = innermost {
            tracing::error!(cause = %chain(&**cause), "internal error");
        }
        Self::of(&error)
    }
}

/// A cause with its own causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        self.request_id = layers::current_request_id();
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = self.retry_after {
            let wait_s = (wait.as_secs_f64().ceil() as u64).max(1);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait_s));
            // draft-ietf-httpapi-ratelimit-headers-10
            let limit = self.burst.and_then(|burst| {
                let policy = HeaderValue::from_str(&format!("\"heartbeats\";q={burst}")).ok()?;
                let left = HeaderValue::from_str(&format!("\"heartbeats\";r=0;t={wait_s}")).ok()?;
                Some([("ratelimit-policy", policy), ("ratelimit", left)])
            });
            headers.extend(
                limit
                    .into_iter()
                    .flatten()
                    .map(|(name, value)| (HeaderName::from_static(name), value)),
            );
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

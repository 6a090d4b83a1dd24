//! What went wrong, in our own words.
//!
//! Named by what happened, never by an HTTP status (that is `http::problem`'s) and never by the driver's types:
//! `db` turns SQLSTATEs into these, by code and never by text.

use std::time::Duration;

/// Everything that a caller may be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request does not say what it must; the text is for the caller.
    #[error("{0}")]
    Invalid(String),
    /// No token, or none that is good.
    #[error("a valid bearer token is required")]
    Unauthenticated,
    /// A good token without the scope that this call needs.
    #[error("the token lacks the scope {0}")]
    Forbidden(&'static str),
    /// A write that no page of the operator's own asks for.
    #[error("only the page that is served here may do this: the request's Origin is another one, or none")]
    ForeignOrigin,
    /// There is no such room, or the caller may not know of it: nobody can tell which.
    #[error("no such room")]
    RoomNotFound,
    /// As for rooms: missing and forbidden are one.
    #[error("no such event")]
    EventNotFound,
    /// Nobody by that id shares a room with the caller.
    #[error("no such user")]
    UserNotFound,
    /// The URL names nothing.
    #[error("no such path")]
    PathNotFound,
    /// What is for operators was asked for by a name that a stranger may have made up.
    #[error(
        "only addresses and names of the own network may ask for this; others are listed in PRESENCE_ADMIN_HOSTS"
    )]
    WrongHost,
    /// The URL exists, the method does not.
    #[error("method not allowed here")]
    MethodNotAllowed,
    /// The session left with this number or a later one.
    #[error("this heartbeat was overtaken by its session's leave")]
    StaleHeartbeat,
    /// The session was logged out and may not return.
    #[error("this session was logged out")]
    SessionEnded,
    /// The member has as many sessions in the room as one may have.
    #[error("too many sessions of one user in one room")]
    TooManySessions,
    /// The user watches as many others as one may.
    #[error("too many watches: a user watches 200 others at most")]
    TooManyWatches,
    /// More heartbeats of one user, and calls that count as one, than the limit lets through.
    #[error("too many calls")]
    RateLimited {
        /// When the next one is let through.
        wait: Duration,
        /// How many are let through at once, after a pause.
        burst: u32,
    },
    /// The user has as many streams on this node as one may have.
    #[error("too many open streams")]
    TooManyStreams,
    /// The body is longer than the limit, in bytes.
    #[error("the body is longer than {0} bytes")]
    TooLarge(usize),
    /// The body's media type is not what this call takes.
    #[error("the body must be {0}")]
    UnsupportedMediaType(&'static str),
    /// The request did not arrive in time.
    #[error("the request took too long to arrive")]
    TimedOut,
    /// Too much at once; try again after this long.
    #[error("overloaded")]
    Overloaded(Duration),
    /// The database is away; try again after this long.
    #[error("the database is unavailable")]
    Unavailable(Duration),
    /// This node should get no traffic; the text names the causes.
    #[error("{0}")]
    NotReady(String),
    /// One of several things that were asked for at once was refused.
    #[error("{error}")]
    About {
        /// Which.
        subject: Subject,
        /// Why.
        #[source]
        error: Box<Error>,
    },
    /// What should not happen. The cause is logged at the edge, and never shown.
    #[error("internal error")]
    Bug(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What of a request was refused, in the caller's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A topic of a stream, `name=value`.
    Topic(String),
    /// A session, and the room that it was to be held in, where one was named.
    Session {
        /// Its id, or what stands in its place.
        session_id: String,
        /// Where.
        room_id: Option<String>,
    },
}

/// How long a caller is asked to wait after a passing failure.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Error {
    /// What should not have happened, with its cause in words.
    pub fn bug(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Bug(cause.into())
    }

    /// The same, of this alone; but what is no refusal of it, as a database that is away, stays what it is.
    pub fn about(self, subject: Subject) -> Self {
        match self {
            Self::Invalid(_) | Self::StaleHeartbeat | Self::SessionEnded | Self::TooManySessions => {
                Self::About {
                    subject,
                    error: Box::new(self),
                }
            }
            other => other,
        }
    }
}

/// This crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

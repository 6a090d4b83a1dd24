//! The refusals that the document tells of, each as the code makes it: status, title and an example come from the very
//! conversion that answers callers.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::problem::Problem;
use crate::error::{Error, RETRY_AFTER};

/// A refusal and what a client does about it.
pub struct Refusal {
    /// As callers get it.
    pub problem: Problem,
    /// What it means, in a sentence or two.
    pub means: &'static str,
}

/// By its stable word. `database` stands for both that follow from asking it.
pub fn expanded(word: &str) -> Vec<&str> {
    match word {
        "database" => vec!["overloaded", "unavailable"],
        word => vec![word],
    }
}

/// All of them.
pub fn all() -> Vec<Refusal> {
    let words = of_requests().into_iter().chain(of_limits()).chain(of_nodes());
    words
        .map(|(error, means)| Refusal {
            problem: Problem::of(&error),
            means,
        })
        .collect()
}

/// What is wrong with a request, or not there for it.
fn of_requests() -> Vec<(Error, &'static str)> {
    vec![
        (
            Error::Invalid("the session id is no uuid".to_owned()),
            "The request does not say what it must; `detail` names the field and the bounds. Sending it again changes nothing.",
        ),
        (
            Error::Unauthenticated,
            "There is no good bearer token, and which of its faults it was is not said. Get a fresh one, once.",
        ),
        (
            Error::Forbidden("presence:admin"),
            "The token is good but lacks a scope.",
        ),
        (
            Error::RoomNotFound,
            "There is no such room, or the caller may not enter it: nobody can tell which.",
        ),
        (
            Error::EventNotFound,
            "There is no such event, or the caller may enter none of its rooms.",
        ),
        (
            Error::UserNotFound,
            "Nobody by that id shares a room with the caller.",
        ),
        (Error::PathNotFound, "The path names nothing."),
        (
            Error::MethodNotAllowed,
            "The path exists, the method does not; `Allow` names those that do.",
        ),
        (Error::TimedOut, "The body did not arrive within 10 s."),
        (
            Error::StaleHeartbeat,
            "The heartbeat was overtaken by its session's leave. A higher number joins again.",
        ),
        (
            Error::SessionEnded,
            "The user logged out, and this session id may not return for a day.",
        ),
        (
            Error::UnsupportedMediaType("application/json"),
            "The body must be JSON, uncompressed.",
        ),
        (
            Error::WrongHost,
            "Asked for by a name that is none of the own network's: what is for operators answers no page of a stranger.",
        ),
    ]
}

/// Too much of something.
fn of_limits() -> Vec<(Error, &'static str)> {
    vec![
        (
            Error::TooManySessions,
            "The user has as many sessions in this room as one may have, 10 by default.",
        ),
        (
            Error::TooManyWatches,
            "The user watches 200 others, which is all that one may.",
        ),
        (
            Error::TooLarge(16 * 1024),
            "16 KiB, for a batch 1 MiB, for a beacon 64 KiB.",
        ),
        (
            Error::RateLimited {
                wait: Duration::from_millis(200),
                burst: 50,
            },
            "More heartbeats of one user, and calls that count as one, than the node lets through, 50 at once and 5 a second by \
             default. Nothing was done.",
        ),
        (
            Error::TooManyStreams,
            "The user has 20 open streams on this node; one carries up to 100 topics.",
        ),
    ]
}

/// What a node, or its database, cannot do.
fn of_nodes() -> Vec<(Error, &'static str)> {
    vec![
        (
            Error::Bug("nothing".into()),
            "What should not happen; the cause is in the log under the `request_id`.",
        ),
        (
            Error::Overloaded(RETRY_AFTER),
            "Too much at once, or somebody held the room for 2 s. Nothing was done.",
        ),
        (
            Error::Unavailable(RETRY_AFTER),
            "The database cannot be reached, or lacks what was migrated or mapped.",
        ),
        (
            Error::NotReady("the database cannot be read".to_owned()),
            "This node should get no traffic; `detail` names the causes.",
        ),
    ]
}

impl Refusal {
    /// As a body, with the id of a request.
    pub fn example(&self) -> Value {
        let mut body = json!(self.problem);
        body["request_id"] = json!("b5f7c881-286e-47d4-b437-9b37abc49e4e");
        body
    }
}

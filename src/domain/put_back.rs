//! What is put back after a loss of the unlogged data.

use std::time::Duration;

use uuid::Uuid;

use super::{BeatKey, Stamp, Status};

/// What people saw of a member.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Since when, so that nobody sees a difference.
    pub joined_at: Stamp,
    /// Never `Typing`, which ends by itself.
    pub status: Status,
    /// When the status ends.
    pub status_until: Option<Stamp>,
    /// Custom text.
    pub message: Option<String>,
    /// What the user is looking at.
    pub activity: Option<String>,
    /// A JSON object.
    pub data: Option<String>,
}

/// A session that could be put back.
#[derive(Debug, Clone)]
pub struct PutBack {
    /// Whose.
    pub key: BeatKey,
    /// The stream that holds it.
    pub holder: Option<Uuid>,
    /// How much of its lease is left.
    pub lasts: Duration,
    /// As people saw its user.
    pub seen: Seen,
}

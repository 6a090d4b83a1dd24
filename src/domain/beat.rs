//! A heartbeat and what became of it.

use std::time::Duration;

use uuid::Uuid;

use super::{RoomId, Stamp, Status, UserId};

/// Whose lease: one tab or device of one user in one room.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BeatKey {
    /// Where.
    pub room: RoomId,
    /// Who.
    pub user: UserId,
    /// Which tab or device.
    pub session: Uuid,
}

/// What a heartbeat says beside "still here". Absent means unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// A new status.
    pub status: Option<Status>,
    /// How long that status holds, in milliseconds, 0 to 366 days; it becomes `active` then. With `typing`: how long
    /// the overlay lasts.
    pub status_ttl_ms: Option<i64>,
    /// Custom text; empty clears it.
    pub message: Option<String>,
    /// What the user is looking at; empty clears it.
    pub activity: Option<String>,
    /// A JSON object as text; `{}` clears it.
    pub data: Option<String>,
    /// The client's own number of this call; orders heartbeats and leaves of one session.
    pub seq: Option<i64>,
}

/// Renews a lease, or joins where there is none.
#[derive(Debug, Clone)]
pub struct Beat {
    /// Whose lease.
    pub key: BeatKey,
    /// What it says.
    pub state: State,
}

/// The promise that a heartbeat is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What the user says for all rooms, else the session's own; `Invisible` where it is not to be seen.
    pub status: Status,
    /// When this session joined; none where it is invisible.
    pub joined_at: Option<Stamp>,
    /// The end of the lease by the database's clock; none where it is invisible.
    pub expires_at: Option<Stamp>,
}

impl Lease {
    /// Whether the session was there before the heartbeat that this lease was answered to. `ttl`: how long one lasts.
    pub fn lasts_from_before(&self, ttl: Duration) -> bool {
        let times = self.joined_at.zip(self.expires_at);
        times.is_some_and(|(joined, expires)| expires.0 - joined.0 > ttl)
    }
}

/// What became of one heartbeat of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Joined or renewed.
    Ok(Lease),
    /// The room is missing or closed to this user.
    Denied,
    /// Overtaken by the session's leave.
    Stale,
    /// Logged out: this session id may not return.
    Ended,
    /// One more session than a member may have.
    TooManySessions,
    /// The database refused a field that the edge let pass.
    Invalid,
    /// The room was locked by somebody; nothing was done, try again.
    Busy,
}

/// What became of the renewal of a lease that a stream holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Renewed.
    Held,
    /// Somebody changes the session at this moment; try again.
    Busy,
    /// There is no such session: its lease ran out, or the unlogged data was lost.
    Missing,
    /// Ended, or taken over by another stream: not this stream's any more.
    Gone,
    /// The user was logged out.
    LoggedOut,
}

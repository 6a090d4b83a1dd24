//! What an operator sees: all of presence in numbers, the nodes, the fullest rooms, the server. Limited to nobody's view,
//! so who may ask is decided before.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{EventId, RoomId, Stamp, Status, UserId};

/// Longer silent than so, in ms, a node has died or is cut off: it tells of itself every 5 s.
pub const SILENT_MS: i64 = 15_000;

/// All of presence, in numbers.
#[derive(Debug, Clone, Serialize)]
pub struct Overview {
    /// When it was so, by the database's clock.
    pub at: Stamp,
    /// The lifetime of the unlogged data; none before anybody reaped.
    pub epoch: Option<Uuid>,
    /// Rooms with somebody in them.
    pub rooms: i64,
    /// Members of them.
    pub members: i64,
    /// Members, each user counted once.
    pub people: i64,
    /// Live sessions behind them.
    pub sessions: i64,
    /// Leases that ran out and were not ended yet.
    pub overdue: i64,
    /// For how long the oldest of them, in ms.
    pub overdue_ms: Option<i64>,
    /// How long ago the reaper had ended all that was due, in ms; none: never in this epoch.
    pub reaped_ms: Option<i64>,
    /// Changes of the application's tables that nobody acted on yet, up to 10000.
    pub evictions: i64,
    /// What changed within the last minute: `join`, `update`, and leaves by their reasons.
    pub last_minute: Value,
}

/// A node, as it told of itself.
#[derive(Debug, Clone, Serialize)]
pub struct NodeRow {
    /// Which process.
    pub node_id: String,
    /// Its version.
    pub version: String,
    /// How long it had run then, in ms.
    pub uptime_ms: i64,
    /// How long ago that was, in ms.
    pub seen_ms: i64,
    /// What it told: see `operator::Vitals`. Of a later version it may be more, or less.
    pub figures: Value,
}

impl NodeRow {
    /// Whether it has been silent for too long.
    pub fn is_silent(&self) -> bool {
        self.seen_ms > SILENT_MS
    }

    /// A number that it told; 0 where it told none.
    pub fn number(&self, figure: &str) -> f64 {
        self.figures[figure].as_f64().unwrap_or_default()
    }
}

/// A room that somebody is in.
#[derive(Debug, Clone, Serialize)]
pub struct RoomRow {
    /// Which.
    pub room_id: RoomId,
    /// Its name, where the application maps one.
    pub name: Option<String>,
    /// `chat`, `vendor` or any other word.
    pub kind: Option<String>,
    /// The event that it belongs to.
    pub event_id: Option<EventId>,
    /// Members now.
    pub members: i64,
    /// Sessions behind them.
    pub sessions: i64,
}

/// A member of any room.
#[derive(Debug, Clone, Serialize)]
pub struct MemberRow {
    /// Where.
    pub room_id: RoomId,
    /// Who.
    pub user_id: UserId,
    /// Public name.
    pub name: Option<String>,
    /// As people see it.
    pub status: Status,
    /// Until when.
    pub status_until: Option<Stamp>,
    /// In the user's own words.
    pub message: Option<String>,
    /// In the user's own words.
    pub activity: Option<String>,
    /// Since when.
    pub joined_at: Stamp,
    /// Tabs and devices.
    pub sessions: i64,
}

/// One reason why somebody is shown or not, as `presence.why` gives it.
#[derive(Debug, Clone, Serialize)]
pub struct Reason {
    /// What it is about.
    pub reason: String,
    /// Whether it holds.
    pub holds: bool,
    /// More of it.
    pub detail: Option<String>,
}

/// The server, as the login of whoever asks sees it.
#[derive(Debug, Clone, Serialize)]
pub struct Server {
    /// As `15.18`.
    pub version: String,
    /// Since its start, in ms.
    pub uptime_ms: i64,
    /// How full the queue of NOTIFY is, 0 to 1.
    pub notify_queue: f64,
    /// What holds old row versions back the furthest; none: nothing does.
    pub xmin: Option<Holder>,
}

/// Who keeps row versions from being removed.
#[derive(Debug, Clone, Serialize)]
pub struct Holder {
    /// `transaction`, `prepared transaction` or `replication slot`.
    pub kind: String,
    /// How many transactions ago it began.
    pub age: i64,
    /// For how long it has been open, in ms, where the login may see that (`pg_read_all_stats`).
    pub open_ms: Option<i64>,
    /// Whose it is: the pid with login and application, the gid, the slot; none where that is not to be told.
    pub whose: Option<String>,
}

impl Server {
    /// Without logins and applications.
    pub fn without_names(mut self) -> Self {
        if let Some(holder) = &mut self.xmin {
            holder.whose = None;
        }
        self
    }
}

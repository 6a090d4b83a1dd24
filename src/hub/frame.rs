//! Server-sent events as bytes: each encoded once, shared by all who get it.
//!
//! User text only ever stands inside JSON, which has no newline: no member can forge an event.

use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

use super::Topic;
use crate::domain::{
    Absent, Cursor, Diff, EventId, Left, Member, RoomAnswer, RoomId, Snapshot, Stamp, UserId,
    notice::Notification,
    view::{EventView, UserView},
};

/// A room as `GET /v1/rooms/{room}` and the event `snapshot` show it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Snapshot)]
pub struct SnapshotBody<'a> {
    /// Which room.
    pub room_id: &'a RoomId,
    /// The epoch of the revision.
    pub epoch: uuid::Uuid,
    /// The revision that this is.
    pub revision: i64,
    /// All members, also where `members` is a page.
    pub online_count: i64,
    /// Members, or a page of them.
    pub members: &'a [Member],
    /// Absent participants, where asked for.
    pub offline: &'a [Absent],
    /// The `after` of the next page; none: this was the last.
    #[schema(required)]
    pub next: Option<&'a str>,
    /// `count`: the room has too many members to tell of each.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub mode: Option<&'a str>,
}

impl<'a> SnapshotBody<'a> {
    /// The whole room, nobody absent.
    pub fn whole(snapshot: &'a Snapshot) -> Self {
        Self {
            room_id: &snapshot.room_id,
            epoch: snapshot.cursor.epoch,
            revision: snapshot.cursor.revision,
            online_count: snapshot.online_count,
            members: &snapshot.members,
            offline: &[],
            next: None,
            mode: None,
        }
    }
}

/// The changes of a room from one revision to another; each user stands in one of the three lists at most.
#[derive(Serialize, ToSchema)]
#[schema(as = Diff)]
pub struct DiffBody<'a> {
    /// Which room.
    room_id: &'a RoomId,
    /// The epoch of both revisions.
    epoch: uuid::Uuid,
    /// The revision that this leads on from.
    from: i64,
    /// The revision that this leads to.
    revision: i64,
    /// How many members there are after it.
    online_count: i64,
    /// Absent before, present now.
    joined: &'a [Member],
    /// Present before and now.
    updated: &'a [Member],
    /// Present before, absent now.
    left: &'a [Left],
}

/// The first event of every stream.
#[derive(Serialize, ToSchema)]
pub struct Ready<'a> {
    /// The process that serves this stream.
    node: &'a str,
    /// How often a ping follows, in milliseconds.
    ping_ms: u64,
    /// The node's clock.
    server_time: Stamp,
}

/// How many are in a room. `epoch` and `revision` stand in it where it takes the place of the room's diffs.
#[derive(Serialize, ToSchema)]
pub struct Count<'a> {
    /// Which room.
    room_id: &'a RoomId,
    /// Members now.
    online_count: i64,
    /// The epoch of the revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = uuid::Uuid, required = false)]
    epoch: Option<uuid::Uuid>,
    /// The revision that this is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false)]
    revision: Option<i64>,
}

/// The topic that may not, or no longer, be seen.
#[derive(Serialize, ToSchema)]
pub enum Revoked<'a> {
    /// A room: its `room` and its `count` topic.
    #[serde(rename = "room_id")]
    Room(&'a RoomId),
    /// A dashboard.
    #[serde(rename = "event_id")]
    Event(&'a EventId),
    /// A person.
    #[serde(rename = "user_id")]
    User(&'a UserId),
}

/// The stream ends now.
#[derive(Serialize, ToSchema)]
pub struct Bye<'a> {
    /// `shutdown`, `token-expired` or `logged-out`.
    reason: &'a str,
    /// Come back after so many milliseconds; null: do not.
    #[schema(required)]
    retry_ms: Option<u64>,
}

/// Says nothing beyond its name.
#[derive(Serialize, ToSchema)]
pub struct Nothing {}

/// `snapshot` or `diff`; none where nothing changed.
pub fn of_answer(answer: &RoomAnswer) -> Option<Bytes> {
    match answer {
        RoomAnswer::Snapshot(snapshot) => Some(of_snapshot(snapshot)),
        RoomAnswer::Diff(diff) if diff.from == diff.cursor.revision => None,
        RoomAnswer::Diff(diff) => Some(of_diff(diff)),
        RoomAnswer::Count(count) => Some(too_large(&count.room_id, count.cursor, count.online_count)),
    }
}

/// `snapshot`.
pub fn of_snapshot(snapshot: &Snapshot) -> Bytes {
    event(
        "snapshot",
        Some(&snapshot.cursor.to_string()),
        &SnapshotBody::whole(snapshot),
    )
}

/// `diff`.
pub fn of_diff(diff: &Diff) -> Bytes {
    let body = DiffBody {
        room_id: &diff.room_id,
        epoch: diff.cursor.epoch,
        from: diff.from,
        revision: diff.cursor.revision,
        online_count: diff.online_count,
        joined: &diff.joined,
        updated: &diff.updated,
        left: &diff.left,
    };
    event("diff", Some(&diff.cursor.to_string()), &body)
}

/// `ready`: the first event of every stream. `ping_ms`: how often a ping follows.
pub fn ready(node: &str, ping_ms: u64, server_time: Stamp) -> Bytes {
    event(
        "ready",
        None,
        &Ready {
            node,
            ping_ms,
            server_time,
        },
    )
}

/// `snapshot` of a room that has too many members to tell of each.
pub fn too_large(room_id: &RoomId, cursor: Cursor, online_count: i64) -> Bytes {
    let body = SnapshotBody {
        room_id,
        epoch: cursor.epoch,
        revision: cursor.revision,
        online_count,
        members: &[],
        offline: &[],
        next: None,
        mode: Some("count"),
    };
    event("snapshot", Some(&count_id(cursor)), &body)
}

/// Where a client stands that knows how many there are and not who: no cursor, since no diff leads on from there.
fn count_id(cursor: Cursor) -> String {
    format!("{cursor}.count")
}

/// `count`: how many are in a room. With a cursor: in place of the diffs of a room that is too large for them.
pub fn count(room_id: &RoomId, online_count: i64, cursor: Option<Cursor>) -> Bytes {
    let body = Count {
        room_id,
        online_count,
        epoch: cursor.map(|cursor| cursor.epoch),
        revision: cursor.map(|cursor| cursor.revision),
    };
    event("count", cursor.map(count_id).as_deref(), &body)
}

/// `event`: a dashboard.
pub fn of_event(view: &EventView) -> Bytes {
    event("event", None, view)
}

/// `user`: a person.
pub fn of_user(view: &UserView) -> Bytes {
    event("user", None, view)
}

/// `notification`: somebody came online whom the reader watches.
pub fn of_notification(notification: &Notification) -> Bytes {
    event("notification", None, notification)
}

/// `revoked`: not, or no longer, allowed.
pub fn revoked(topic: &Topic) -> Bytes {
    let body = match topic {
        Topic::Room(id) => Revoked::Room(id),
        Topic::Event(id) => Revoked::Event(id),
        Topic::User(id) => Revoked::User(id),
    };
    event("revoked", None, &body)
}

/// `bye`: the stream ends now; try again after so many milliseconds, or, without, not at all.
pub fn bye(reason: &str, retry_ms: Option<u64>) -> Bytes {
    event("bye", None, &Bye { reason, retry_ms })
}

/// `ping`, `degraded`, `recovered`: events that say nothing beyond their name.
pub fn bare(name: &str) -> Bytes {
    event(name, None, &Nothing {})
}

fn event(name: &str, id: Option<&str>, data: &impl Serialize) -> Bytes {
    let mut text = Vec::with_capacity(256);
    text.extend_from_slice(b"event: ");
    text.extend_from_slice(name.as_bytes());
    if let Some(id) = id {
        text.extend_from_slice(b"\nid: ");
        text.extend_from_slice(id.as_bytes());
    }
    text.extend_from_slice(b"\ndata: ");
    serde_json::to_writer(&mut text, data).expect("plain structs with string keys, into memory: cannot fail");
    text.extend_from_slice(b"\n\n");
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_text_cannot_forge_an_event() {
        let room = RoomId::trusted("a\r\n\nevent: bye\ndata: x\u{2028}😀");

        let frame = String::from_utf8(revoked(&Topic::Room(room)).to_vec()).expect("UTF-8");

        assert_eq!(frame.matches('\n').count(), 3, "{frame:?}");
        assert_eq!(frame.matches('\r').count(), 0, "{frame:?}");
    }
}

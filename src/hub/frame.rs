//! Server-sent events as bytes: each encoded once, shared by all who get it.
//!
//! User text only ever stands inside JSON, which has no newline: no member can forge an event.

use bytes::Bytes;
use serde::Serialize;

use super::Topic;
use crate::domain::{
    Absent, Cursor, Diff, EventId, Left, Member, RoomAnswer, RoomId, Snapshot, Stamp, UserId,
    view::{EventView, UserView},
};

/// A room as `GET /v1/rooms/{room}` and the event `snapshot` show it.
#[derive(Debug, Serialize)]
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
    pub next: Option<&'a str>,
    /// `count`: the room has too many members to tell of each.
    #[serde(skip_serializing_if = "Option::is_none")]
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

#[derive(Serialize)]
struct DiffBody<'a> {
    room_id: &'a RoomId,
    epoch: uuid::Uuid,
    from: i64,
    revision: i64,
    online_count: i64,
    joined: &'a [Member],
    updated: &'a [Member],
    left: &'a [Left],
}

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
    #[derive(Serialize)]
    struct Ready<'a> {
        node: &'a str,
        ping_ms: u64,
        server_time: Stamp,
    }
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
    #[derive(Serialize)]
    struct Count<'a> {
        room_id: &'a RoomId,
        online_count: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        epoch: Option<uuid::Uuid>,
        #[serde(skip_serializing_if = "Option::is_none")]
        revision: Option<i64>,
    }
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

/// `revoked`: not, or no longer, allowed.
pub fn revoked(topic: &Topic) -> Bytes {
    #[derive(Serialize)]
    enum Revoked<'a> {
        #[serde(rename = "room_id")]
        Room(&'a RoomId),
        #[serde(rename = "event_id")]
        Event(&'a EventId),
        #[serde(rename = "user_id")]
        User(&'a UserId),
    }
    let body = match topic {
        Topic::Room(id) => Revoked::Room(id),
        Topic::Event(id) => Revoked::Event(id),
        Topic::User(id) => Revoked::User(id),
    };
    event("revoked", None, &body)
}

/// `bye`: the stream ends now; try again after so many milliseconds, or, without, not at all.
pub fn bye(reason: &str, retry_ms: Option<u64>) -> Bytes {
    #[derive(Serialize)]
    struct Bye<'a> {
        reason: &'a str,
        retry_ms: Option<u64>,
    }
    event("bye", None, &Bye { reason, retry_ms })
}

/// `ping`, `degraded`, `recovered`: events that say nothing beyond their name.
pub fn bare(name: &str) -> Bytes {
    #[derive(Serialize)]
    struct Nothing {}
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

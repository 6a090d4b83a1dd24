//! Server-sent events as bytes: each encoded once, shared by all who get it.
//!
//! User text only ever stands inside JSON, which has no newline: no member can forge an event.

use bytes::Bytes;
use serde::Serialize;

use crate::domain::{Absent, Diff, Left, Member, RoomAnswer, RoomId, Snapshot, Stamp};

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

/// `revoked`: not, or no longer, allowed.
pub fn revoked(room_id: &RoomId) -> Bytes {
    #[derive(Serialize)]
    struct Revoked<'a> {
        room_id: &'a RoomId,
    }
    event("revoked", None, &Revoked { room_id })
}

/// `bye`: the stream ends now; try again after so many milliseconds.
pub fn bye(reason: &str, retry_ms: u64) -> Bytes {
    #[derive(Serialize)]
    struct Bye<'a> {
        reason: &'a str,
        retry_ms: u64,
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

        let frame = String::from_utf8(revoked(&room).to_vec()).expect("UTF-8");

        assert_eq!(frame.matches('\n').count(), 3, "{frame:?}");
        assert_eq!(frame.matches('\r').count(), 0, "{frame:?}");
    }
}

//! Frames of streams, with text of users in every field: read by a reader of its own, each is one event that says exactly
//! what was put into it.

use serde_json::{Value, json, value::RawValue};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Source;
use crate::{
    domain::{
        Cursor, Diff, EventId, Left, Member, RoomId, Snapshot, Stamp, Status, UserId,
        view::{EventRoom, EventView, Person, UserRoom, UserView},
    },
    hub::{Topic, frame},
};

const STATUSES: [Status; 6] = [
    Status::Active,
    Status::Idle,
    Status::Away,
    Status::Busy,
    Status::InMeeting,
    Status::Typing,
];

/// An event as a client reads it.
#[derive(Debug, PartialEq)]
struct Read {
    name: String,
    id: String,
    data: Value,
}

pub(super) fn check(bytes: &[u8]) {
    let mut source = Source(bytes);
    let (mut stream, mut expected) = (vec![], vec![]);
    for _ in 0..=source.below(4) {
        let (frame, event) = frame(&mut source);
        assert_eq!(read(&frame), [&event], "{:?}", String::from_utf8_lossy(&frame));
        stream.extend_from_slice(&frame);
        expected.push(event);
    }
    assert_eq!(
        read(&stream),
        expected.iter().collect::<Vec<_>>(),
        "one after another"
    );
}

impl PartialEq<&Read> for Read {
    fn eq(&self, other: &&Read) -> bool {
        self == *other
    }
}

/// As the HTML standard says: lines end with CR, LF or both, an empty one ends an event.
fn read(bytes: &[u8]) -> Vec<Read> {
    let text = std::str::from_utf8(bytes).expect("a stream is UTF-8");
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut events = vec![];
    let (mut name, mut id, mut data) = (String::new(), String::new(), vec![]);
    for line in text.split('\n') {
        if line.is_empty() {
            if !data.is_empty() {
                let data = serde_json::from_str(&std::mem::take(&mut data).join("\n"));
                events.push(Read {
                    name: std::mem::take(&mut name),
                    id: std::mem::take(&mut id),
                    data: data.expect("data are JSON"),
                });
            }
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => name = value.to_owned(),
            "id" => id = value.to_owned(),
            "data" => data.push(value.to_owned()),
            other => panic!("a field {other:?} in {text:?}"),
        }
    }
    events
}

fn event(name: &str, id: impl ToString, data: Value) -> Read {
    Read {
        name: name.to_owned(),
        id: id.to_string(),
        data,
    }
}

fn frame(source: &mut Source<'_>) -> (bytes::Bytes, Read) {
    match source.below(8) {
        0 => {
            let (room, cursor) = (RoomId::trusted(source.text()), cursor(source));
            let data = json!({"room_id": &room, "online_count": 7, "epoch": cursor.epoch, "revision": cursor.revision});
            let id = format!("{cursor}.count");
            (frame::count(&room, 7, Some(cursor)), event("count", id, data))
        }
        1 => {
            let user = UserId::trusted(source.text());
            let data = json!({"user_id": &user});
            (frame::revoked(&Topic::User(user)), event("revoked", "", data))
        }
        2 => {
            let (node, reason) = (source.text(), "left");
            let at = stamp(source);
            let data = json!({"node": &node, "ping_ms": 15_000, "server_time": at.to_string()});
            assert_eq!(read(&frame::bye(reason, None)).len(), 1);
            (frame::ready(&node, 15_000, at), event("ready", "", data))
        }
        3 | 4 => diff(source),
        5 => person(source),
        6 => dashboard(source),
        _ => snapshot(source),
    }
}

fn snapshot(source: &mut Source<'_>) -> (bytes::Bytes, Read) {
    let cursor = cursor(source);
    let (members, shown) = members(source);
    let room_id = RoomId::trusted(source.text());
    let data = json!({
        "room_id": &room_id, "epoch": cursor.epoch, "revision": cursor.revision, "online_count": 3,
        "members": shown, "offline": [], "next": null,
    });
    let snapshot = Snapshot {
        room_id,
        cursor,
        online_count: 3,
        members,
    };
    (frame::of_snapshot(&snapshot), event("snapshot", cursor, data))
}

fn diff(source: &mut Source<'_>) -> (bytes::Bytes, Read) {
    let cursor = cursor(source);
    let ((joined, shown_joined), (updated, shown_updated)) = (members(source), members(source));
    let left = Left {
        user_id: UserId::trusted(source.text()),
        reason: source.text(),
        last_seen_at: None,
    };
    let room_id = RoomId::trusted(source.text());
    let data = json!({
        "room_id": &room_id, "epoch": cursor.epoch, "from": 1, "revision": cursor.revision, "online_count": 3,
        "joined": shown_joined, "updated": shown_updated,
        "left": [{"user_id": &left.user_id, "reason": &left.reason, "last_seen_at": null}],
    });
    let diff = Diff {
        room_id,
        from: 1,
        cursor,
        online_count: 3,
        joined,
        updated,
        left: vec![left],
    };
    (frame::of_diff(&diff), event("diff", cursor, data))
}

fn person(source: &mut Source<'_>) -> (bytes::Bytes, Read) {
    let room_id = RoomId::trusted(source.text());
    let view = UserView {
        user_id: UserId::trusted(source.text()),
        name: source.maybe_text(),
        avatar_url: source.maybe_text(),
        online: true,
        status: Some(Status::Idle),
        last_seen_at: None,
        rooms: vec![UserRoom {
            room_id: room_id.clone(),
            status: Status::Idle,
        }],
        shared: vec![room_id.clone()],
    };
    let data = json!({
        "user_id": &view.user_id, "name": &view.name, "avatar_url": &view.avatar_url, "online": true, "status": "idle",
        "last_seen_at": null, "rooms": [{"room_id": &room_id, "status": "idle"}],
    });
    (frame::of_user(&view), event("user", "", data))
}

fn dashboard(source: &mut Source<'_>) -> (bytes::Bytes, Read) {
    let (members, shown) = members(source);
    let view = EventView {
        event_id: EventId::trusted(source.text()),
        name: source.maybe_text(),
        coordinator_id: None,
        online_count: 1,
        people: vec![Person {
            user_id: UserId::trusted(source.text()),
            name: source.maybe_text(),
            avatar_url: None,
            role: source.maybe_text(),
            online: false,
            status: None,
            last_seen_at: None,
        }],
        rooms: vec![EventRoom {
            room_id: RoomId::trusted(source.text()),
            name: source.maybe_text(),
            kind: source.maybe_text(),
            online_count: 1,
            members,
        }],
    };
    let (person, room) = (&view.people[0], &view.rooms[0]);
    let data = json!({
        "event_id": &view.event_id, "name": &view.name, "coordinator_id": null, "online_count": 1,
        "people": [{
            "user_id": &person.user_id, "name": &person.name, "avatar_url": null, "role": &person.role, "online": false,
            "status": null, "last_seen_at": null,
        }],
        "rooms": [{
            "room_id": &room.room_id, "name": &room.name, "kind": &room.kind, "online_count": 1, "members": shown,
        }],
    });
    (frame::of_event(&view), event("event", "", data))
}

/// Up to three, and each as JSON must show it.
fn members(source: &mut Source<'_>) -> (Vec<Member>, Vec<Value>) {
    (0..source.below(4)).map(|_| member(source)).unzip()
}

fn member(source: &mut Source<'_>) -> (Member, Value) {
    let text = source.text();
    // As Postgres prints it: without a newline, since jsonb keeps no space of its own.
    let data = json!({&text: text, "n": 1});
    let data = RawValue::from_string(data.to_string()).expect("JSON");
    let member = Member {
        user_id: UserId::trusted(source.text()),
        name: source.maybe_text(),
        avatar_url: source.maybe_text(),
        role: source.maybe_text(),
        status: STATUSES[usize::from(source.below(6))],
        status_until: None,
        message: source.maybe_text(),
        activity: source.maybe_text(),
        data: Some(data),
        joined_at: stamp(source),
    };
    let shown = json!({
        "user_id": &member.user_id, "name": &member.name, "avatar_url": &member.avatar_url, "role": &member.role,
        "status": member.status.as_str(), "status_until": null, "message": &member.message, "activity": &member.activity,
        "data": {&text: &text, "n": 1}, "joined_at": member.joined_at.to_string(),
    });
    (member, shown)
}

fn cursor(source: &mut Source<'_>) -> Cursor {
    Cursor {
        epoch: Uuid::from_bytes(source.number()),
        revision: i64::from_be_bytes(source.number()) & i64::MAX,
    }
}

/// Within the years that RFC 3339 has.
fn stamp(source: &mut Source<'_>) -> Stamp {
    let seconds = i64::from(u32::from_be_bytes(source.number()));
    Stamp(OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(seconds * 997))
}

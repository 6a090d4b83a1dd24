//! NOTIFY payloads, which any role of the cluster may send: they mark rooms of the names in them, and nothing else.

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::{
    domain::{Cursor, RoomAnswer, RoomId, RoomsAnswer, Snapshot, UserId},
    hub::{Hub, Wish, bell::Bell},
};

/// Postgres takes no payload of 8000 bytes or more.
const PAYLOAD_BYTES_MAX: usize = 7999;
const ROOMS: [(&str, &str); 2] = [("one", "0123456789abcdef"), ("two", "ffffffffffffffff")];

pub(super) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(PAYLOAD_BYTES_MAX)]);
    let payload = text.as_ref();
    let bell = Bell::default();

    bell.ring(payload);
    let rings = bell.take();

    let said: Vec<&str> = payload.split(',').collect();
    assert_eq!(rings.all, said.contains(&"*"), "{payload:?}");
    for name in &rings.names {
        let is_name = name.len() == 16 && name.chars().all(|letter| letter.is_ascii_hexdigit());
        assert!(
            is_name && said.contains(&name.as_str()),
            "{name:?} of {payload:?}"
        );
    }
    let again = Bell::default();
    said.iter().rev().for_each(|name| again.ring(name));
    assert_eq!(again.take(), rings, "one by one, in another order: {payload:?}");

    let mut hub = watched();
    rings.names.iter().for_each(|name| hub.ring(name));
    if rings.all {
        hub.ring_all();
    }
    let plan = hub.plan(Instant::now() + Duration::from_secs(60));
    for (room, name) in ROOMS {
        let is_read = plan
            .questions
            .iter()
            .any(|question| question.room.as_str() == room);
        assert_eq!(
            is_read,
            rings.all || said.contains(&name),
            "{room} by {payload:?}"
        );
    }
}

/// Two rooms that somebody watches, and that have been answered.
fn watched() -> Hub {
    let mut hub = Hub::new(Duration::ZERO, 500);
    for (stream, (room, name)) in (1..).zip(ROOMS) {
        let wish = Wish {
            whole: true,
            count: false,
        };
        let (viewer, room) = (UserId::trusted("alice"), RoomId::trusted(room));
        hub.subscribe(stream, viewer, room, wish, None, name.to_owned());
    }
    let now = Instant::now();
    let plan = hub.plan(now);
    let answers = plan.questions.iter().map(|question| {
        RoomAnswer::Snapshot(Snapshot {
            room_id: question.room.clone(),
            cursor: Cursor {
                epoch: Uuid::nil(),
                revision: 1,
            },
            online_count: 0,
            members: vec![],
        })
    });
    let answer = RoomsAnswer {
        answers: answers.collect(),
        allowed: plan.viewers.iter().cloned().collect(),
    };
    hub.apply(&plan, &answer, now);
    assert!(hub.due_at(now).is_none(), "nothing is left to be told");
    hub
}

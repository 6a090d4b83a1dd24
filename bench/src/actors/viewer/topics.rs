//! The topics of a stream, as the protocol writes them.

use uuid::Uuid;

use crate::{
    check::streams::{Picture, View},
    world::Room,
};

/// The path of a stream: rooms with the cursors that are known, other topics, and the session that it holds in all rooms.
pub fn query(rooms: &[(Room, Picture)], views: &[View], session: Option<Uuid>) -> String {
    let mut topics: Vec<String> = vec![];
    for (room, picture) in rooms {
        let at = if picture.id.is_empty() {
            String::new()
        } else {
            format!("@{}", picture.id)
        };
        topics.push(format!("room={}{at}", room.id()));
    }
    for view in views {
        topics.push(match view {
            View::Count(room) => format!("count={}", room.id()),
            View::Event(event) => format!("event={event}"),
            View::User(user) => format!("user={}", user.id()),
        });
    }
    topics.extend(session.map(|session| format!("session={session}")));
    format!("/v1/stream?{}", topics.join("&"))
}

//! What a stream asks for: `room=`, `count=`, `event=`, `user=` topics, and the `session=` whose leases it holds.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::HeaderMap;
use uuid::Uuid;

use super::{Edge, path};
use crate::{
    auth::Caller,
    domain::{BeatKey, Cursor, RoomId, limits},
    error::{Error, Result, Subject},
    hub::{Topic, Wish},
};

/// Longer, and the answer would be as long as the URL.
const SAID_CHARS_MAX: usize = 160;

/// Checked, and without repetitions.
#[derive(Debug, Default)]
pub struct Topics {
    /// Rooms, each with what is wanted of it and where the client stands.
    pub rooms: Vec<(RoomId, Wish, Option<Cursor>)>,
    /// Events and people.
    pub views: Vec<Topic>,
    /// Leases that the stream is to hold.
    pub holds: Vec<BeatKey>,
}

impl Topics {
    /// From a query. With one `room` topic and no cursor `Last-Event-ID` is its cursor.
    pub async fn parse(
        edge: &Edge,
        caller: &Caller,
        pairs: &[(String, String)],
        headers: &HeaderMap,
    ) -> Result<Self> {
        let (sessions, topics): (Vec<_>, Vec<_>) = pairs.iter().partition(|(name, _)| name == "session");
        if topics.is_empty() || topics.len() > limits::TOPICS_MAX || sessions.len() > limits::TOPICS_MAX {
            return Err(Error::Invalid(format!(
                "a stream needs 1 to {max} topics (room=, count=, event=, user=) and takes {max} sessions",
                max = limits::TOPICS_MAX
            )));
        }
        let mut rooms = Rooms::new();
        let mut views = BTreeSet::new();
        for (name, value) in topics {
            let added = add(edge, caller, (name, value), &mut rooms, &mut views).await;
            added.map_err(|error| error.about(Subject::Topic(named(name, value))))?;
        }
        let holds = holds(edge, caller, &sessions, &rooms)?;
        if rooms.values().filter(|(wish, _)| wish.whole).count() == 1 {
            let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
            let last = last.and_then(Cursor::parse);
            let only = rooms.values_mut().find(|(wish, _)| wish.whole);
            only.into_iter().for_each(|(_, cursor)| *cursor = cursor.or(last));
        }
        let rooms = rooms
            .into_iter()
            .map(|(room, (wish, cursor))| (room, wish, cursor));
        Ok(Self {
            rooms: rooms.collect(),
            views: views.into_iter().collect(),
            holds,
        })
    }
}

/// What is said of a topic that is refused. The value of what is none may be a secret: a ticket, a token.
fn named(name: &str, value: &str) -> String {
    match name {
        "room" | "count" | "event" | "user" => said(&format!("{name}={value}")),
        _ => said(name),
    }
}

/// What of a refused request is said back: it may be as long as a URL.
fn said(words: &str) -> String {
    words.chars().take(SAID_CHARS_MAX).collect()
}

type Rooms = BTreeMap<RoomId, (Wish, Option<Cursor>)>;

/// One topic more.
async fn add(
    edge: &Edge,
    caller: &Caller,
    (name, value): (&str, &str),
    rooms: &mut Rooms,
    views: &mut BTreeSet<Topic>,
) -> Result<()> {
    match name {
        "room" => {
            let (room, cursor) = room_and_cursor(edge, caller, value).await?;
            let wanted = rooms.entry(room).or_default();
            (wanted.0.whole, wanted.1) = (true, cursor.or(wanted.1));
        }
        "count" => rooms.entry(path::room(value, edge.ids)?).or_default().0.count = true,
        "event" => _ = views.insert(Topic::Event(path::event(value, edge.ids)?)),
        "user" => _ = views.insert(Topic::User(path::user(value, edge.ids)?)),
        _ => {
            return Err(Error::Invalid(format!(
                "the query has no field {name:?}; there are room, count, event, user and session"
            )));
        }
    }
    Ok(())
}

/// `<uuid>`: in every room that is watched whole; `<uuid>@<room>`: in that one.
fn holds(
    edge: &Edge,
    caller: &Caller,
    sessions: &[&(String, String)],
    rooms: &Rooms,
) -> Result<Vec<BeatKey>> {
    let whole: Vec<&RoomId> = rooms
        .iter()
        .filter(|(_, (wish, _))| wish.whole)
        .map(|(room, _)| room)
        .collect();
    let mut held: BTreeSet<(RoomId, Uuid)> = BTreeSet::new();
    for (_, value) in sessions {
        let (session, room) = match value.split_once('@') {
            None => (value.as_str(), None),
            Some((session, room)) => (session, Some(room)),
        };
        let found = held_in(edge, session, room, &whole);
        held.extend(found.map_err(|error| {
            error.about(Subject::Session {
                session_id: said(session),
                room_id: room.map(said),
            })
        })?);
    }
    if held.len() > limits::TOPICS_MAX {
        return Err(Error::Invalid(format!(
            "a stream holds at most {} leases",
            limits::TOPICS_MAX
        )));
    }
    let key = |(room, session)| BeatKey {
        room,
        user: caller.user_id.clone(),
        session,
    };
    Ok(held.into_iter().map(key).collect())
}

/// One session, and each of the rooms that it is held in.
fn held_in(edge: &Edge, session: &str, room: Option<&str>, whole: &[&RoomId]) -> Result<Vec<(RoomId, Uuid)>> {
    let id = path::session(session)?;
    let Some(room) = room else {
        return Ok(whole.iter().map(|room| ((*room).clone(), id)).collect());
    };
    let room = path::room(room, edge.ids)?;
    if !whole.contains(&&room) {
        return Err(Error::Invalid(
            "session=<uuid>@<room> needs room=<room> in the same stream".to_owned(),
        ));
    }
    Ok(vec![(room, id)])
}

/// A suffix that is no cursor is part of the id where there is such a room for the caller; otherwise it is a bad
/// cursor, and a bad cursor is answered with a snapshot.
async fn room_and_cursor(edge: &Edge, caller: &Caller, value: &str) -> Result<(RoomId, Option<Cursor>)> {
    let Some((id, suffix)) = value.rsplit_once('@') else {
        return Ok((path::room(value, edge.ids)?, None));
    };
    if let Some(cursor) = Cursor::parse(suffix) {
        return Ok((path::room(id, edge.ids)?, Some(cursor)));
    }
    if suffix.strip_suffix(".count").and_then(Cursor::parse).is_some() {
        // What a client was told that knows how many there are, and not who.
        return Ok((path::room(id, edge.ids)?, None));
    }
    if let Ok(whole) = path::room(value, edge.ids)
        && !edge
            .db
            .room_counts(&caller.user_id, Some(std::slice::from_ref(&whole)))
            .await?
            .is_empty()
    {
        return Ok((whole, None));
    }
    Ok((path::room(id, edge.ids)?, None))
}

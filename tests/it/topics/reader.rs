//! A reader that folds every topic of a stream into what it believes now, and notes what did not fit together. It knows
//! nothing but the bytes that it was sent. Never assertions.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use reqwest::{Method, Response, StatusCode};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::PATIENCE;
use crate::support::{
    client::Client,
    stream::{Event, Picture},
};

/// One event, and the text of its data as it was sent.
#[derive(Debug, Clone)]
pub struct Frame {
    /// All of it, as it was sent.
    pub block: String,
    /// Its name.
    pub name: String,
    /// Its id, if any.
    pub id: Option<String>,
    /// Its data as text.
    pub text: String,
    /// Its data.
    pub data: Value,
}

/// What a reader believes of a room.
#[derive(Debug, Clone, PartialEq)]
pub enum Room {
    /// Everybody.
    Whole(Picture),
    /// How many: there are too many to know each.
    Count(i64),
}

/// What a reader believes.
#[derive(Debug, Default)]
pub struct Told {
    /// By room.
    pub rooms: BTreeMap<String, Room>,
    /// By room.
    pub counts: BTreeMap<String, i64>,
    /// Dashboards as text, by event.
    pub events: BTreeMap<String, String>,
    /// People as text, by user.
    pub users: BTreeMap<String, String>,
    /// `<field>=<id>`.
    pub revoked: BTreeSet<String>,
    /// The database is away.
    pub is_degraded: bool,
    /// What did not fit together.
    pub wrongs: Vec<String>,
}

/// An open stream.
pub struct Reader {
    response: Response,
    buffer: Vec<u8>,
    blocks: VecDeque<String>,
    /// What it believes.
    pub told: Told,
    /// Events that it was sent, pings apart.
    pub frames: usize,
    /// Bytes of them, pings and all.
    pub bytes: usize,
}

/// A stream with this query, or the status and the problem's type that refuse it.
pub async fn try_open(client: &Client, query: &str) -> Result<Reader, (StatusCode, String)> {
    let answer = client
        .send(Method::GET, &format!("/v1/stream?{query}"), None)
        .await;
    if answer.status() == StatusCode::OK {
        return Ok(Reader::new(answer));
    }
    let status = answer.status();
    let problem: Value = answer.json().await.unwrap_or_default();
    Err((status, problem["type"].as_str().unwrap_or("?").to_owned()))
}

/// A stream with this query.
pub async fn open(client: &Client, query: &str) -> Reader {
    let opened = try_open(client, query).await;
    opened.unwrap_or_else(|refused| panic!("{query} is refused: {refused:?}"))
}

impl Reader {
    /// Of an answered request.
    pub fn new(response: Response) -> Self {
        Self {
            response,
            buffer: vec![],
            blocks: VecDeque::new(),
            told: Told::default(),
            frames: 0,
            bytes: 0,
        }
    }

    /// The next event, a ping as well; none at the stream's end or after so long.
    pub async fn any_within(&mut self, patience: Duration) -> Option<Frame> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(block) = self.blocks.pop_front() {
                let frame = parse(block);
                self.frames += usize::from(frame.name != "ping");
                self.told.fold(&frame);
                return Some(frame);
            }
            let chunk = timeout_at(deadline, self.response.chunk()).await.ok()?.ok()??;
            self.bytes += chunk.len();
            self.buffer.extend_from_slice(&chunk);
            let text =
                std::str::from_utf8(&self.buffer).map_or(0, |text| text.rfind("\n\n").map_or(0, |at| at + 2));
            let whole: Vec<u8> = self.buffer.drain(..text).collect();
            let whole = String::from_utf8(whole).expect("UTF-8");
            self.blocks
                .extend(whole.split_inclusive("\n\n").map(str::to_owned));
        }
    }

    /// The next event, pings apart; none at the stream's end or after so long.
    pub async fn next_within(&mut self, patience: Duration) -> Option<Frame> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let frame = self.any_within(left).await?;
            if frame.name != "ping" {
                return Some(frame);
            }
        }
    }

    /// The next event, pings apart.
    pub async fn next(&mut self) -> Frame {
        self.next_within(PATIENCE).await.expect("an event in time")
    }

    /// The next event of this name; others are folded and passed over.
    pub async fn next_of(&mut self, name: &str) -> Frame {
        loop {
            let frame = self.next().await;
            if frame.name == name {
                return frame;
            }
        }
    }

    /// Reads until what is told fits; whether it did in time.
    pub async fn until(&mut self, fits: impl Fn(&Told) -> bool) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while !fits(&self.told) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.next_within(left).await.is_none() {
                return fits(&self.told);
            }
        }
        true
    }

    /// Reads until every topic of the query is told as the GETs have it; what differs in the end.
    pub async fn agrees(&mut self, client: &Client, query: &str) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // A moment without anything new, then the comparison.
            while self.next_within(Duration::from_millis(100)).await.is_some() {}
            let mut differs = self.told.wrongs.clone();
            differs.extend(differences(&self.told, client, query).await);
            if differs.is_empty() || Instant::now() >= deadline {
                return differs;
            }
        }
    }
}

async fn differences(told: &Told, client: &Client, query: &str) -> Vec<String> {
    let mut differs = vec![];
    for (topic, id) in query.split('&').filter_map(|topic| topic.split_once('=')) {
        let (field, path) = match topic {
            "room" | "count" => ("room", format!("/v1/rooms/{id}")),
            "event" => ("event", format!("/v1/events/{id}")),
            _ => ("user", format!("/v1/users/{id}")),
        };
        if told.revoked.contains(&format!("{field}={id}")) {
            continue;
        }
        let answer = client.send(Method::GET, &path, None).await;
        let (status, text) = (answer.status(), answer.text().await.unwrap_or_default());
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        let agrees = status == StatusCode::OK
            && match topic {
                "room" => told.rooms.get(id).is_some_and(|room| is_room(room, &body)),
                "count" => told.counts.get(id).copied() == body["online_count"].as_i64(),
                "event" => told.events.get(id) == Some(&text),
                _ => told.users.get(id) == Some(&text),
            };
        if !agrees {
            let believed = match topic {
                "room" => format!("{:?}", told.rooms.get(id)),
                "count" => format!("{:?}", told.counts.get(id)),
                "event" => format!("{:?}", told.events.get(id)),
                _ => format!("{:?}", told.users.get(id)),
            };
            differs.push(format!("{topic}={id}: {status} {text}, but {believed}"));
        }
    }
    differs
}

fn is_room(room: &Room, body: &Value) -> bool {
    match room {
        Room::Count(count) => body["online_count"] == *count,
        Room::Whole(picture) => {
            let members = body["members"].as_array().cloned().unwrap_or_default();
            let cursor = format!("{}.{}", body["epoch"].as_str().unwrap_or("?"), body["revision"]);
            picture.cursor == cursor && picture.members.values().cloned().collect::<Vec<_>>() == members
        }
    }
}

impl Told {
    /// Takes one event.
    pub fn fold(&mut self, frame: &Frame) {
        let of = |field: &str| frame.data[field].as_str().unwrap_or_default().to_owned();
        let field = match frame.name.as_str() {
            "snapshot" | "diff" | "count" => "room",
            "event" => "event",
            "user" => "user",
            "revoked" => {
                for field in ["room", "event", "user"] {
                    if let Some(id) = frame.data[format!("{field}_id")].as_str() {
                        self.revoked.insert(format!("{field}={id}"));
                    }
                }
                return;
            }
            "degraded" | "recovered" => {
                self.is_degraded = frame.name == "degraded";
                return;
            }
            _ => return,
        };
        let id = of(&format!("{field}_id"));
        if self.revoked.contains(&format!("{field}={id}")) {
            self.wrongs.push(format!("revoked, but {}", frame.block));
        }
        let views = match field {
            "event" => &mut self.events,
            _ => &mut self.users,
        };
        let folded = match frame.name.as_str() {
            "event" | "user" => {
                views.insert(id, frame.text.clone());
                Ok(())
            }
            "count" => self.count(id, frame),
            _ => self.room(id, frame),
        };
        self.wrongs
            .extend(folded.err().map(|wrong| format!("{wrong}: {}", frame.block)));
    }

    fn count(&mut self, room: String, frame: &Frame) -> Result<(), String> {
        let count = frame.data["online_count"].as_i64().ok_or("no count")?;
        if let Some(id) = &frame.id {
            is_count_id(id, &frame.data)?;
            match self.rooms.insert(room.clone(), Room::Count(count)) {
                Some(Room::Count(_)) => {}
                before => return Err(format!("a count in place of {before:?}")),
            }
        } else if frame.data.as_object().is_none_or(|data| data.len() != 2) {
            return Err("more than a count".to_owned());
        }
        self.counts.insert(room, count);
        Ok(())
    }

    fn room(&mut self, room: String, frame: &Frame) -> Result<(), String> {
        if let Some(mode) = frame.data.get("mode") {
            let id = frame.id.as_deref().ok_or("no id")?;
            is_count_id(id, &frame.data)?;
            if mode != "count" || frame.data["members"] != Value::Array(vec![]) || frame.name != "snapshot" {
                return Err("no count mode".to_owned());
            }
            let count = frame.data["online_count"].as_i64().ok_or("no count")?;
            self.rooms.insert(room, Room::Count(count));
            return Ok(());
        }
        let mut picture = match self.rooms.remove(&room) {
            Some(Room::Whole(picture)) => picture,
            Some(Room::Count(_)) if frame.name == "diff" => return Err("a diff of a count".to_owned()),
            _ => Picture::default(),
        };
        let event = Event {
            name: frame.name.clone(),
            id: frame.id.clone(),
            data: frame.data.clone(),
        };
        let applied = picture.apply(&event);
        self.rooms.insert(room, Room::Whole(picture));
        applied
    }
}

/// What stands for a count is no cursor: nobody can go on from it with a diff.
fn is_count_id(id: &str, data: &Value) -> Result<(), String> {
    let expected = format!(
        "{}.{}.count",
        data["epoch"].as_str().unwrap_or("?"),
        data["revision"]
    );
    match id == expected {
        true => Ok(()),
        false => Err(format!("the id {id} instead of {expected}")),
    }
}

fn parse(block: String) -> Frame {
    let field = |name: &str| {
        let lines = block.lines().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(field, _)| *field == name);
        found.next().map(|(_, value)| value.to_owned())
    };
    let text = field("data").unwrap_or_default();
    Frame {
        name: field("event").unwrap_or_default(),
        id: field("id"),
        data: serde_json::from_str(&text).expect("data is JSON"),
        text,
        block,
    }
}

//! A reader of server-sent events that folds what it is told into a picture of each room, and knows nothing else.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use reqwest::Response;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// Its id, if any.
    pub id: Option<String>,
    /// Its data.
    pub data: Value,
}

/// What a reader believes of one room.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Picture {
    /// `<epoch>.<revision>`.
    pub cursor: String,
    /// By user.
    pub members: BTreeMap<String, Value>,
}

impl Picture {
    /// Status by user.
    pub fn statuses(&self) -> BTreeMap<&str, &str> {
        self.members
            .iter()
            .map(|(user, member)| (user.as_str(), member["status"].as_str().unwrap_or("?")))
            .collect()
    }

    /// Takes a snapshot or a diff; what does not fit together is an error.
    pub fn apply(&mut self, event: &Event) -> Result<(), String> {
        let id = event.id.clone().ok_or("no id")?;
        let user = |member: &Value| member["user_id"].as_str().unwrap_or_default().to_owned();
        let list = |name: &str| event.data[name].as_array().cloned().unwrap_or_default();
        if event.name == "snapshot" {
            self.members = list("members")
                .into_iter()
                .map(|member| (user(&member), member))
                .collect();
        } else {
            let from = format!(
                "{}.{}",
                event.data["epoch"].as_str().unwrap_or_default(),
                event.data["from"]
            );
            if from != self.cursor {
                return Err(format!("a diff from {from} after {}", self.cursor));
            }
            for member in list("joined") {
                if self.members.insert(user(&member), member.clone()).is_some() {
                    return Err(format!("{} joined twice at {id}", user(&member)));
                }
            }
            for member in list("updated") {
                if self.members.insert(user(&member), member.clone()).is_none() {
                    return Err(format!("{} updated, but absent, at {id}", user(&member)));
                }
            }
            for left in list("left") {
                if self.members.remove(&user(&left)).is_none() {
                    return Err(format!("{} left, but absent, at {id}", user(&left)));
                }
            }
        }
        self.cursor = id;
        match event.data["online_count"].as_u64() == Some(self.members.len() as u64) {
            true => Ok(()),
            false => Err(format!(
                "online_count {} of {} members",
                event.data["online_count"],
                self.members.len()
            )),
        }
    }
}

/// An open stream.
#[derive(Debug)]
pub struct Stream {
    response: Response,
    buffer: Vec<u8>,
    parsed: VecDeque<Event>,
    pictures: HashMap<String, Picture>,
    wrongs: Vec<String>,
}

impl Stream {
    /// Of an answered request.
    pub fn new(response: Response) -> Self {
        Self {
            response,
            buffer: vec![],
            parsed: VecDeque::new(),
            pictures: HashMap::new(),
            wrongs: vec![],
        }
    }

    /// Begins where an earlier reader stood.
    pub fn remember(&mut self, room: &str, picture: Picture) {
        self.pictures.insert(room.to_owned(), picture);
    }

    /// The next event, pings apart; none at the stream's end or after so long.
    pub async fn next_within(&mut self, patience: Duration) -> Option<Event> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let event = self.any_within(left).await?;
            if event.name != "ping" {
                return Some(event);
            }
        }
    }

    /// The next event, a ping as well; none at the stream's end or after so long.
    pub async fn any_within(&mut self, patience: Duration) -> Option<Event> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(event) = self.parsed.pop_front() {
                self.fold(&event);
                return Some(event);
            }
            let chunk = timeout_at(deadline, self.response.chunk()).await.ok()?.ok()??;
            self.buffer.extend_from_slice(&chunk);
            while let Some(end) = self.buffer.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
                self.parsed
                    .push_back(parse(&String::from_utf8(block).expect("UTF-8")));
            }
        }
    }

    /// The next event, within ten seconds.
    pub async fn next(&mut self) -> Event {
        self.next_within(Duration::from_secs(10))
            .await
            .expect("an event within ten seconds")
    }

    /// The next event of this name; others are folded and passed over.
    pub async fn next_of(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().await;
            if event.name == name {
                return event;
            }
        }
    }

    /// Reads until the picture of the room fits, within so long; whether it did.
    pub async fn until(&mut self, room: &str, patience: Duration, fits: impl Fn(&Picture) -> bool) -> bool {
        let deadline = Instant::now() + patience;
        loop {
            if self.pictures.get(room).is_some_and(&fits) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.next_within(left).await.is_none() {
                return self.pictures.get(room).is_some_and(&fits);
            }
        }
    }

    /// What this reader believes of a room.
    pub fn picture(&self, room: &str) -> Picture {
        self.pictures.get(room).cloned().unwrap_or_default()
    }

    /// What did not fit together so far.
    pub fn wrongs(&self) -> &[String] {
        &self.wrongs
    }

    fn fold(&mut self, event: &Event) {
        if event.name == "snapshot" || event.name == "diff" {
            let room = event.data["room_id"].as_str().unwrap_or_default().to_owned();
            if let Err(wrong) = self.pictures.entry(room).or_default().apply(event) {
                self.wrongs.push(wrong);
            }
        }
    }
}

fn parse(block: &str) -> Event {
    let mut event = Event {
        name: "message".to_owned(),
        id: None,
        data: Value::Null,
    };
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("event", name)) => event.name = name.to_owned(),
            Some(("id", id)) => event.id = Some(id.to_owned()),
            Some(("data", data)) => event.data = serde_json::from_str(data).expect("data is JSON"),
            _ => {}
        }
    }
    event
}

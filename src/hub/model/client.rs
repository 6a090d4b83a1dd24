//! The checker: a client that knows the protocol and nothing of the hub. It reads the bytes of a stream, folds them into
//! a picture of a room, and says what no client should ever be sent.

use serde_json::Value;

use super::postgres::{Members, Truth};

/// What a client makes of one room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Picture {
    /// Nothing yet.
    Nothing,
    /// Everybody, at a revision of an epoch.
    Whole {
        epoch: String,
        revision: i64,
        members: Members,
    },
    /// Too many to tell of each.
    Number {
        epoch: String,
        revision: i64,
        count: i64,
    },
}

impl From<&Truth> for Picture {
    fn from(truth: &Truth) -> Self {
        Self::Whole {
            epoch: truth.epoch.to_string(),
            revision: truth.revision,
            members: truth.members.clone(),
        }
    }
}

/// One subscription, as its client sees it.
#[derive(Debug, Clone)]
pub struct Client {
    pub room: String,
    pub is_whole: bool,
    pub is_counted: bool,
    pub picture: Picture,
    /// Of the topic `count`.
    pub count: Option<i64>,
}

/// The kinds of events that a frame held.
pub type Kinds = Vec<&'static str>;
type Checked<T> = Result<T, String>;

impl Client {
    /// Folds what came over the wire; the first thing that is wrong with it.
    pub fn hear(&mut self, bytes: &[u8]) -> Checked<Kinds> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        let text = text.strip_suffix("\n\n").ok_or("an event without an end")?;
        text.split("\n\n").map(|event| self.hear_one(event)).collect()
    }

    fn hear_one(&mut self, event: &str) -> Checked<&'static str> {
        let (mut name, mut id, mut data) = ("", None, None);
        for line in event.split('\n') {
            match line
                .split_once(": ")
                .ok_or_else(|| format!("a line without a field: {line:?}"))?
            {
                ("event", value) => name = value,
                ("id", value) => id = Some(value),
                ("data", value) => data = Some(value),
                _ => return Err(format!("an unknown field: {line:?}")),
            }
        }
        let data: Value = serde_json::from_str(data.ok_or("no data")?).map_err(|error| error.to_string())?;
        if data["room_id"] != *self.room {
            return Err(format!("{} is told of {}", self.room, data["room_id"]));
        }
        match name {
            "snapshot" => self.replace(id, &data).map(|()| "snapshot"),
            "diff" => self.fold(id, &data).map(|()| "diff"),
            "count" => self.number(id, &data).map(|()| "count"),
            other => Err(format!("an event {other:?}")),
        }
    }

    fn replace(&mut self, id: Option<&str>, data: &Value) -> Checked<()> {
        let (epoch, revision) = stand(data)?;
        self.is_no_step_back(&epoch, revision, 0)?;
        if !self.is_whole {
            return Err("a snapshot for who wants the number alone".to_owned());
        }
        let count = number(data, "online_count")?;
        let members = people(data, "members")?;
        if data["mode"] == "count" {
            expect(
                id == Some(&format!("{epoch}.{revision}.count")),
                "an id that is not where it stands",
            )?;
            expect(members.is_empty(), "members of a room that is too large")?;
            self.picture = Picture::Number {
                epoch,
                revision,
                count,
            };
        } else {
            expect(
                id == Some(&format!("{epoch}.{revision}")),
                "an id that is not where it stands",
            )?;
            expect(
                count == members.len() as i64,
                "a number that is not that of the members",
            )?;
            self.picture = Picture::Whole {
                epoch,
                revision,
                members,
            };
        }
        Ok(())
    }

    fn fold(&mut self, id: Option<&str>, data: &Value) -> Checked<()> {
        let (epoch, revision) = stand(data)?;
        self.is_no_step_back(&epoch, revision, 1)?;
        let Picture::Whole {
            epoch: of,
            revision: at,
            members,
        } = &mut self.picture
        else {
            return Err("a diff of nothing".to_owned());
        };
        expect(*of == epoch, "a diff of another epoch")?;
        expect(
            number(data, "from")? == *at,
            "a diff from where the client does not stand",
        )?;
        expect(
            id == Some(&format!("{epoch}.{revision}")),
            "an id that is not where it stands",
        )?;
        for (user, state) in people(data, "joined")? {
            expect(
                members.insert(user, state).is_none(),
                "somebody came who was there",
            )?;
        }
        for (user, state) in people(data, "updated")? {
            expect(
                members.insert(user, state).is_some(),
                "somebody changed who was not there",
            )?;
        }
        for user in list(data, "left")? {
            let user = user["user_id"].as_str().ok_or("nobody left")?;
            expect(members.remove(user).is_some(), "somebody went who was not there")?;
        }
        expect(
            number(data, "online_count")? == members.len() as i64,
            "a number that is not that of the members",
        )?;
        *at = revision;
        Ok(())
    }

    fn number(&mut self, id: Option<&str>, data: &Value) -> Checked<()> {
        let count = number(data, "online_count")?;
        if data.get("epoch").is_none() {
            expect(self.is_counted, "a number for who did not ask for it")?;
            self.count = Some(count);
            return Ok(());
        }
        let (epoch, revision) = stand(data)?;
        self.is_no_step_back(&epoch, revision, 1)?;
        expect(
            id == Some(&format!("{epoch}.{revision}.count")),
            "an id that is not where it stands",
        )?;
        let Picture::Number {
            epoch: of,
            revision: at,
            count: before,
        } = &mut self.picture
        else {
            return Err("a number instead of diffs, without a snapshot before it".to_owned());
        };
        expect(*of == epoch, "a number of another epoch")?;
        (*at, *before) = (revision, count);
        self.count = self.is_counted.then_some(count);
        Ok(())
    }

    /// Revisions rise within an epoch.
    fn is_no_step_back(&self, epoch: &str, revision: i64, by: i64) -> Checked<()> {
        let (of, at) = match &self.picture {
            Picture::Nothing => return Ok(()),
            Picture::Whole { epoch, revision, .. } | Picture::Number { epoch, revision, .. } => {
                (epoch, *revision)
            }
        };
        expect(*of != epoch || revision >= at + by, "a step back")
    }
}

pub fn expect(holds: bool, wrong: &str) -> Checked<()> {
    if holds { Ok(()) } else { Err(wrong.to_owned()) }
}

fn stand(data: &Value) -> Checked<(String, i64)> {
    let epoch = data["epoch"].as_str().ok_or("no epoch")?;
    Ok((epoch.to_owned(), number(data, "revision")?))
}

fn number(data: &Value, field: &str) -> Checked<i64> {
    data[field].as_i64().ok_or_else(|| format!("no {field}"))
}

fn list<'a>(data: &'a Value, field: &str) -> Checked<&'a Vec<Value>> {
    data[field].as_array().ok_or_else(|| format!("no {field}"))
}

fn people(data: &Value, field: &str) -> Checked<Members> {
    let mut people = Members::new();
    for member in list(data, field)? {
        let user = member["user_id"].as_str().ok_or("a member without a name")?;
        let state = member["message"].as_str().and_then(|text| text.parse().ok());
        let before = people.insert(user.to_owned(), state.ok_or("a member without a state")?);
        expect(before.is_none(), "somebody is there twice")?;
    }
    Ok(people)
}

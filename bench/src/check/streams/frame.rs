//! One frame of a stream: what it does to what the reader knows, and what is wrong with it.

use serde_json::Value;
use uuid::Uuid;

use super::{Cursor, Picture, Stream, View};
use crate::{
    check::{
        State,
        calm::AFTERMATH,
        face::{Face, faces},
        log::Told,
    },
    clock::{Micros, SECOND},
    world::{EVENTS, Room, User},
};

/// Reads leave out whose lease ended so long ago, where nobody reaps.
const GONE: Micros = 6 * SECOND;

/// A server-sent event.
#[derive(Debug, Clone)]
pub struct Event {
    /// When its last byte came.
    pub at: Micros,
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: Option<String>,
    /// Its data.
    pub data: Value,
}

impl State {
    /// A stream was told this.
    pub fn frame(&mut self, number: u64, event: &Event) {
        self.count(&format!("frame {}", event.name));
        let calm = self.calm.was(event.at - GONE - AFTERMATH, event.at);
        self.nobody_flickers(number, event);
        let Some(stream) = self.streams.open.get_mut(&number) else {
            return;
        };
        stream.heard = event.at;
        if event.name == "ping" {
            return;
        }
        stream.remember(event);
        match stream.take(event, calm) {
            Ok(Some(told)) => self.told(number, told, event.at, calm),
            Ok(None) => self.viewed(number, event),
            Err(wrong) => self.violate_on(
                "revisions rise, diffs fit, joins and leaves alternate",
                wrong,
                Some(number),
            ),
        }
    }

    /// A room was told: it agrees with all others, and is looked up in the log of changes.
    fn told(&mut self, number: u64, mut told: Told, at: Micros, calm: bool) {
        let Some(stream) = self.streams.open.get(&number) else {
            return;
        };
        told.viewer = stream.opened.viewer;
        told.stream = number;
        told.at = at;
        let who = format!("stream {number}");
        let picture = stream.pictures.get(&told.room);
        if let Some(members) = picture.and_then(|picture| picture.members.as_ref())
            && let Err(wrong) = self
                .streams
                .agreement
                .note(&who, told.room, told.to, members, calm)
        {
            self.violate_on("all see the same at one revision", wrong, Some(number));
        }
        self.log.wait_for(told);
    }

    /// Whoever is in a dashboard or a person's rooms was to be seen since they are in it.
    fn viewed(&mut self, number: u64, event: &Event) {
        let Some(stream) = self.streams.open.get(&number) else {
            return;
        };
        let viewer = stream.opened.viewer;
        let mut wrong = None;
        if event.name == "event" {
            for room in event.data["rooms"].as_array().into_iter().flatten() {
                let Some(id) = room["room_id"].as_str().and_then(Room::find) else {
                    continue;
                };
                let latest = faces(&room["members"])
                    .map(|faces| crate::check::face::latest_join(&faces))
                    .unwrap_or(0);
                if !self.access.might(id, viewer, latest, event.at) {
                    wrong = Some(format!(
                        "{} is told of {} although they may not see it",
                        viewer.id(),
                        id.id()
                    ));
                }
            }
        }
        if let Some(wrong) = wrong {
            self.violate_on("nobody is told what they may not see", wrong, Some(number));
        }
    }
}

impl Stream {
    /// Changes what the reader knows; an error says what does not fit.
    fn take(&mut self, event: &Event, calm: bool) -> Result<Option<Told>, String> {
        let data = &event.data;
        let room = data["room_id"]
            .as_str()
            .map(|id| Room::find(id).ok_or_else(|| format!("told of {id}, which nobody asked for")));
        let room = room.transpose()?;
        match (event.name.as_str(), room) {
            ("snapshot" | "diff" | "count", Some(room)) => {
                if self.revoked.contains(&room) {
                    return Err(format!("{} of {} after it was revoked", event.name, room.id()));
                }
                if event.name == "count" && data.get("epoch").is_none() {
                    if !self.opened.views.contains(&View::Count(room)) {
                        return Err(format!("the number in {}, which nobody asked for", room.id()));
                    }
                    self.views.insert(View::Count(room), (event.at, data.clone()));
                    return Ok(None);
                }
                self.take_room(room, event, calm).map(Some)
            }
            ("revoked", Some(room)) => {
                self.revoked.insert(room);
                Ok(None)
            }
            ("revoked", None) => {
                self.revoked_views.extend(self.view_of(data));
                Ok(None)
            }
            ("event" | "user", None) => {
                let view = self
                    .view_of(data)
                    .ok_or_else(|| format!("a {} that nobody asked for: {data}", event.name))?;
                if self.revoked_views.contains(&view) {
                    return Err(format!("{view:?} after it was revoked"));
                }
                self.views.insert(view, (event.at, data.clone()));
                Ok(None)
            }
            ("ready" | "degraded" | "recovered" | "bye", _) => Ok(None),
            _ => Err(format!(
                "an event that is not in the protocol: {} {data}",
                event.name
            )),
        }
    }

    fn view_of(&self, data: &Value) -> Option<View> {
        let event = data["event_id"]
            .as_str()
            .and_then(|id| EVENTS.iter().find(|event| **event == id));
        let user = data["user_id"].as_str().and_then(User::find);
        let view = event.map(|event| View::Event(event)).or(user.map(View::User))?;
        self.opened.views.contains(&view).then_some(view)
    }

    /// The id is the cursor, the epoch is not one that was left, and the revision does not fall; where it stood in this epoch.
    fn goes_on_at(
        &mut self,
        room: Room,
        id: &str,
        cursor: Cursor,
        counts: bool,
        before: Option<Cursor>,
    ) -> Result<Option<Cursor>, String> {
        let end = if counts { ".count" } else { "" };
        let expected = format!("{}.{}{end}", cursor.epoch, cursor.revision);
        if id != expected {
            return Err(format!("the id {id} of {expected}"));
        }
        self.enter_epoch(cursor.epoch, before.map(|before| before.epoch))?;
        let same_epoch = before.filter(|before| before.epoch == cursor.epoch);
        match same_epoch.filter(|before| before.revision > cursor.revision) {
            Some(before) => Err(format!(
                "{} falls from {} to {}",
                room.id(),
                before.revision,
                cursor.revision
            )),
            None => Ok(same_epoch),
        }
    }

    fn take_room(&mut self, room: Room, event: &Event, calm: bool) -> Result<Told, String> {
        let data = &event.data;
        let Some(before) = self.pictures.get(&room).cloned() else {
            return Err(format!("told of {}, which nobody asked for", room.id()));
        };
        let cursor = cursor_of(data).ok_or_else(|| format!("no epoch or revision: {data}"))?;
        let counts = data["mode"] == "count" || event.name == "count";
        let id = event.id.clone().unwrap_or_default();
        let same_epoch = self.goes_on_at(room, &id, cursor, counts, before.cursor)?;
        let mut told = Told::new(room, cursor);
        let count = data["online_count"].as_i64().unwrap_or(-1);
        let mut after = Picture {
            id,
            cursor: Some(cursor),
            members: None,
            count,
        };
        match event.name.as_str() {
            "count" if before.members.is_some() || same_epoch.is_none() => {
                return Err(format!(
                    "{} is told in counts without a snapshot that says so",
                    room.id()
                ));
            }
            "snapshot" if !counts => after.members = Some(faces(&data["members"])?),
            "diff" => {
                let from = data["from"].as_i64();
                if before.members.is_none()
                    || same_epoch.map(|before| before.revision) != from
                    || from >= Some(cursor.revision)
                {
                    return Err(format!(
                        "a diff of {} from {from:?} to {} at {:?}",
                        room.id(),
                        cursor.revision,
                        before.cursor
                    ));
                }
                told.from = from;
                let mut members = before.members.unwrap_or_default();
                fold(&mut members, data, &mut told, calm)?;
                after.members = Some(members);
            }
            _ => {}
        }
        if let Some(members) = &after.members
            && calm
            && i64::try_from(members.len()) != Ok(count)
        {
            return Err(format!(
                "{} members of {} are counted as {count}",
                members.len(),
                room.id()
            ));
        }
        self.pictures.insert(room, after);
        Ok(told)
    }
}

/// A diff into a room. `calm`: somebody reaps, so that nobody was left out of what was read before.
fn fold(members: &mut super::Faces, data: &Value, told: &mut Told, calm: bool) -> Result<(), String> {
    for (list, was) in [("joined", false), ("updated", true)] {
        for member in data[list].as_array().into_iter().flatten() {
            let (user, face) = Face::of_wire(member)?;
            if members.insert(user, face).is_some() != was && calm {
                return Err(format!(
                    "{} is {list}, and was{} there before",
                    user.id(),
                    if was { " not" } else { "" }
                ));
            }
            told.present(user, was)?;
        }
    }
    for left in data["left"].as_array().into_iter().flatten() {
        let user = left["user_id"]
            .as_str()
            .and_then(User::find)
            .ok_or_else(|| format!("nobody left: {left}"))?;
        if members.remove(&user).is_none() && calm {
            return Err(format!("{} left, and was not there", user.id()));
        }
        told.left(user, left["reason"].as_str().unwrap_or("none"))?;
    }
    Ok(())
}

/// `epoch` and `revision` of a frame or an answer.
pub fn cursor_of(data: &Value) -> Option<Cursor> {
    Some(Cursor {
        epoch: data["epoch"].as_str()?.parse::<Uuid>().ok()?,
        revision: data["revision"].as_i64()?,
    })
}

//! Who reads by plain calls, at any node: what comes back is what may be seen, and who must be there is.

use serde_json::Value;

use crate::{
    check::{
        State,
        calm::AFTERMATH,
        face::{Faces, faces},
        streams::cursor_of,
    },
    clock::{Micros, SECOND},
    dice::Dice,
    http::Call,
    play::{Answered, Phase, Play},
    world::{EVENTS, Room, User},
};

/// Reads leave out whose lease ended so long ago, where nobody reaps.
const GONE: Micros = 6 * SECOND;

/// A player.
pub struct Caller {
    /// Everything that a player needs.
    pub play: Play,
    /// Decides what is asked.
    pub dice: Dice,
}

impl Caller {
    /// Plays until it is over.
    pub async fn run(mut self) {
        loop {
            match self.play.phase() {
                Phase::End => return,
                _ => {
                    self.ask().await;
                    let pause = self.dice.ms(100, 700);
                    self.play.pause(pause).await;
                }
            }
        }
    }

    async fn ask(&mut self) {
        let users: Vec<User> = User::all().collect();
        let rooms: Vec<Room> = Room::all().collect();
        let (viewer, node) = (self.dice.of(&users), self.dice.below(self.play.nodes.len()));
        let (room, event, whom) = (self.dice.of(&rooms), self.dice.of(&EVENTS), self.dice.of(&users));
        let kind = self.dice.below(10);
        let path = match kind {
            0..6 => format!("/v1/rooms/{}", room.id()),
            6 => "/v1/rooms".to_owned(),
            7..9 => format!("/v1/events/{event}"),
            _ => format!("/v1/users/{}", whom.id()),
        };
        let call = Call {
            method: "GET",
            path: path.clone(),
            token: self.play.token(viewer),
            body: None,
        };
        let answered = self.play.call(node, &call).await;
        let mut state = self.play.check.lock();
        let wrongs = match (kind, answered.status()) {
            (0..6, 200) => state.judge_room(room, viewer, &answered),
            (0..6, 404) if state.access.must(room, viewer, answered.start, answered.end) => {
                vec!["it may be seen".to_owned()]
            }
            (6, 200) => state.judge_rooms(&Room::all().collect::<Vec<_>>(), viewer, &answered),
            (7..9, 200) => {
                let of_event: Vec<Room> = Room::all().filter(|room| room.event() == Some(event)).collect();
                state.judge_rooms(&of_event, viewer, &answered)
            }
            (_, 200) => state.judge_person(viewer, whom, &answered),
            _ => vec![],
        };
        for wrong in wrongs {
            state.violate(
                "answers are right",
                format!("{} asks for {path} at {}: {wrong}", viewer.id(), answered.start),
            );
        }
    }
}

impl State {
    fn judge_room(&mut self, room: Room, viewer: User, answered: &Answered) -> Vec<String> {
        let (start, end, body) = (answered.start, answered.end, answered.body());
        let mut wrongs = vec![];
        if !self.access.might(room, viewer, start, end) {
            wrongs.push("it may not be seen".to_owned());
        }
        let calm = self.calm.was(start - GONE - AFTERMATH, end);
        match faces(&body["members"]) {
            Ok(faces) => {
                wrongs.extend(self.judge_members(room, &faces, answered, calm));
                if let Some(cursor) = cursor_of(body) {
                    wrongs.extend(
                        self.streams
                            .agreement
                            .note("a read", room, cursor, &faces, calm)
                            .err(),
                    );
                }
            }
            Err(wrong) => wrongs.push(wrong),
        }
        wrongs
    }

    fn judge_members(&self, room: Room, faces: &Faces, answered: &Answered, calm: bool) -> Vec<String> {
        let (start, end) = (answered.start, answered.end);
        let mut wrongs = vec![];
        for user in User::all() {
            if !faces.contains_key(&user) && self.ledger.must_be_here(room, user, start, end) {
                wrongs.push(format!(
                    "{} is not in {}, and an answer says so: {}",
                    user.id(),
                    room.id(),
                    self.ledger.tell(room, user)
                ));
            }
            // How late a lease may end is asked of SQL; here, that what was ended by an answer is.
            let slack = if calm { 5 * SECOND } else { Micros::MAX / 2 };
            if faces.contains_key(&user) && !self.ledger.may_be_here(room, user, start, slack) {
                wrongs.push(format!(
                    "{} is still in {}: {}",
                    user.id(),
                    room.id(),
                    self.ledger.tell(room, user)
                ));
            }
        }
        wrongs
    }

    /// The sidebar or a dashboard: rooms that may be seen and no others.
    fn judge_rooms(&mut self, all: &[Room], viewer: User, answered: &Answered) -> Vec<String> {
        let (start, end) = (answered.start, answered.end);
        let mut wrongs = vec![];
        let told = answered.body()["rooms"].as_array().cloned().unwrap_or_default();
        let named = |told: &Value| told["room_id"].as_str().and_then(Room::find);
        for room in all {
            let is_told = told.iter().any(|told| named(told) == Some(*room));
            if is_told && !self.access.might(*room, viewer, start, end) {
                wrongs.push(format!("{} may not be seen", room.id()));
            }
            if !is_told && self.access.must(*room, viewer, start, end) {
                wrongs.push(format!("{} may be seen, and is left out", room.id()));
            }
        }
        for told in told.iter().filter(|told| told.get("members").is_some()) {
            let Some(room) = named(told).filter(|room| all.contains(room)) else {
                wrongs.push(format!("{} is none of them", told["room_id"]));
                continue;
            };
            match faces(&told["members"]) {
                Ok(faces) => wrongs.extend(self.judge_members(room, &faces, answered, false)),
                Err(wrong) => wrongs.push(wrong),
            }
        }
        wrongs
    }

    /// A person is seen through rooms that both may enter.
    fn judge_person(&mut self, viewer: User, whom: User, answered: &Answered) -> Vec<String> {
        let (start, end) = (answered.start, answered.end);
        let rooms = answered.body()["rooms"].as_array().cloned().unwrap_or_default();
        let named = rooms
            .iter()
            .filter_map(|told| told["room_id"].as_str().and_then(Room::find));
        let hidden = named.filter(|room| {
            !self.access.might(*room, viewer, start, end) || !self.access.might(*room, whom, start, end)
        });
        hidden
            .map(|room| format!("{} is none that both may enter", room.id()))
            .collect()
    }
}

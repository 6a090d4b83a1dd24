//! One look at SQL: everything that is stored, in one statement and so at one moment. What must hold of it by itself, and
//! against what clients were answered.

mod timed;

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use uuid::Uuid;

use super::{
    State,
    face::{Face, Faces},
    ledger::Key,
    log::Row,
    streams::Cursor,
};
use crate::{
    clock::{Micros, SECOND},
    node::{REAP, TTL},
    world::{Room, User},
};

/// All of it as one JSON; `$1`: changes since then, in microseconds.
pub const LOOK: &str = "
select json_build_object(
  'now', (extract(epoch from statement_timestamp()) * 1000000)::bigint,
  'epoch', (select epoch from presence_private.epoch),
  'rooms', (select json_agg(json_build_array(room_id, revision, online_count)) from presence_private.room),
  'members', (select json_agg(json_build_array(room_id, user_id, sessions, status,
                  (extract(epoch from status_until) * 1000)::bigint, message, activity, data,
                  floor(extract(epoch from joined_at) * 1000)::bigint)) from presence_private.member),
  'sessions', (select json_agg(json_build_array(room_id, user_id, session_id, status,
                  status_until is not null or typing_until is not null, message, activity, data,
                  (extract(epoch from expires_at) * 1000000)::bigint, ended_at is null,
                  (extract(epoch from changed_at) * 1000000)::bigint,
                  (extract(epoch from typing_until) * 1000000)::bigint)) from presence_private.session),
  'changes', (select json_agg(json_build_array(room_id, revision, user_id, what, reason,
                  (extract(epoch from at) * 1000000)::bigint) order by room_id, revision) from presence_private.change
               where at > to_timestamp($1::bigint / 1000000.0)),
  'seen', (select json_agg(json_build_array(room_id, user_id, (extract(epoch from last_seen_at) * 1000000)::bigint))
             from presence_private.last_seen)
)::text";

/// Whoever is invisible says this, and nobody ever reads it.
pub const HIDDEN: &str = "hidden";

/// A lease may be seen so long after its end where nothing is broken: a reap period and a second, on a slow machine.
pub(super) const REAPED_WITHIN: Micros = 3 * (REAP + SECOND);

/// A session's row.
#[derive(Debug, Clone)]
struct SessionRow {
    key: Key,
    status: String,
    is_timed: bool,
    message: Option<String>,
    activity: Option<String>,
    data: Option<String>,
    expires_at: Micros,
    is_alive: bool,
    changed_at: Option<Micros>,
    typing_until: Option<Micros>,
}

impl SessionRow {
    fn parse(row: &Value, room: Room, user: User) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let session = row[2].as_str().and_then(|id| id.parse().ok()).unwrap_or_default();
        Self {
            key: Key { room, user, session },
            status: text(&row[3]).unwrap_or_default(),
            is_timed: row[4] == true,
            message: text(&row[5]),
            activity: text(&row[6]),
            data: (!row[7].is_null()).then(|| row[7].to_string()),
            expires_at: row[8].as_i64().unwrap_or_default(),
            is_alive: row[9] == true,
            changed_at: row[10].as_i64(),
            typing_until: row[11].as_i64(),
        }
    }
}

/// What SQL says.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// By the database's clock.
    pub now: Micros,
    /// None: there is none yet.
    pub epoch: Option<Uuid>,
    /// Revision and number of members of each room that ever had one.
    pub rooms: BTreeMap<Room, (i64, i64)>,
    /// Members of each room.
    pub members: BTreeMap<Room, Faces>,
    sessions: Vec<SessionRow>,
    counts: HashMap<(Room, User), i64>,
    changes: Vec<(Room, i64, Row)>,
    seen: Vec<(Room, User, Micros)>,
}

impl Sample {
    /// Reads what [`LOOK`] answers; an error where it holds what nobody put there.
    pub fn parse(text: &str) -> Result<Self, String> {
        let all: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let list = |name: &str| all[name].as_array().cloned().unwrap_or_default();
        let room = |row: &Value| {
            row[0]
                .as_str()
                .and_then(Room::find)
                .ok_or_else(|| format!("a room that is none: {row}"))
        };
        let user = |value: &Value| {
            value
                .as_str()
                .and_then(User::find)
                .ok_or_else(|| format!("a user who is none: {value}"))
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let json = |value: &Value| (!value.is_null()).then(|| value.to_string());
        let mut sample = Self {
            now: all["now"].as_i64().unwrap_or_default(),
            epoch: all["epoch"].as_str().and_then(|epoch| epoch.parse().ok()),
            ..Self::default()
        };
        for row in list("rooms") {
            let numbers = (row[1].as_i64().unwrap_or(-1), row[2].as_i64().unwrap_or(-1));
            sample.rooms.insert(room(&row)?, numbers);
        }
        for row in list("members") {
            let (room, user) = (room(&row)?, user(&row[1])?);
            let face = Face {
                status: text(&row[3]).unwrap_or_default(),
                status_until: row[4].as_i64(),
                message: text(&row[5]),
                activity: text(&row[6]),
                data: json(&row[7]),
                joined_at: row[8].as_i64().unwrap_or_default(),
            };
            sample.members.entry(room).or_default().insert(user, face);
            sample.counts.insert((room, user), row[2].as_i64().unwrap_or(-1));
        }
        for row in list("sessions") {
            sample
                .sessions
                .push(SessionRow::parse(&row, room(&row)?, user(&row[1])?));
        }
        for row in list("changes") {
            let change = Row {
                user: user(&row[2])?,
                what: text(&row[3]).unwrap_or_default(),
                reason: text(&row[4]),
                at: row[5].as_i64().unwrap_or_default(),
            };
            sample
                .changes
                .push((room(&row)?, row[1].as_i64().unwrap_or(-1), change));
        }
        for row in list("seen") {
            sample
                .seen
                .push((room(&row)?, user(&row[1])?, row[2].as_i64().unwrap_or_default()));
        }
        Ok(sample)
    }

    /// Who is in a room.
    pub fn faces(&self, room: Room) -> Faces {
        self.members.get(&room).cloned().unwrap_or_default()
    }

    /// Where a room stands.
    pub fn cursor(&self, room: Room) -> Option<Cursor> {
        let revision = self.rooms.get(&room).map_or(0, |(revision, _)| *revision);
        self.epoch.map(|epoch| Cursor { epoch, revision })
    }

    /// Live sessions of a user in a room.
    fn alive(&self, room: Room, user: User) -> Vec<&SessionRow> {
        let mine = self
            .sessions
            .iter()
            .filter(|row| row.is_alive && row.key.room == room && row.key.user == user);
        mine.collect()
    }
}

impl State {
    /// Everything that must hold of one look, which was asked for at `from` and answered at `to`.
    pub fn looked(
        &mut self,
        sample: &Sample,
        last_seen: &mut HashMap<(Room, User), Micros>,
        from: Micros,
        to: Micros,
    ) {
        self.count("look at SQL");
        if let Some(epoch) = sample.epoch {
            let heads: Vec<_> = sample
                .rooms
                .iter()
                .map(|(room, (revision, _))| (*room, *revision))
                .collect();
            self.absorb(epoch, &sample.changes, &heads, to);
        }
        for wrong in sample.members_are_their_sessions() {
            self.violate("members are the merge of their sessions", wrong);
        }
        for wrong in sample.stored_what_must_not_be() {
            self.violate("invisible is stored nowhere, no lease outlives a TTL", wrong);
        }
        for (room, faces) in &sample.members {
            if let Some(cursor) = sample.cursor(*room)
                && let Err(wrong) = self.streams.agreement.note("SQL", *room, cursor, faces, true)
            {
                self.violate("all see the same at one revision", wrong);
            }
        }
        let calm = self.calm.was(from - TTL - REAPED_WITHIN, to);
        self.as_clients_were_answered(sample, from, to, calm);
        self.time_goes_on(sample, last_seen, from, to);
    }

    /// Who must be there is, and who may not be is not; and rows hold what was said.
    fn as_clients_were_answered(&mut self, sample: &Sample, from: Micros, to: Micros, calm: bool) {
        let slack = if calm {
            REAPED_WITHIN
        } else {
            crate::clock::NEVER / 2
        };
        let mut wrongs = vec![];
        for (room, user) in Room::all().flat_map(|room| User::all().map(move |user| (room, user))) {
            let is_here = sample
                .members
                .get(&room)
                .is_some_and(|faces| faces.contains_key(&user));
            if !is_here && self.ledger.must_be_here(room, user, from, to) {
                let wrong = format!(
                    "{} is not in {} at {}, and an answer says so: {}",
                    user.id(),
                    room.id(),
                    sample.now,
                    self.ledger.tell(room, user)
                );
                wrongs.push(("nobody is missing who was answered in time", wrong));
            }
            if is_here && !self.ledger.may_be_here(room, user, from, slack) {
                let sessions = sample.alive(room, user);
                let known = self.ledger.tell(room, user);
                let wrong = format!(
                    "{} is in {} at {} by nothing that a client still does: {sessions:?}, {known}",
                    user.id(),
                    room.id(),
                    sample.now
                );
                wrongs.push(("nobody haunts a room beyond the bound", wrong));
            }
        }
        for row in sample.sessions.iter().filter(|row| row.is_alive) {
            let Some(said) = self.ledger.said(row.key, from) else {
                continue;
            };
            let status = said
                .status
                .as_ref()
                .is_none_or(|status| status.is_empty() || *status == row.status);
            let message = said
                .message
                .as_ref()
                .is_none_or(|message| *message == row.message);
            let activity = said
                .activity
                .as_ref()
                .is_none_or(|activity| *activity == row.activity);
            if !(status && message && activity) {
                wrongs.push(("rows hold what was said", format!("{row:?} after {said:?}")));
            }
        }
        for (promise, wrong) in wrongs {
            self.violate(promise, wrong);
        }
    }
}

impl Sample {
    /// A member for each user with live sessions, as many as there are, and what people see is their merge.
    fn members_are_their_sessions(&self) -> Vec<String> {
        let mut wrongs = vec![];
        let mut alive: HashMap<(Room, User), Vec<&SessionRow>> = HashMap::new();
        for row in self.sessions.iter().filter(|row| row.is_alive) {
            alive.entry((row.key.room, row.key.user)).or_default().push(row);
        }
        for ((room, user), count) in &self.counts {
            let sessions = alive.remove(&(*room, *user)).unwrap_or_default();
            if i64::try_from(sessions.len()) != Ok(*count) {
                wrongs.push(format!(
                    "{} in {} counts {count} sessions, of {sessions:?}",
                    user.id(),
                    room.id()
                ));
            } else if let Some(face) = self.members.get(room).and_then(|faces| faces.get(user))
                && let Some(wrong) = merge_differs(face, &sessions)
            {
                wrongs.push(format!("{} in {}: {wrong}", user.id(), room.id()));
            }
        }
        for ((room, user), sessions) in alive {
            wrongs.push(format!(
                "{} in {} is no member, and has {sessions:?}",
                user.id(),
                room.id()
            ));
        }
        for (room, (revision, count)) in &self.rooms {
            let members = self.members.get(room).map_or(0, Faces::len);
            if i64::try_from(members) != Ok(*count) {
                wrongs.push(format!(
                    "{} counts {count} at revision {revision}, and has {members} members",
                    room.id()
                ));
            }
        }
        wrongs
    }

    fn stored_what_must_not_be(&self) -> Vec<String> {
        let hidden = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains(HIDDEN));
        let mut wrongs = vec![];
        for row in &self.sessions {
            if hidden(&row.message) || hidden(&row.activity) || hidden(&row.data) {
                wrongs.push(format!("what an invisible client said is stored: {row:?}"));
            }
            if row.is_alive && row.expires_at > self.now + TTL {
                wrongs.push(format!("a lease outlives {} and a TTL: {row:?}", self.now));
            }
        }
        wrongs
    }
}

/// The merge by the protocol's own words, where no time limits what is said: the status that comes first, and message,
/// activity and data of whoever changed any of them last.
fn merge_differs(face: &Face, sessions: &[&SessionRow]) -> Option<String> {
    const ORDER: [&str; 5] = ["busy", "in_meeting", "active", "idle", "away"];
    if sessions.iter().any(|row| row.is_timed) {
        return None;
    }
    let rank = |status: &str| {
        ORDER
            .iter()
            .position(|known| *known == status)
            .unwrap_or(ORDER.len())
    };
    let first = sessions.iter().min_by_key(|row| rank(&row.status))?;
    let last = sessions.iter().max_by_key(|row| row.changed_at)?;
    let is_tied = sessions
        .iter()
        .filter(|row| row.changed_at == last.changed_at)
        .count()
        > 1;
    let texts = (&last.message, &last.activity, &last.data) == (&face.message, &face.activity, &face.data);
    (first.status != face.status || !(texts || is_tied))
        .then(|| format!("{face:?} is not the merge of {sessions:?}"))
}

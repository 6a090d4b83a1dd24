//! What `presence.read_rooms` is said to do, in plain Rust: rooms with a revision and a log, an epoch that may be lost, a
//! list of who may see. It answers whatever a plan asks, at the moment when it is asked, and keeps what was true then.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    domain::{
        Count, Cursor, Diff, Left, Member, RoomAnswer, RoomId, RoomQuestion, RoomsAnswer, Snapshot, Stamp,
        Status, UserId,
    },
    hub::Plan,
};

pub const ROOMS: usize = 3;
pub const USERS: usize = 7;

/// Who is there, each with a number that changes with what people see of them.
pub type Members = BTreeMap<String, u64>;

/// A room as it was at some moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truth {
    pub epoch: Uuid,
    pub revision: i64,
    pub members: Members,
}

/// Everything as it was when a plan was answered.
#[derive(Debug, Clone)]
pub struct Moment {
    pub rooms: Vec<Truth>,
    pub allowed: HashSet<(usize, usize)>,
}

#[derive(Debug)]
struct Change {
    revision: i64,
    user: String,
    was: bool,
}

#[derive(Debug, Default)]
struct Room {
    revision: i64,
    members: Members,
    log: VecDeque<Change>,
}

#[derive(Debug)]
pub struct Postgres {
    epoch: Option<Uuid>,
    made: u128,
    rooms: Vec<Room>,
    allowed: HashSet<(usize, usize)>,
    /// Every room at every revision of every epoch, for clients that come back.
    pub history: Vec<Vec<Truth>>,
    /// The key of rings.
    pub key: u64,
    /// What was notified, in the order of commits, and not yet heard.
    pub rings: VecDeque<String>,
}

pub fn room_id(room: usize) -> RoomId {
    RoomId::trusted(format!("room-{room}"))
}

pub fn user_id(user: usize) -> UserId {
    UserId::trusted(format!("user-{user}"))
}

pub fn number_of(room: &RoomId) -> usize {
    (0..ROOMS)
        .find(|room_number| room_id(*room_number) == *room)
        .expect("a room of the model")
}

/// What a ring calls a room under a key.
pub fn ring_name(key: u64, room: &RoomId) -> String {
    format!("{:08x}{:08x}", key, number_of(room))
}

impl Postgres {
    pub fn new() -> Self {
        let mut postgres = Self {
            epoch: None,
            made: 0,
            rooms: (0..ROOMS).map(|_| Room::default()).collect(),
            allowed: (0..ROOMS)
                .flat_map(|room| (0..USERS).map(move |user| (room, user)))
                .collect(),
            history: vec![vec![]; ROOMS],
            key: 1,
            rings: VecDeque::new(),
        };
        postgres.reap();
        postgres
    }

    /// One transaction: of each of these users another state, or they come, or (those of `leaving`) they go.
    pub fn change(&mut self, room: usize, users: u8, leaving: u8) {
        self.reap();
        let table = &mut self.rooms[room];
        let revision = table.revision + 1;
        let mut changed = false;
        for user in (0..USERS).filter(|user| users & (1 << user) != 0) {
            let name = user_id(user).to_string();
            let was = table.members.contains_key(&name);
            match (was, leaving & (1 << user) != 0) {
                (false, true) => continue,
                (true, true) => _ = table.members.remove(&name),
                (_, false) => _ = table.members.insert(name.clone(), revision.unsigned_abs()),
            }
            table.log.push_back(Change {
                revision,
                user: name,
                was,
            });
            changed = true;
        }
        if changed {
            table.revision = revision;
            self.remember(room);
            self.ring(room);
        }
    }

    /// A crash: what is unlogged is gone, with the rings that nobody heard; whoever listened looks at everything.
    pub fn crash(&mut self) {
        self.epoch = None;
        self.rooms.iter_mut().for_each(|room| *room = Room::default());
        self.rings.clear();
        self.rings.push_back("*".to_owned());
    }

    /// The reaper finds no epoch and makes one; whoever changes something first does, too.
    pub fn reap(&mut self) {
        if self.epoch.is_none() {
            self.made += 1;
            self.epoch = Some(Uuid::from_u128(self.made));
            self.rings.push_back("*".to_owned());
            (0..ROOMS).for_each(|room| self.remember(room));
        }
    }

    /// The log is trimmed to its last revisions.
    pub fn trim(&mut self, room: usize, keep: i64) {
        let room = &mut self.rooms[room];
        let (head, log) = (room.revision, &mut room.log);
        log.retain(|change| change.revision > head - keep);
    }

    /// Who may see a room.
    pub fn allow(&mut self, room: usize, user: usize, may: bool) {
        let changed = match may {
            true => self.allowed.insert((room, user)),
            false => self.allowed.remove(&(room, user)),
        };
        if changed {
            self.ring(room);
        }
    }

    /// Another key of rings from here on; everybody is to look at everything.
    pub fn rotate(&mut self) {
        self.key += 1;
        self.rings.push_back("*".to_owned());
    }

    fn ring(&mut self, room: usize) {
        self.rings.push_back(ring_name(self.key, &room_id(room)));
    }

    fn remember(&mut self, room: usize) {
        let truth = self.truth(room);
        self.history[room].push(truth);
    }

    /// A room now.
    pub fn truth(&self, room: usize) -> Truth {
        let table = &self.rooms[room];
        Truth {
            epoch: self.epoch.unwrap_or_default(),
            revision: table.revision,
            members: table.members.clone(),
        }
    }

    /// `presence.read_rooms`, and everything as it was.
    pub fn read_rooms(&self, plan: &Plan) -> (RoomsAnswer, Moment) {
        let moment = Moment {
            rooms: (0..ROOMS).map(|room| self.truth(room)).collect(),
            allowed: self.allowed.clone(),
        };
        let may = |(room, viewer): &&(RoomId, UserId)| {
            let user = (0..USERS).find(|user| user_id(*user) == *viewer);
            user.is_some_and(|user| self.allowed.contains(&(number_of(room), user)))
        };
        let answer = RoomsAnswer {
            answers: plan
                .questions
                .iter()
                .map(|question| self.answer(question))
                .collect(),
            allowed: plan.viewers.iter().filter(may).cloned().collect(),
        };
        (answer, moment)
    }

    fn answer(&self, question: &RoomQuestion) -> RoomAnswer {
        let number = number_of(&question.room);
        let (table, truth) = (&self.rooms[number], self.truth(number));
        let online_count = truth.members.len() as i64;
        let (room_id, cursor) = (
            question.room.clone(),
            Cursor {
                epoch: truth.epoch,
                revision: truth.revision,
            },
        );
        if online_count > question.detail_max.into() {
            return RoomAnswer::Count(Count {
                room_id,
                cursor,
                online_count,
            });
        }
        match question.cursor.filter(|since| self.reaches(table, *since)) {
            None => RoomAnswer::Snapshot(Snapshot {
                room_id,
                cursor,
                online_count,
                members: truth.members.iter().map(member).collect(),
            }),
            Some(since) => RoomAnswer::Diff(diff(table, room_id, since.revision, cursor)),
        }
    }

    /// Whether the log has every revision since.
    fn reaches(&self, table: &Room, since: Cursor) -> bool {
        let later: BTreeSet<i64> = table.log.iter().map(|change| change.revision).collect();
        let later = later.range(since.revision.saturating_add(1)..).count() as i64;
        self.epoch == Some(since.epoch)
            && table.revision >= since.revision
            && table.revision - since.revision == later
    }
}

fn diff(table: &Room, room_id: RoomId, from: i64, cursor: Cursor) -> Diff {
    let mut was: BTreeMap<&str, bool> = BTreeMap::new();
    for change in table.log.iter().filter(|change| change.revision > from) {
        was.entry(&change.user).or_insert(change.was); // as the first of its changes found it
    }
    let mut diff = Diff {
        room_id,
        from,
        cursor,
        online_count: table.members.len() as i64,
        joined: vec![],
        updated: vec![],
        left: vec![],
    };
    for (user, was) in was {
        match (was, table.members.get_key_value(user)) {
            (false, Some(now)) => diff.joined.push(member(now)),
            (true, Some(now)) => diff.updated.push(member(now)),
            (true, None) => diff.left.push(Left {
                user_id: UserId::trusted(user),
                reason: "left".to_owned(),
                last_seen_at: None,
            }),
            (false, None) => {}
        }
    }
    diff
}

fn member((user, state): (&String, &u64)) -> Member {
    Member {
        user_id: UserId::trusted(user.as_str()),
        name: None,
        avatar_url: None,
        role: None,
        status: Status::Active,
        status_until: None,
        message: Some(state.to_string()),
        activity: None,
        data: None,
        joined_at: Stamp(OffsetDateTime::UNIX_EPOCH),
    }
}

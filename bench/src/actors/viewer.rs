//! Who reads streams: of rooms, counts, dashboards and people, with cursors and, some of them, with sessions that the stream
//! holds. They reload, move between nodes, stall, and come back when they are cut off.

mod opening;
mod reading;
mod topics;

use std::{collections::HashMap, time::Duration};

use self::reading::Reading;
use super::session::{Session, Words, next_beat_ms};
use crate::{
    check::{
        ledger::Key,
        streams::{Opened, Picture, View},
    },
    clock::{Micros, SECOND, now},
    dice::Dice,
    http::Call,
    play::{Phase, Play},
    world::{EVENTS, HALL, Room, User},
};

/// Who holds by a stream alone shows a sign of life so often: well within the bound of silence.
const LAZY: Micros = 12 * SECOND;

/// A player.
pub struct Viewer {
    play: Play,
    dice: Dice,
    user: User,
    node: usize,
    /// One session for each room that its streams hold; none: it only looks.
    sessions: Vec<Session>,
    rooms: Vec<Room>,
    views: Vec<View>,
    /// What it knew when its last stream ended.
    known: HashMap<Room, Picture>,
    reading: Option<Reading>,
    failures: u32,
    /// It leaves it to its node to renew what its stream holds, and shows a sign of life as rarely as it may.
    is_lazy: bool,
    /// When it showed one last.
    beat_at: Micros,
}

impl Viewer {
    /// Of this user; `holds`: its streams are its presence.
    /// `is_lazy`: it sends heartbeats as rarely as it may.
    pub fn new(play: Play, mut dice: Dice, user: User, holds: bool, is_lazy: bool) -> Self {
        let node = dice.below(play.nodes.len());
        let mut viewer = Self {
            play,
            dice,
            user,
            node,
            sessions: vec![],
            rooms: vec![],
            views: vec![],
            known: HashMap::new(),
            reading: None,
            failures: 0,
            is_lazy,
            beat_at: 0,
        };
        viewer.choose_topics(holds);
        viewer
    }

    /// Other topics, mostly such as may be seen; one session id for all rooms, as a tab has it.
    fn choose_topics(&mut self, holds: bool) {
        let mut rooms: Vec<Room> = Room::all().collect();
        self.dice.shuffle(&mut rooms);
        if self.dice.chance(80) {
            let state = self.play.check.lock();
            rooms.retain(|room| state.access.tables.may_enter(*room, self.user));
        }
        let counted: Vec<Room> = rooms.iter().copied().take(2).collect();
        rooms.truncate(1 + self.dice.below(4));
        if rooms.is_empty() {
            rooms.push(HALL);
        }
        self.views.clear();
        for room in counted {
            if self.dice.chance(30) {
                self.views.push(View::Count(room));
            }
        }
        if self.dice.chance(35) {
            self.views.push(View::Event(self.dice.of(&EVENTS)));
        }
        if self.dice.chance(35) {
            let users: Vec<User> = User::all().collect();
            self.views.push(View::User(self.dice.of(&users)));
        }
        let first = Session::new(self.user, rooms[0], &mut self.dice);
        let of_room = |room: &Room| {
            let mut session = first.clone();
            session.key.room = *room;
            session
        };
        self.sessions = if holds {
            rooms.iter().map(of_room).collect()
        } else {
            vec![]
        };
        self.known.retain(|room, _| rooms.contains(room));
        self.rooms = rooms;
    }

    /// Plays until it is over.
    pub async fn run(mut self) {
        loop {
            match self.play.phase() {
                Phase::End => return,
                Phase::Busy(_) => {
                    self.reopen().await;
                    self.step().await;
                    let pause = self.dice.ms(150, 1_500);
                    self.play.pause(pause).await;
                }
                Phase::Quiet(round) => self.settle(round).await,
            }
        }
    }

    async fn step(&mut self) {
        match self.dice.below(100) {
            0..30 => self.beat(false).await,
            30..45 => self.beat(true).await,
            45..55 => self.reload().await,
            55..67 => self.move_on().await,
            67..73 => self.stall().await,
            73..78 => self.leave().await,
            78..83 => self.go(),
            83..86 => self.end_by_accident(),
            _ => {
                let pause = self.dice.ms(500, 2_500);
                self.play.pause(pause).await;
            }
        }
    }

    /// A sign of life of each session that it holds, on any node.
    async fn beat(&mut self, news: bool) {
        if self.is_lazy && self.reading.is_some() && self.beat_at + LAZY > now() {
            return;
        }
        self.beat_at = now();
        let node = if self.dice.chance(80) {
            self.node
        } else {
            self.dice.below(self.play.nodes.len())
        };
        for nth in 0..self.sessions.len() {
            let words = if news {
                Words::change(&mut self.dice)
            } else {
                Words::none()
            };
            if self.sessions[nth].beat(&self.play, node, words).await == 409 {
                let holds = !self.sessions.is_empty();
                self.drop_stream();
                return self.choose_topics(holds);
            }
        }
    }

    /// Closed and opened again within the grace, or a little after.
    async fn reload(&mut self) {
        self.drop_stream();
        let pause = self.dice.ms(0, 1_300);
        self.play.pause(pause).await;
        self.reopen().await;
    }

    /// To another node: the new stream first, or the old one's end first.
    async fn move_on(&mut self) {
        self.node = self.dice.below(self.play.nodes.len());
        let old = self.reading.take();
        if self.dice.chance(60) {
            if let Some(old) = &old {
                self.remember(&old.pictures());
            }
            self.reopen().await;
            let pause = self.dice.ms(0, 800);
            self.play.pause(pause).await;
        }
        if let Some(old) = old {
            old.close();
        }
        self.reopen().await;
    }

    /// Takes nothing for a while.
    async fn stall(&mut self) {
        let Some(reading) = &self.reading else { return };
        reading.stall(true);
        let pause = self.dice.ms(500, 6_000);
        self.play.pause(pause).await;
        if let Some(reading) = &self.reading {
            reading.stall(false);
        }
    }

    /// Leaves one of its rooms; the stream goes on, and may hold it again once a heartbeat brings it back.
    async fn leave(&mut self) {
        if self.sessions.is_empty() {
            return;
        }
        let nth = self.dice.below(self.sessions.len());
        self.sessions[nth].leave(&self.play, self.node, false).await;
    }

    /// Closes, and opens something else next time.
    fn go(&mut self) {
        self.drop_stream();
        let holds = self.dice.chance(60);
        self.choose_topics(holds);
    }

    /// The connection breaks, and the client comes back by its cursors.
    fn end_by_accident(&mut self) {
        self.drop_stream();
        if self.dice.chance(50) {
            self.node = self.dice.below(self.play.nodes.len());
        }
    }

    fn drop_stream(&mut self) {
        if let Some(reading) = self.reading.take() {
            self.remember(&reading.pictures());
            reading.close();
        }
    }

    fn remember(&mut self, pictures: &HashMap<Room, Picture>) {
        self.known = pictures.clone();
    }

    /// Opens its stream where none is open.
    async fn reopen(&mut self) {
        if let Some(reading) = &self.reading {
            if !reading.is_over() {
                return;
            }
            let (pictures, is_logged_out) = (reading.pictures(), reading.is_logged_out());
            self.remember(&pictures);
            self.reading = None;
            self.node = self.dice.below(self.play.nodes.len());
            if is_logged_out {
                let holds = !self.sessions.is_empty();
                self.choose_topics(holds);
            }
        }
        let rooms = self.rooms.clone();
        let begin: Vec<(Room, Picture)> = rooms.into_iter().map(|room| (room, self.resumed(room))).collect();
        let keys: Vec<Key> = self.sessions.iter().map(|session| session.key).collect();
        let call = Call {
            method: "GET",
            path: topics::query(
                &begin,
                &self.views,
                self.sessions.first().map(|session| session.key.session),
            ),
            token: self.play.token(self.user),
            body: None,
        };
        let start = now();
        let beats: Vec<_> = {
            let mut state = self.play.check.lock();
            keys.iter()
                .map(|key| state.ledger.begin_beat(*key, start, None))
                .collect()
        };
        let (answered, reader) = self.play.open(self.node, &call).await;
        let opened = Opened {
            viewer: self.user,
            node: self.node,
            rooms: begin,
            views: self.views.clone(),
            holds: keys.clone(),
        };
        let number = reader
            .as_ref()
            .map(|_| self.play.check.lock().streams.open(opened, answered.end));
        for (key, beat) in keys.into_iter().zip(beats) {
            self.note_join(key, beat, number, &answered);
        }
        self.learn(&answered);
        self.failures = if reader.is_some() { 0 } else { self.failures + 1 };
        if let Some((reader, number)) = reader.zip(number) {
            self.reading = Some(Reading::start(self.play.clone(), number, reader));
        } else if self.failures > 1 {
            let pause = self.dice.ms(100, 400 * u64::from(self.failures.min(5)));
            self.play.pause(pause).await;
        }
    }

    /// What it says that it knows of a room: what it does, nothing, or something of an epoch that never was.
    fn resumed(&mut self, room: Room) -> Picture {
        let known = self.known.get(&room).cloned();
        let mut picture = known.filter(|_| self.dice.chance(75)).unwrap_or_default();
        if let Some(cursor) = picture.cursor.as_mut().filter(|_| self.dice.chance(8)) {
            let back = i64::try_from(self.dice.below(4)).unwrap_or(0);
            cursor.epoch = self.dice.uuid();
            cursor.revision = (cursor.revision - back).max(0);
            picture.id = format!("{}.{}", cursor.epoch, cursor.revision);
        }
        picture
    }

    /// Stays on its stream and shows signs of life, or goes, until the next round.
    async fn settle(&mut self, round: u64) {
        if let Some(reading) = &self.reading {
            reading.stall(false);
        }
        // Who only looks always stays: the more pictures there are to compare, the better. So does whoever is there by a
        // stream alone: a loss of all data is to meet some of them.
        let stays = self.sessions.is_empty() || self.is_lazy || self.dice.chance(65);
        if !stays {
            self.drop_stream();
        }
        while self.play.phase() == Phase::Quiet(round) {
            if stays {
                self.reopen().await;
                self.beat(false).await;
            }
            let again = if stays && self.reading.is_none() {
                200
            } else {
                next_beat_ms(&mut self.dice)
            };
            self.play.pause(Duration::from_millis(again)).await;
        }
    }
}

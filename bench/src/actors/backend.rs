//! A trusted backend: heartbeats in transactions of its own, some of which are rolled back, kicks, cleared rooms and logouts.

use std::time::Duration;

use serde_json::json;
use tokio_postgres::{Client, error::SqlState};

use super::session::Session;
use crate::{
    check::ledger::{Beat, CutId, Outcome, Said, Scope},
    clock::{Micros, SECOND, now},
    cluster::{BACKEND, DATABASE},
    dice::Dice,
    play::{Phase, Play},
    world::{Room, User},
};

/// What a caller must expect, and what comes of connections that are lost.
const EXPECTED: [&str; 11] = [
    "PR404", "PR409", "PR410", "PR429", "55P03", "40P01", "57014", "57P01", "57P02", "57P03", "no code",
];

/// A heartbeat in a transaction that has not ended.
struct UnderWay {
    session: Session,
    beat: Beat,
    /// Until when the lease lasts, once it is answered.
    until: Option<Micros>,
    /// The transaction does something else for so long after it.
    pause: Duration,
}

/// A player.
pub struct Backend {
    play: Play,
    dice: Dice,
    client: Option<Client>,
    sessions: Vec<Session>,
}

impl Backend {
    /// With a connection of its own.
    pub fn new(play: Play, dice: Dice) -> Self {
        Self {
            play,
            dice,
            client: None,
            sessions: vec![],
        }
    }

    /// Plays until it is over.
    pub async fn run(mut self) {
        loop {
            match self.play.phase() {
                Phase::End => return,
                Phase::Busy(_) => self.step().await,
                // What it keeps runs out.
                Phase::Quiet(_) => {}
            }
            let pause = self.dice.ms(200, 900);
            self.play.pause(pause).await;
        }
    }

    async fn step(&mut self) {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            self.client = self.play.cluster.connect(BACKEND, DATABASE).await.ok();
        }
        let Some(client) = self.client.take() else { return };
        match self.dice.below(100) {
            0..50 => self.transaction(&client).await,
            50..60 => self.cross(&client).await,
            60..80 => self.leave(&client).await,
            80..92 => self.kick(&client).await,
            92..97 => self.clear(&client).await,
            _ => {
                let users: Vec<User> = User::all().collect();
                let user = self.dice.of(&users);
                self.log_out(&client, user).await;
                self.sessions.retain(|session| session.key.user != user);
            }
        }
        self.client = Some(client);
    }

    /// Heartbeats of one to three rooms, in key order, then a commit or a rollback.
    async fn transaction(&mut self, client: &Client) {
        let users: Vec<User> = User::all().collect();
        let user = self.dice.of(&users);
        let mut rooms: Vec<Room> = Room::all().filter(|_| self.dice.chance(30)).collect();
        rooms.retain(|room| self.play.check.lock().access.tables.may_enter(*room, user));
        rooms.truncate(3);
        if rooms.is_empty() {
            return;
        }
        let (commits, holds) = (self.dice.chance(70), self.dice.ms(0, 250));
        let mut beats = self.begin(user, &rooms);
        self.play_out(client, &mut beats, commits, holds).await;
        for beat in beats {
            self.sessions.retain(|old| old.key != beat.session.key);
            self.sessions.push(beat.session);
        }
        let kept = self.sessions.len().saturating_sub(12);
        self.sessions.drain(..kept);
    }

    /// Somebody's heartbeats in two rooms, in the order of their keys, while another one, who is in both, is logged out: the
    /// logout takes both rooms, too.
    async fn cross(&mut self, client: &Client) {
        let Ok(other) = self.play.cluster.connect(BACKEND, DATABASE).await else {
            return;
        };
        let Some((rooms, leaver, stayer)) = self.two_in_two_rooms() else {
            return;
        };
        let mut joins = self.begin(leaver, &rooms);
        self.play_out(client, &mut joins, true, Duration::ZERO).await;
        let mut stays = self.begin(stayer, &rooms);
        let late = self.dice.ms(0, 30);
        tokio::join!(self.play_out(client, &mut stays, true, Duration::ZERO), async {
            tokio::time::sleep(late).await;
            self.log_out(&other, leaver).await;
        });
    }

    /// Two rooms, and two users who may enter both.
    fn two_in_two_rooms(&mut self) -> Option<([Room; 2], User, User)> {
        let (mut rooms, mut users): (Vec<Room>, Vec<User>) = (Room::all().collect(), User::all().collect());
        self.dice.shuffle(&mut rooms);
        self.dice.shuffle(&mut users);
        let state = self.play.check.lock();
        let tables = &state.access.tables;
        let pairs = rooms
            .iter()
            .enumerate()
            .flat_map(|(nth, one)| rooms[nth + 1..].iter().map(|two| [*one, *two]));
        pairs.into_iter().find_map(|pair| {
            let mut both = users
                .iter()
                .filter(|user| pair.iter().all(|room| tables.may_enter(*room, **user)));
            Some((pair, *both.next()?, *both.next()?))
        })
    }

    /// Heartbeats of this user, in the order of the rooms' keys: the session that is there already, or a new one.
    fn begin(&mut self, user: User, rooms: &[Room]) -> Vec<UnderWay> {
        let mut rooms = rooms.to_vec();
        rooms.sort_by_key(|room| room.id());
        let mut beats = vec![];
        for room in rooms {
            let mut old = self.sessions.iter();
            let old = old
                .find(|old| old.key.room == room && old.key.user == user)
                .cloned();
            let mut session = old.unwrap_or_else(|| Session::new(user, room, &mut self.dice));
            session.seq = None;
            let beat = self.play.check.lock().ledger.begin_beat(session.key, now(), None);
            let (until, pause) = (None, self.dice.ms(0, 30));
            beats.push(UnderWay {
                session,
                beat,
                until,
                pause,
            });
        }
        beats
    }

    /// One transaction of them, and what became of it.
    async fn play_out(&self, client: &Client, beats: &mut [UnderWay], commits: bool, holds: Duration) {
        let start = now();
        let done = heartbeats(client, beats).await;
        tokio::time::sleep(holds).await;
        let end = if commits && done.is_ok() {
            "commit"
        } else {
            "rollback"
        };
        let ended = client.batch_execute(end).await;
        let mut state = self.play.check.lock();
        state.count(&format!("SQL {end}"));
        let keys: Vec<String> = beats
            .iter()
            .map(|beat| format!("{:?}", beat.session.key))
            .collect();
        self.play.check.history.note(
            "SQL",
            json!({"heartbeats": keys, "then": end, "done": format!("{done:?} {ended:?}")}),
        );
        for UnderWay {
            session, beat, until, ..
        } in beats
        {
            let outcome = match (&ended, &done) {
                (Err(_), _) => Outcome::Unknown,
                (Ok(()), Ok(())) if commits => Outcome::Kept {
                    until: until.unwrap_or(0),
                    says: Said::default(),
                },
                _ => Outcome::Refused,
            };
            state.ledger.end_beat(session.key, *beat, now(), outcome);
        }
        drop(state);
        self.judge(
            done.err().as_ref(),
            start,
            "heartbeats in the order of their rooms",
        );
    }

    /// What fails fails in a documented way, and whoever keeps to the order of keys meets no deadlock, but with those who lock
    /// whole tables by hand.
    fn judge(&self, error: Option<&tokio_postgres::Error>, start: Micros, what: &str) {
        let Some(error) = error else { return };
        let code = error.code().map_or("no code", SqlState::code);
        let mut state = self.play.check.lock();
        let is_calm = state.calm.was(start - SECOND, now());
        if !EXPECTED.contains(&code) || (code == "40P01" && is_calm) {
            state.violate(
                "SQL raises what is documented",
                format!("{what}: {code}: {error}"),
            );
        }
    }

    async fn leave(&mut self, client: &Client) {
        if self.sessions.is_empty() {
            return;
        }
        let nth = self.dice.below(self.sessions.len());
        let key = self.sessions.swap_remove(nth).key;
        let sql = "select presence.leave($1::text, $2::text, $3)";
        let cut = self
            .play
            .check
            .lock()
            .ledger
            .begin_cut(Scope::Session(key), now(), None);
        let done = client
            .execute(sql, &[&key.room.id(), &key.user.id(), &key.session])
            .await;
        self.end(cut, done);
    }

    async fn kick(&mut self, client: &Client) {
        let (users, rooms): (Vec<User>, Vec<Room>) = (User::all().collect(), Room::all().collect());
        let (user, room) = (self.dice.of(&users), self.dice.of(&rooms));
        let cut = self
            .play
            .check
            .lock()
            .ledger
            .begin_cut(Scope::Member(room, user), now(), None);
        let sql = "select presence.remove_member($1::text, $2::text)";
        let done = client.execute(sql, &[&room.id(), &user.id()]).await;
        self.end(cut, done);
    }

    async fn clear(&mut self, client: &Client) {
        let rooms: Vec<Room> = Room::all().collect();
        let room = self.dice.of(&rooms);
        let cut = self
            .play
            .check
            .lock()
            .ledger
            .begin_cut(Scope::Room(room), now(), None);
        let done = client
            .execute("select presence.remove_room($1::text)", &[&room.id()])
            .await;
        self.end(cut, done);
    }

    async fn log_out(&self, client: &Client, user: User) {
        let start = now();
        let cut = self
            .play
            .check
            .lock()
            .ledger
            .begin_cut(Scope::User(user), start, None);
        let sql = "select presence.leave_everywhere($1::text)";
        let done = client.execute(sql, &[&user.id()]).await;
        self.judge(done.as_ref().err(), start, "a logout");
        self.end(cut, done);
    }

    fn end(&self, cut: CutId, done: Result<u64, tokio_postgres::Error>) {
        let mut state = self.play.check.lock();
        state.count("SQL end");
        self.play.check.history.note(
            "SQL",
            json!({"ends": format!("{:?}", state.ledger.scope(cut)), "done": format!("{done:?}")}),
        );
        match done {
            Ok(_) => state.ledger.end_cut(cut, now(), 0),
            // An error of Postgres undid it; a lost connection says nothing.
            Err(error) if error.code().is_some_and(|code| !code.code().starts_with("57")) => {
                state.ledger.undo_cut(cut, now())
            }
            Err(_) => {}
        }
    }
}

async fn heartbeats(client: &Client, beats: &mut [UnderWay]) -> Result<(), tokio_postgres::Error> {
    client.batch_execute("begin").await?;
    for UnderWay {
        session,
        until,
        pause,
        ..
    } in beats
    {
        let sql = "select (extract(epoch from h.expires_at) * 1000000)::bigint from presence.heartbeat($1::text, $2::text, $3) h";
        let key = session.key;
        let row = client
            .query_one(sql, &[&key.room.id(), &key.user.id(), &key.session])
            .await?;
        *until = row.get(0);
        tokio::time::sleep(*pause).await;
    }
    Ok(())
}

//! A trusted backend: heartbeats in transactions of its own, some of which are rolled back, kicks, cleared rooms and logouts.

use serde_json::json;
use tokio_postgres::Client;

use super::session::Session;
use crate::{
    check::ledger::{Outcome, Said, Scope},
    clock::{Micros, now},
    cluster::{BACKEND, DATABASE},
    dice::Dice,
    play::{Phase, Play},
    world::{Room, User},
};

/// What a caller must expect, and what comes of connections that are lost.
const EXPECTED: [&str; 11] = [
    "PR404", "PR409", "PR410", "PR429", "55P03", "40P01", "57014", "57P01", "57P02", "57P03", "no code",
];

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
            0..60 => self.transaction(&client).await,
            60..80 => self.leave(&client).await,
            80..92 => self.kick(&client).await,
            92..97 => self.clear(&client).await,
            _ => self.log_out(&client).await,
        }
        self.client = Some(client);
    }

    /// Heartbeats of one to three rooms, in key order, then a commit or a rollback.
    async fn transaction(&mut self, client: &Client) {
        let users: Vec<User> = User::all().collect();
        let user = self.dice.of(&users);
        let mut rooms: Vec<Room> = Room::all().filter(|_| self.dice.chance(30)).collect();
        rooms.retain(|room| self.play.check.lock().access.tables.may_enter(*room, user));
        rooms.sort_by_key(|room| room.id());
        rooms.truncate(3);
        if rooms.is_empty() {
            return;
        }
        let mut beats = vec![];
        for room in rooms {
            let mut session = Session::new(user, room, &mut self.dice);
            if let Some(old) = self
                .sessions
                .iter()
                .find(|old| old.key.room == room && old.key.user == user)
            {
                session = old.clone();
            }
            session.seq = None;
            let beat = self.play.check.lock().ledger.begin_beat(session.key, now(), None);
            beats.push((session, beat, None));
        }
        let commits = self.dice.chance(70);
        let holds = self.dice.ms(0, 250);
        let done = self.heartbeats(client, &mut beats).await;
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
            .map(|(session, ..)| format!("{:?}", session.key))
            .collect();
        self.play.check.history.note(
            "SQL",
            json!({"heartbeats": keys, "then": end, "done": format!("{done:?} {ended:?}")}),
        );
        let code = done
            .as_ref()
            .err()
            .map(|error| error.code().map_or("no code", |code| code.code()).to_owned());
        for (session, beat, until) in beats {
            let outcome = match (&ended, &done) {
                (Err(_), _) => Outcome::Unknown,
                (Ok(()), Ok(())) if commits => Outcome::Kept {
                    until: until.unwrap_or(0),
                    says: Said::default(),
                },
                _ => Outcome::Refused,
            };
            state.ledger.end_beat(session.key, beat, now(), outcome);
            self.sessions.retain(|old| old.key != session.key);
            self.sessions.push(session);
        }
        if let Some(code) = code.filter(|code| !EXPECTED.contains(&code.as_str())) {
            state.violate(
                "SQL raises what is documented",
                format!("a heartbeat of {} in SQL fails with {code}", user.id()),
            );
        }
        drop(state);
        let kept = self.sessions.len().saturating_sub(12);
        self.sessions.drain(..kept);
    }

    async fn heartbeats(
        &mut self,
        client: &Client,
        beats: &mut [(Session, crate::check::ledger::Beat, Option<Micros>)],
    ) -> Result<(), tokio_postgres::Error> {
        client.batch_execute("begin").await?;
        for (session, _, until) in beats {
            let sql = "select (extract(epoch from h.expires_at) * 1000000)::bigint from presence.heartbeat($1::text, $2::text, $3) h";
            let key = session.key;
            let row = client
                .query_one(sql, &[&key.room.id(), &key.user.id(), &key.session])
                .await?;
            *until = row.get(0);
        }
        Ok(())
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

    async fn log_out(&mut self, client: &Client) {
        let users: Vec<User> = User::all().collect();
        let user = self.dice.of(&users);
        let cut = self
            .play
            .check
            .lock()
            .ledger
            .begin_cut(Scope::User(user), now(), None);
        let done = client
            .execute("select presence.leave_everywhere($1::text)", &[&user.id()])
            .await;
        self.sessions.retain(|session| session.key.user != user);
        self.end(cut, done);
    }

    fn end(&self, cut: crate::check::ledger::CutId, done: Result<u64, tokio_postgres::Error>) {
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

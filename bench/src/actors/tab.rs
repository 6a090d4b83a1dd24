//! A tab that keeps itself in a room by heartbeats: it says things, types, hides, leaves in every way, comes late, forgets
//! itself, moves between nodes, and logs out now and then.

use std::time::Duration;

use serde_json::{Value, json};

use super::session::{Session, Words, next_beat_ms, until};
use crate::{
    check::ledger::{CutId, Scope},
    clock::{MS, Micros, now},
    dice::Dice,
    http::Call,
    play::{Phase, Play},
    world::{Room, User},
};

/// A player.
pub struct Tab {
    play: Play,
    dice: Dice,
    node: usize,
    session: Session,
}

impl Tab {
    /// Of this user, first in this room.
    pub fn new(play: Play, mut dice: Dice, user: User, room: Room) -> Self {
        let session = Session::new(user, room, &mut dice);
        let node = dice.below(play.nodes.len());
        Self {
            play,
            dice,
            node,
            session,
        }
    }

    /// Plays until it is over.
    pub async fn run(mut self) {
        loop {
            match self.play.phase() {
                Phase::End => return,
                Phase::Busy(_) => {
                    self.step().await;
                    let pause = self.dice.ms(100, 1_400);
                    self.play.pause(pause).await;
                }
                Phase::Quiet(round) => self.settle(round).await,
            }
        }
    }

    async fn step(&mut self) {
        match self.dice.below(100) {
            0..26 => self.beat(Words::none()).await,
            26..56 => {
                let words = match self.session.is_kept() {
                    true => Words::change(&mut self.dice),
                    false => Words::whole(&mut self.dice),
                };
                self.beat(words).await;
            }
            56..64 => self.leave(false).await,
            64..69 => self.leave(true).await,
            69..73 => {
                let words = Words::invisible(&mut self.dice);
                self.beat(words).await;
            }
            // Forgotten: the old one runs out by itself.
            73..77 => self.session.renew_id(&mut self.dice),
            77..83 => self.come_late().await,
            83..87 => self.node = self.dice.below(self.play.nodes.len()),
            87..91 => self.go_elsewhere().await,
            91..95 => self.batch().await,
            95..97 => self.be_overtaken().await,
            97 => self.log_out().await,
            _ => {
                let pause = self.dice.ms(3_000, 6_000);
                self.play.pause(pause).await;
            }
        }
    }

    async fn beat(&mut self, words: Words) {
        match self.session.beat(&self.play, self.node, words).await {
            0 => self.node = self.dice.below(self.play.nodes.len()),
            404 => self.choose_room(),
            409 => self.session.renew_id(&mut self.dice),
            _ => {}
        }
    }

    async fn leave(&mut self, by_beacon: bool) {
        self.session.leave(&self.play, self.node, by_beacon).await;
        // A session without numbers that left may come back; one with numbers goes on with the next.
        if self.session.seq.is_none() && self.dice.chance(50) {
            self.session.renew_id(&mut self.dice);
        }
    }

    /// A heartbeat at the very end of the lease, a little before or after.
    async fn come_late(&mut self) {
        if !self.session.is_kept() {
            return;
        }
        let at = self.session.expires_at - 150 * MS + i64::try_from(self.dice.below(500)).unwrap_or(0) * MS;
        self.play.pause(until(at)).await;
        if matches!(self.play.phase(), Phase::Busy(_)) {
            self.beat(Words::none()).await;
        }
    }

    async fn go_elsewhere(&mut self) {
        if self.dice.chance(60) {
            self.session.leave(&self.play, self.node, false).await;
        }
        self.choose_room();
    }

    /// Another room, mostly one that may be entered.
    fn choose_room(&mut self) {
        let user = self.session.key.user;
        let mut rooms: Vec<Room> = Room::all().collect();
        if self.dice.chance(85) {
            let state = self.play.check.lock();
            rooms.retain(|room| state.access.tables.may_enter(*room, user));
        }
        let room = if rooms.is_empty() {
            self.session.key.room
        } else {
            self.dice.of(&rooms)
        };
        self.session = Session::new(user, room, &mut self.dice);
    }

    /// Its own session and one in each of some other rooms, in one call.
    async fn batch(&mut self) {
        let user = self.session.key.user;
        let mut sessions = vec![self.session.clone()];
        for _ in 0..self.dice.below(3) {
            let rooms: Vec<Room> = Room::all().collect();
            let room = self.dice.of(&rooms);
            sessions.push(Session::new(user, room, &mut self.dice));
        }
        let words: Vec<Words> = sessions.iter().map(|_| Words::whole(&mut self.dice)).collect();
        let mut items = vec![];
        for (session, words) in sessions.iter_mut().zip(&words) {
            session.seq = session.seq.map(|seq| seq + 1);
            let mut item = words.body.clone();
            item.insert("room_id".to_owned(), json!(session.key.room.id()));
            item.insert("session_id".to_owned(), json!(session.key.session.to_string()));
            item.extend(session.seq.map(|seq| ("seq".to_owned(), json!(seq))));
            items.push(Value::Object(item));
        }
        let call = Call {
            method: "POST",
            path: "/v1/heartbeats".to_owned(),
            token: self.play.token(user),
            body: Some(("application/json", json!({"items": items}).to_string())),
        };
        let start = now();
        let mut beats = vec![];
        for session in &sessions {
            beats.push(
                self.play
                    .check
                    .lock()
                    .ledger
                    .begin_beat(session.key, start, session.seq),
            );
        }
        let answered = self.play.call(self.node, &call).await;
        for (nth, session) in sessions.iter_mut().enumerate() {
            let item = answered.item(nth);
            let outcome = session.learn(&self.play, &words[nth], &item, false);
            self.play
                .check
                .lock()
                .ledger
                .end_beat(session.key, beats[nth], answered.end, outcome);
        }
        self.session = sessions.swap_remove(0);
    }

    /// A heartbeat that arrives after the leave that was sent later.
    async fn be_overtaken(&mut self) {
        if self.session.seq.is_none() {
            return;
        }
        let mut late = self.session.clone();
        self.session.seq = self.session.seq.map(|seq| seq + 1);
        let start = now();
        let (status, leave) = self.session.leave(&self.play, self.node, false).await;
        let may_enter = self
            .play
            .check
            .lock()
            .access
            .must(late.key.room, late.key.user, start, now());
        if status != 204 || !may_enter {
            return;
        }
        self.stays_out(&mut late, leave, start, "was overtaken by its leave")
            .await;
    }

    /// Logs out, and comes back with the same session id, which is refused.
    async fn log_out(&mut self) {
        let user = self.session.key.user;
        let start = now();
        let (cut, was_here) = {
            let mut state = self.play.check.lock();
            let was_here = state.ledger.is_certain(self.session.key, start);
            (state.ledger.begin_cut(Scope::User(user), start, None), was_here)
        };
        let call = Call {
            method: "DELETE",
            path: "/v1/me/sessions".to_owned(),
            token: self.play.token(user),
            body: None,
        };
        let answered = self.play.call(self.node, &call).await;
        if answered.status() == 204 {
            self.play.check.lock().ledger.end_cut(cut, answered.end, 0);
            if was_here {
                let mut late = self.session.clone();
                self.stays_out(&mut late, cut, start, "was logged out").await;
            }
        }
        self.session.renew_id(&mut self.dice);
    }

    /// A session that was ended for good by `end`, which was asked for at `start`, is not let in again.
    async fn stays_out(&mut self, session: &mut Session, end: CutId, start: Micros, why: &str) {
        let node = self.dice.below(self.play.nodes.len());
        let status = session.beat(&self.play, node, Words::none()).await;
        let mut state = self.play.check.lock();
        // What another end, or a loss, has made of it meanwhile is not known.
        if status == 200 && !state.ledger.may_be_cut_but_by(end, session.key, start) {
            let wrong = format!("{:?} {why} at {start}, and is let in again", session.key);
            state.violate("who left for good stays out", wrong);
        }
    }

    /// Stays and says nothing new, or goes, until the next round.
    async fn settle(&mut self, round: u64) {
        let stays = self.dice.chance(60);
        if stays && self.session.is_kept() && self.dice.chance(25) {
            self.beat(Words::typing()).await; // and says no more
        }
        if !stays && self.session.is_kept() && self.dice.chance(40) {
            self.session.leave(&self.play, self.node, false).await;
        }
        while self.play.phase() == Phase::Quiet(round) {
            if stays {
                let words = if self.session.is_kept() {
                    Words::none()
                } else {
                    Words::whole(&mut self.dice)
                };
                self.beat(words).await;
            }
            let again = if stays && !self.session.is_kept() {
                300
            } else {
                next_beat_ms(&mut self.dice)
            };
            self.play.pause(Duration::from_millis(again)).await;
        }
    }
}

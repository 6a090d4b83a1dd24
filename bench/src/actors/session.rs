//! One session of a user in a room, as its client keeps it: what it says, its numbers, and what it was answered.

use serde_json::{Value, json};

use crate::{
    check::{
        ledger::{CutId, Key, Outcome, Said, Scope},
        sample::HIDDEN,
    },
    clock::{MS, Micros, SECOND, now, parse},
    dice::Dice,
    http::Call,
    node::TTL,
    play::{Answered, Play},
    world::{Room, User},
};

/// Statuses that are stored.
const STORED: [&str; 5] = ["active", "idle", "away", "busy", "in_meeting"];

/// A session.
#[derive(Debug, Clone)]
pub struct Session {
    /// Which.
    pub key: Key,
    /// The last number that was used; none: its client does not number.
    pub seq: Option<i64>,
    /// For the beacon.
    pub leave_token: Option<String>,
    /// When the lease ends, by the last answer; 0: there is none.
    pub expires_at: Micros,
}

/// What a heartbeat says.
#[derive(Debug, Clone, Default)]
pub struct Words {
    /// As the body.
    pub body: serde_json::Map<String, Value>,
    /// What is stored by it.
    pub says: Said,
    /// It goes away.
    pub hides: bool,
}

impl Session {
    /// A new one.
    pub fn new(user: User, room: Room, dice: &mut Dice) -> Self {
        Self {
            key: Key {
                room,
                user,
                session: dice.uuid(),
            },
            seq: dice.chance(60).then_some(0),
            leave_token: None,
            expires_at: 0,
        }
    }

    /// The same tab with another id, as after a reload without memory.
    pub fn renew_id(&mut self, dice: &mut Dice) {
        *self = Self::new(self.key.user, self.key.room, dice);
    }

    fn next_seq(&mut self) -> Option<i64> {
        self.seq = self.seq.map(|seq| seq + 1);
        self.seq
    }

    fn path(&self) -> String {
        format!("/v1/rooms/{}/sessions/{}", self.key.room.id(), self.key.session)
    }

    /// One heartbeat; its status.
    pub async fn beat(&mut self, play: &Play, node: usize, words: Words) -> u16 {
        let seq = self.next_seq();
        let mut body = words.body.clone();
        body.extend(seq.map(|seq| ("seq".to_owned(), json!(seq))));
        let call = Call {
            method: "PUT",
            path: self.path(),
            token: play.token(self.key.user),
            body: Some(("application/json", Value::Object(body).to_string())),
        };
        let hiding = words.hides.then(|| {
            play.check
                .lock()
                .ledger
                .begin_cut(Scope::Session(self.key), now(), seq)
        });
        let beat = play.check.lock().ledger.begin_beat(self.key, now(), seq);
        let answered = play.call(node, &call).await;
        let outcome = self.learn(play, &words, &answered, true);
        let mut state = play.check.lock();
        state
            .ledger
            .end_beat(self.key, beat, answered.end, outcome.clone());
        if let Some(cut) = hiding {
            match outcome {
                Outcome::Hidden | Outcome::Refused => state.ledger.undo_cut(cut, answered.end),
                _ => {}
            }
        }
        answered.status()
    }

    /// What a heartbeat's answer says, and whether it may be so. `alone`: it was a call of its own.
    pub fn learn(&mut self, play: &Play, words: &Words, answered: &Answered, alone: bool) -> Outcome {
        let Answered { start, end, .. } = *answered;
        let body = answered.body();
        let mut wrongs = vec![];
        let outcome = match answered.status() {
            200 if words.hides => {
                if body["status"] != "invisible" || !body["expires_at"].is_null() {
                    wrongs.push(format!("an invisible heartbeat is answered {body}"));
                }
                self.expires_at = 0;
                Outcome::Hidden
            }
            200 => {
                self.leave_token = body["leave_token"].as_str().map(str::to_owned);
                let until = body["expires_at"].as_str().and_then(parse);
                let fits =
                    until.is_some_and(|until| until >= start + TTL - 2 * MS && until <= end + TTL + 2 * MS);
                if !fits || body["session_id"] != self.key.session.to_string() {
                    wrongs.push(format!(
                        "a heartbeat between {start} and {end} is answered {body}"
                    ));
                }
                if play
                    .check
                    .lock()
                    .access
                    .gone_since(self.key.room, self.key.user)
                    .is_some_and(|since| since < start)
                {
                    wrongs.push("a heartbeat is let in that may not enter".to_owned());
                }
                self.expires_at = until.unwrap_or(0);
                Outcome::Kept {
                    until: self.expires_at,
                    says: words.says.clone(),
                }
            }
            404 => {
                if play
                    .check
                    .lock()
                    .access
                    .must(self.key.room, self.key.user, start, end)
                {
                    wrongs.push("a heartbeat is refused that may enter".to_owned());
                }
                Outcome::Refused
            }
            409 => {
                wrongs.extend(self.refused_for_nothing(play, answered));
                Outcome::Refused
            }
            _ => play.outcome_of_failure(answered),
        };
        for wrong in wrongs {
            let wrong = format!(
                "{} in {} ({}): {wrong}",
                self.key.user.id(),
                self.key.room.id(),
                self.key.session
            );
            let promise = if alone {
                "answers are right"
            } else {
                "answers of a batch are right"
            };
            play.check.violate(promise, wrong);
        }
        outcome
    }

    /// A 409 that nothing accounts for.
    fn refused_for_nothing(&self, play: &Play, answered: &Answered) -> Option<String> {
        let state = play.check.lock();
        let known = match answered.problem() {
            "too-many-sessions" => {
                state
                    .ledger
                    .sessions_at_most(self.key.room, self.key.user, answered.start)
                    >= 10
            }
            _ => state.ledger.was_cut(self.key),
        };
        (!known).then(|| {
            let problem = answered.problem();
            format!("a heartbeat is refused as {problem}, and nothing ended its session")
        })
    }

    /// Leaves by a call, or by the beacon where there is a token; its status, and its number among ends.
    pub async fn leave(&mut self, play: &Play, node: usize, by_beacon: bool) -> (u16, CutId) {
        let seq = self.next_seq();
        let beacon = self.leave_token.clone().filter(|_| by_beacon);
        let call = match beacon {
            Some(token) => Call {
                method: "POST",
                path: "/v1/leave".to_owned(),
                token: None,
                body: Some((
                    "text/plain",
                    seq.map_or(token.clone(), |seq| format!("{token} {seq}")),
                )),
            },
            None => Call {
                method: "DELETE",
                path: seq.map_or_else(|| self.path(), |seq| format!("{}?seq={seq}", self.path())),
                token: play.token(self.key.user),
                body: None,
            },
        };
        let cut = play
            .check
            .lock()
            .ledger
            .begin_cut(Scope::Session(self.key), now(), seq);
        let answered = play.call(node, &call).await;
        if answered.status() == 204 {
            play.check.lock().ledger.end_cut(cut, answered.end, 0);
        }
        self.expires_at = 0;
        (answered.status(), cut)
    }

    /// Whether its lease lasts, by the last answer.
    pub fn is_kept(&self) -> bool {
        self.expires_at > now()
    }
}

impl Words {
    /// Nothing new.
    pub fn none() -> Self {
        Self::default()
    }

    /// The whole state, as a heartbeat that may have to join says it.
    pub fn whole(dice: &mut Dice) -> Self {
        let mut words = Self::status(dice);
        let message = words.message(dice);
        words.says.message = Some(message);
        let activity = dice.chance(50).then(|| format!("looks at {}", dice.below(9)));
        words.body.insert("activity".to_owned(), json!(activity));
        words.says.activity = Some(activity);
        words
    }

    /// A change of one thing.
    pub fn change(dice: &mut Dice) -> Self {
        match dice.below(10) {
            0..4 => Self::status(dice),
            4..7 => {
                let mut words = Self::default();
                let message = words.message(dice);
                words.says.message = Some(message);
                words
            }
            7 => {
                let mut words = Self::default();
                words.body.insert(
                    "data".to_owned(),
                    json!({"n": dice.below(9), "pad": "x".repeat(dice.below(300))}),
                );
                words
            }
            8 => Self::typing(),
            _ => {
                let mut words = Self::status(dice);
                words
                    .body
                    .insert("status_ttl_ms".to_owned(), json!(dice.below(2_500)));
                words.says.status = Some(String::new());
                words
            }
        }
    }

    /// Types.
    pub fn typing() -> Self {
        let mut words = Self::default();
        words.body.insert("status".to_owned(), json!("typing"));
        words
    }

    /// Goes away, and says what nobody may ever read.
    pub fn invisible(dice: &mut Dice) -> Self {
        let mut words = Self::default();
        words.body.insert("status".to_owned(), json!("invisible"));
        words.body.insert(
            "message".to_owned(),
            json!(format!("{HIDDEN} {}", dice.below(1_000))),
        );
        words.hides = true;
        words
    }

    fn status(dice: &mut Dice) -> Self {
        let status = dice.of(&STORED);
        let mut words = Self::default();
        words.body.insert("status".to_owned(), json!(status));
        words.says.status = Some(status.to_owned());
        words
    }

    fn message(&mut self, dice: &mut Dice) -> Option<String> {
        let message = dice.chance(85).then(|| format!("says {}", dice.below(1_000_000)));
        self.body.insert("message".to_owned(), json!(message));
        message
    }
}

/// When to send the next heartbeat, in ms: jittered, so that not all come at once.
pub fn next_beat_ms(dice: &mut Dice) -> u64 {
    let ms = u64::try_from(crate::node::HEARTBEAT / MS).unwrap_or(1_000);
    dice.ms(ms * 4 / 5, ms).as_millis().try_into().unwrap_or(ms)
}

/// A moment in seconds, for a player that waits for it.
pub fn until(at: Micros) -> std::time::Duration {
    let span = (at - now()).clamp(0, 30 * SECOND);
    std::time::Duration::from_micros(u64::try_from(span).unwrap_or(0))
}

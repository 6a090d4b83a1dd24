//! What is broken while nobody does anything, so that nothing that comes later makes up for what it spoils: all data is lost
//! while streams hold sessions; somebody leaves by a node that has no way to Postgres; every room changes while nobody
//! listens.

use std::time::Duration;

use serde_json::json;

use super::Rounds;
use crate::{
    actors::session::{Session, Words},
    check::ledger::{Outcome, Said},
    clock::now,
    cluster::{BACKEND, DATABASE},
    faults::Fault,
    play::Play,
    proxy::Mode,
    world::{Room, User},
};

/// How long all listeners stay cut off.
const DEAF: Duration = Duration::from_millis(700);
/// Those who came meanwhile are renewed so often, which rings nobody.
const RENEWED_EVERY: Duration = Duration::from_secs(1);
/// What a loss by hand empties.
const DATA: &str =
    "presence_private.session, presence_private.member, presence_private.room, presence_private.change";

impl Rounds {
    /// One or two of these, by turns.
    pub(super) async fn break_in_silence(&mut self, round: u64) {
        if round % 2 == 1 {
            let loss = vec![(Duration::ZERO, Fault::Truncate { tables: DATA })];
            if let Err(error) = self.breaker.run(loss, &mut self.dice).await {
                self.play
                    .check
                    .violate("the soak itself is sound", error.to_string());
            }
        } else {
            self.leave_without_a_way().await;
            self.while_nobody_listens().await;
        }
    }

    /// At each node somebody comes, and leaves while the node has no way to Postgres: it is not said to be done.
    async fn leave_without_a_way(&mut self) {
        let (rooms, users): (Vec<Room>, Vec<User>) = (Room::all().collect(), User::all().collect());
        let trouble = self.begin_trouble("pool cut in silence");
        for node in 0..self.play.nodes.len() {
            let mut session = Session::new(self.dice.of(&users), self.dice.of(&rooms), &mut self.dice);
            session.beat(&self.play, node, Words::whole(&mut self.dice)).await;
            if session.is_kept() {
                self.play.nodes[node].pool.set(Mode::Cut);
                session.leave(&self.play, node, false).await;
                self.play.nodes[node].pool.set(Mode::Pass);
            }
        }
        self.play.check.lock().calm.end(trouble, now());
    }

    fn begin_trouble(&self, what: &str) -> usize {
        let mut state = self.play.check.lock();
        state.count(&format!("fault {what}"));
        state.ledger.trouble_begins(now());
        state.calm.begin(now())
    }

    /// Somebody joins each room while all listeners are cut off, and stays until the round is over.
    async fn while_nobody_listens(&mut self) {
        let (mut joiners, mut users): (Vec<Session>, Vec<User>) = (vec![], User::all().collect());
        self.dice.shuffle(&mut users);
        for room in Room::all() {
            let tables = self.play.check.lock().access.tables.clone();
            let user = users.iter().find(|user| tables.may_enter(room, **user));
            joiners.extend(user.map(|user| Session::new(*user, room, &mut self.dice)));
        }
        let trouble = self.begin_trouble("listeners cut in silence");
        for node in self.play.nodes.iter() {
            node.ear.set(Mode::Cut);
        }
        beat(&self.play, &joiners).await;
        tokio::time::sleep(DEAF).await;
        for node in self.play.nodes.iter() {
            node.ear.set(Mode::Pass);
        }
        self.play.check.lock().calm.end(trouble, now());
        let (mut play, phase) = (self.play.clone(), self.play.phase());
        tokio::spawn(async move {
            while play.phase() == phase {
                beat(&play, &joiners).await;
                play.pause(RENEWED_EVERY).await;
            }
        });
    }
}

/// A heartbeat of each in SQL, past all nodes.
async fn beat(play: &Play, sessions: &[Session]) {
    let Ok(client) = play.cluster.connect(BACKEND, DATABASE).await else {
        return;
    };
    let sql = "select (extract(epoch from h.expires_at) * 1000000)::bigint from presence.heartbeat($1::text, $2::text, $3) h";
    for Session { key, .. } in sessions {
        let beat = play.check.lock().ledger.begin_beat(*key, now(), None);
        let done = client
            .query_one(sql, &[&key.room.id(), &key.user.id(), &key.session])
            .await;
        let outcome = match &done {
            Ok(row) => Outcome::Kept {
                until: row.get(0),
                says: Said::default(),
            },
            Err(error) if error.code().is_some() => Outcome::Refused,
            Err(_) => Outcome::Unknown,
        };
        play.check.history.note(
            "SQL",
            json!({"heartbeat": format!("{key:?}"), "done": format!("{outcome:?}")}),
        );
        play.check.lock().ledger.end_beat(*key, beat, now(), outcome);
    }
}

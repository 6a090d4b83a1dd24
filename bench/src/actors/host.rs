//! The application: takes people out of rooms and lets them in, changes roles, hands vendor rooms to others, deletes rooms and
//! makes them again. One change at a time, so that it is known between which moments each was committed.

use serde_json::json;
use tokio_postgres::Client;

use crate::{
    check::ledger::{CutId, Scope},
    clock::{Micros, SECOND, now},
    cluster::DATABASE,
    dice::Dice,
    play::{Phase, Play},
    world::{Kind, Role, Room, Tables, User},
};

/// Evictions that were under way when somebody was let in again end nobody later than this.
const EVICTION_MAX: Micros = 2 * SECOND;

/// A player.
pub struct Host {
    play: Play,
    dice: Dice,
    client: Option<Client>,
    /// Ends of presence by lost access, until they are let in again.
    lost: Vec<((Room, User), CutId)>,
}

impl Host {
    /// With a connection of its own.
    pub fn new(play: Play, dice: Dice) -> Self {
        Self {
            play,
            dice,
            client: None,
            lost: vec![],
        }
    }

    /// Plays until it is over.
    pub async fn run(mut self) {
        loop {
            match self.play.phase() {
                Phase::End => return,
                Phase::Busy(_) => {
                    let pause = self.dice.ms(200, 1_500);
                    self.play.pause(pause).await;
                    if matches!(self.play.phase(), Phase::Busy(_)) {
                        self.step().await;
                    }
                }
                Phase::Quiet(_) => {
                    let pause = self.dice.ms(100, 100);
                    self.play.pause(pause).await;
                }
            }
        }
    }

    async fn step(&mut self) {
        let before = self.play.check.lock().access.tables.clone();
        let (next, sql) = self.choose(&before);
        self.play.check.history.note("host", json!(sql));
        let start = now();
        let (losers, gainers) = {
            let mut state = self.play.check.lock();
            let (losers, gainers) = state.access.begin(&next, start);
            for pair in &losers {
                let cut = state.ledger.begin_cut(Scope::Member(pair.0, pair.1), start, None);
                self.lost.push((*pair, cut));
            }
            state.count("host changes");
            (losers, gainers)
        };
        self.commit(&sql).await;
        let end = now();
        let mut state = self.play.check.lock();
        state.access.end(&losers, &gainers, end);
        let (back, lost): (Vec<_>, Vec<_>) =
            self.lost.drain(..).partition(|(pair, _)| gainers.contains(pair));
        self.lost = lost;
        for (_, cut) in back {
            state.ledger.end_cut(cut, end, EVICTION_MAX);
        }
    }

    /// Until it is committed: each is safe to run twice.
    async fn commit(&mut self, sql: &str) {
        while self.play.phase() != Phase::End {
            if self.client.as_ref().is_none_or(Client::is_closed) {
                self.client = self.play.cluster.connect("postgres", DATABASE).await.ok();
            }
            if let Some(client) = &self.client
                && client.batch_execute(sql).await.is_ok()
            {
                return;
            }
            let pause = self.dice.ms(50, 150);
            tokio::time::sleep(pause).await;
        }
    }

    /// What the tables are to say next, and the SQL for it; empty: as before.
    fn choose(&mut self, before: &Tables) -> (Tables, String) {
        let mut next = before.clone();
        let sql = match self.dice.below(100) {
            0..72 => self.change_participant(before, &mut next),
            72..88 => self.change_kind(&mut next),
            _ => self.change_existence(before, &mut next),
        };
        (next, sql)
    }

    /// Somebody goes, comes, or takes part as something else.
    fn change_participant(&mut self, before: &Tables, next: &mut Tables) -> String {
        let first = Tables::at_first();
        let present: Vec<_> = before.participants.keys().copied().collect();
        // Mostly those who belong there come, so that rooms stay alive.
        let away = first.participants.iter().filter(|((room, user), _)| {
            before.rooms.contains_key(room) && !before.participants.contains_key(&(*room, *user))
        });
        let away: Vec<_> = away.map(|(pair, role)| (*pair, *role)).collect();
        let what = self.dice.below(72);
        let (room, user) = if (30..62).contains(&what) {
            if away.is_empty() {
                return String::new();
            }
            let (pair, role) = self.dice.of(&away);
            next.participants.insert(pair, role);
            pair
        } else {
            if present.is_empty() {
                return String::new();
            }
            let pair = self.dice.of(&present);
            if what < 30 {
                next.participants.remove(&pair);
            } else {
                let role = self
                    .dice
                    .of(&[Role::Coordinator, Role::Collaborator, Role::Vendor]);
                next.participants.insert(pair, role);
            }
            pair
        };
        next.put_participant(room, user)
    }

    /// A room becomes a vendor's, another vendor's, or anybody's.
    fn change_kind(&mut self, next: &mut Tables) -> String {
        let rooms: Vec<Room> = next.rooms.keys().copied().collect();
        if rooms.is_empty() {
            return String::new();
        }
        let (room, kind) = (self.dice.of(&rooms), self.dice.of(&[Kind::Chat, Kind::Vendor]));
        let vendor = User::find(self.dice.of(&["vera", "victor", "m1"]));
        next.rooms.insert(room, (kind, vendor));
        next.put_room(room)
    }

    /// A room goes, or one that is gone comes back as it was at first.
    fn change_existence(&mut self, before: &Tables, next: &mut Tables) -> String {
        let (first, rooms) = (Tables::at_first(), Room::all().collect::<Vec<_>>());
        // They come back soon: most of them exist at any time.
        let gone: Vec<Room> = rooms
            .iter()
            .copied()
            .filter(|room| !before.rooms.contains_key(room))
            .collect();
        let any = gone.is_empty() || self.dice.chance(20);
        let room = self.dice.of(if any { &rooms } else { &gone });
        if next.rooms.remove(&room).is_some() {
            next.participants.retain(|(of, _), _| *of != room);
            return next.put_room(room);
        }
        next.rooms
            .extend(first.rooms.get(&room).map(|entry| (room, *entry)));
        let back = first.participants.iter().filter(|((of, _), _)| *of == room);
        next.participants.extend(back.map(|(pair, role)| (*pair, *role)));
        let rows = next.participants.keys().filter(|(of, _)| *of == room);
        rows.fold(next.put_room(room), |sql, (of, user)| {
            sql + &next.put_participant(*of, *user)
        })
    }
}

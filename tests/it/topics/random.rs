//! Everything at random: each topic of each viewer is right once it is quiet.
//!
//! `SEED` repeats a run.

use serde_json::json;
use tokio_postgres::Client as Postgres;
use uuid::Uuid;

use super::reader::{Reader, open};
use crate::support::{app::TestApp, db::TestDb, sql::run};

/// xorshift64*: the same on every machine.
pub struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    /// From `SEED`, or any other; says which.
    pub fn seeded() -> Self {
        let given = std::env::var("SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| Uuid::new_v4().as_u64_pair().0).max(1);
        println!("SEED={seed}");
        Self { seed, state: seed }
    }

    /// What repeats the run.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// From 0, below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }

    /// One of them.
    pub fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

const ROOMS: [&str; 4] = ["expo-floor", "general", "planning", "vera-catering"];
const PEOPLE: [&str; 6] = ["alice", "bob", "carol", "dave", "vera", "victor"];
const STATUSES: [&str; 5] = ["active", "away", "busy", "typing", "invisible"];
const PHASES: usize = 4;
const CHANGES: usize = 60;

/// Everything that there is, seen or not.
fn everything() -> String {
    let rooms = ROOMS.iter().map(|room| format!("room={room}&count={room}"));
    let people = PEOPLE.iter().map(|user| format!("user={user}"));
    let events = ["event=gala", "event=expo", "event=nowhere"].map(str::to_owned);
    rooms.chain(people).chain(events).collect::<Vec<_>>().join("&")
}

#[tokio::test]
async fn every_topic_of_every_viewer_is_right_whenever_it_is_quiet() {
    let Some(db) = TestDb::new().await else { return };
    let (nodes, admin) = (
        [TestApp::start(&db).await, TestApp::start(&db).await],
        db.admin().await,
    );
    let (mut random, query) = (Random::seeded(), everything());
    let mut readers = vec![];
    for (n, viewer) in PEOPLE.iter().enumerate() {
        readers.push((*viewer, open(&nodes[n % 2].client(viewer), &query).await));
    }

    for phase in 0..PHASES {
        for _ in 0..CHANGES {
            change(&nodes, &admin, &mut random, phase).await;
        }
        for (viewer, reader) in &mut readers {
            let differs = reader
                .agrees(&nodes[0].client(viewer), &query_of(reader, &query))
                .await;
            assert_eq!(
                differs,
                [""; 0],
                "{viewer} in phase {phase}, SEED={}",
                random.seed()
            );
        }
    }

    let frames: Vec<usize> = readers.iter().map(|(_, reader)| reader.frames).collect();
    println!("{} changes, frames by viewer: {frames:?}", PHASES * CHANGES);
    assert!(frames[0] > 100, "the run was no run");
    let lost = |viewer: &str| {
        let (_, reader) = readers.iter().find(|(of, _)| *of == viewer).expect("a viewer");
        let of_people = |topic: &&String| !topic.starts_with("user=");
        reader
            .told
            .revoked
            .iter()
            .filter(of_people)
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(lost("alice"), ["event=expo", "event=nowhere", "room=expo-floor"]);
    assert_eq!(
        lost("vera"),
        [
            "event=expo",
            "event=nowhere",
            "room=expo-floor",
            "room=general",
            "room=planning"
        ]
    );
    for (viewer, _) in &readers {
        let client = nodes[1].client(viewer);
        let mut fresh = open(&client, &query).await;
        let differs = fresh.agrees(&client, &query_of(&fresh, &query)).await;
        assert_eq!(differs, [""; 0], "{viewer} anew, SEED={}", random.seed());
    }
}

/// One beat, leave, or change of access.
async fn change(nodes: &[TestApp; 2], admin: &Postgres, random: &mut Random, phase: usize) {
    let (user, room) = (random.of(&PEOPLE), random.of(&ROOMS));
    let client = nodes[random.below(2) as usize].client(user);
    let tab = Uuid::from_u128(u128::from(1 + random.below(2)));
    match random.below(10) {
        0..6 => {
            let state = json!({"status": random.of(&STATUSES), "message": format!("{phase}"),
                "status_ttl_ms": 300 + random.below(500)});
            client.beat(room, tab, state).await;
        }
        6..8 => drop(client.leave(room, tab).await),
        // Alice and vera keep what they have, so that it is known what they may never lose.
        _ => toggle(admin, room, random.of(&["bob", "carol", "dave", "victor"])).await,
    }
}

/// What was not revoked must be there; what was need not.
fn query_of(reader: &Reader, query: &str) -> String {
    let stays = |topic: &&str| !reader.told.revoked.contains(&topic.replace("count=", "room="));
    query.split('&').filter(stays).collect::<Vec<_>>().join("&")
}

/// In where out, out where in; in the role that they had, and not while they are still being evicted: a role that is
/// missing for a moment makes no revision.
async fn toggle(admin: &Postgres, room: &str, user: &str) {
    let sql = format!(
        "with gone as (delete from event_app.room_participants where room_id = '{room}' and user_id = '{user}' returning 1)
         insert into event_app.room_participants (room_id, user_id, role)
         select '{room}', '{user}', case when '{user}' = 'victor' then 'vendor' else 'collaborator' end
          where not exists (select from gone)
            and not exists (select from presence.members where room_id = '{room}' and user_id = '{user}')"
    );
    run(admin, &sql).await;
}

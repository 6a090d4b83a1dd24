//! Writers, a reaper and readers that are cut and resume anywhere, on two nodes: nobody ever sees anything wrong.
//!
//! `SEED` repeats a run (as far as a machine with two cores repeats anything), `SECONDS` makes it longer.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use pg_presence::config::Settings;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_postgres::Client as Postgres;
use uuid::Uuid;

use crate::support::{
    app::{TestApp, service_url},
    client::Client,
    db::TestDb,
    stream::{Picture, Stream},
};

const ROOMS: [&str; 2] = ["general", "planning"];
const USERS: [&str; 8] = ["alice", "bob", "m1", "m2", "m3", "m4", "m5", "m6"];
const STATUSES: [&str; 7] = [
    "active",
    "idle",
    "away",
    "busy",
    "in_meeting",
    "typing",
    "invisible",
];
const READERS: u64 = 8;
const WRITERS: u64 = 6;
/// Longer than anything takes once the writers are done.
const PATIENCE: Duration = Duration::from_secs(20);

/// What anybody saw of a room at a cursor; two who saw it differently are a wrong.
#[derive(Default)]
struct Seen {
    pictures: HashMap<(&'static str, String), BTreeMap<String, Value>>,
    wrongs: Vec<String>,
    compared: usize,
}

impl Seen {
    fn note(&mut self, who: &str, room: &'static str, picture: &Picture) {
        let key = (room, picture.cursor.clone());
        match self.pictures.get(&key) {
            None => drop(self.pictures.insert(key, picture.members.clone())),
            Some(known) => {
                self.compared += 1;
                if *known != picture.members {
                    let (first, second) = (json!(known), json!(picture.members));
                    self.wrongs.push(format!(
                        "{who}: {room} at {}: {first} or {second}",
                        picture.cursor
                    ));
                }
            }
        }
    }

    /// A picture of the room that somebody once had.
    fn older(&self, room: &'static str, random: &mut Random) -> Option<Picture> {
        let of_room: Vec<_> = self.pictures.iter().filter(|((of, _), _)| *of == room).collect();
        let ((_, cursor), members) = of_room.get(random.below(of_room.len().max(1) as u64) as usize)?;
        Some(Picture {
            cursor: cursor.clone(),
            members: (*members).clone(),
        })
    }
}

type Shared = Arc<Mutex<Seen>>;

/// xorshift64*: good enough to surprise, and the same on every machine.
struct Random(u64);

impl Random {
    fn new(seed: u64, stream: u64) -> Self {
        Self((seed ^ stream.wrapping_mul(0x9E37_79B9_7F4A_7C15)).max(1))
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_are_cut_and_resume_anywhere_never_see_anything_wrong() {
    let Some(db) = TestDb::new().await else { return };
    let from_env = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = from_env("SEED").unwrap_or_else(|| Uuid::new_v4().as_u64_pair().0);
    let end = Instant::now() + Duration::from_secs(from_env("SECONDS").unwrap_or(10));
    println!("SEED={seed}");
    let admin = db.admin().await;
    more_people(&admin).await;
    let url = service_url(db.url());
    let nodes = Arc::new([
        TestApp::start_with(&url, short).await,
        TestApp::start_with(&url, short).await,
    ]);
    let clients: Vec<Client> = nodes.iter().map(|node| node.client("alice")).collect();
    let seen = Shared::default();

    let readers = (0..READERS).map(|n| {
        let random = Random::new(seed, n + 1);
        tokio::spawn(read(n, clients.clone(), random, seen.clone(), end))
    });
    let readers: Vec<_> = readers.collect();
    let writers = (0..WRITERS).map(|n| {
        let random = Random::new(seed, n + 101);
        tokio::spawn(write(clients.clone(), random, end))
    });
    let looks = tokio::spawn(look(clients.clone(), Random::new(seed, 201), seen.clone(), end));
    let written: u64 = join_all(writers)
        .await
        .into_iter()
        .map(|writer| writer.expect("a writer"))
        .sum();
    looks.await.expect("the looker");
    let mut streams = vec![];
    for reader in readers {
        streams.push(reader.await.expect("a reader"));
    }
    come_to_rest(&admin, &clients[0]).await;

    agree(&admin, &mut streams, seed).await;
    let seen = seen.lock().expect("nobody panicked");
    println!(
        "{written} calls, {} pictures, {} compared",
        seen.pictures.len(),
        seen.compared
    );
    assert_eq!(seen.wrongs, [""; 0], "SEED={seed}");
    assert!(
        seen.pictures.len() > 50 && seen.compared > 50,
        "the run was no run"
    );
    drop(nodes);
}

/// Every reader's last picture is the truth, and none ever saw what did not fit.
async fn agree(admin: &Postgres, streams: &mut [(String, Stream)], seed: u64) {
    for (who, stream) in streams {
        for room in ROOMS {
            let truth = truth(admin, room).await;
            let agrees = stream
                .until(room, PATIENCE, |picture| picture.cursor == truth.cursor)
                .await;
            assert!(
                agrees,
                "{who} stays at {} of {}, SEED={seed}",
                stream.picture(room).cursor,
                truth.cursor
            );
            let statuses = |picture: &Picture| format!("{:?}", picture.statuses());
            assert_eq!(
                statuses(&stream.picture(room)),
                statuses(&truth),
                "{who} in {room}, SEED={seed}"
            );
        }
        assert!(stream.picture("general").members.len() >= 5, "some have stayed");
        assert_eq!(stream.wrongs(), [""; 0], "{who}, SEED={seed}");
    }
}

/// Leases that end within the run.
fn short(settings: &mut Settings) {
    settings.ttl = Some(Duration::from_millis(1_000));
    settings.heartbeat = Some(Duration::from_millis(400));
    settings.typing = Some(Duration::from_millis(500));
    settings.reap = Duration::from_millis(100);
}

/// Joins, renews, says, leaves, logs out and kicks, of two tabs a user and room, some of them forgotten.
async fn write(clients: Vec<Client>, mut random: Random, end: Instant) -> u64 {
    let mut calls = 0;
    while Instant::now() < end {
        calls += 1;
        let user = random.of(&USERS);
        let client = clients[random.below(2) as usize].of(user);
        let room = random.of(&ROOMS);
        let tab = Uuid::from_u128(u128::from(random.below(2) + 1));
        let status = match random.below(22) {
            0..6 => client.beat(room, tab, json!({})).await.0,
            6..11 => client.beat(room, tab, state(&mut random)).await.0,
            11..15 => client.leave(room, tab).await,
            15 => {
                // A fresh id each time: a logged out one may not return.
                client
                    .beat(room, Uuid::new_v4(), json!({"status": "busy"}))
                    .await
                    .0
            }
            16..18 => say_for_all_rooms(&client, &mut random).await,
            _ => {
                let items: Vec<Value> = (0..random.below(6))
                    .map(|_| {
                        let mut item = state(&mut random);
                        item["room_id"] = json!(random.of(&ROOMS));
                        item["session_id"] = json!(Uuid::from_u128(u128::from(random.below(2) + 1)));
                        item
                    })
                    .collect();
                client
                    .call(Method::POST, "/v1/heartbeats", Some(&json!({"items": items})))
                    .await
                    .0
            }
        };
        let expected = [StatusCode::OK, StatusCode::NO_CONTENT, StatusCode::CONFLICT];
        assert!(expected.contains(&status), "{user} in {room}: {status}");
        tokio::time::sleep(Duration::from_millis(random.below(15))).await;
    }
    calls
}

/// Sets or clears what the user says for all rooms.
async fn say_for_all_rooms(client: &Client, random: &mut Random) -> StatusCode {
    if random.below(3) == 0 {
        return client.call(Method::DELETE, "/v1/me/status", None).await.0;
    }
    let mut said = json!({"status": random.of(&["away", "busy", "in_meeting", "invisible"])});
    match random.below(3) {
        0 => said["message"] = json!(format!("for all {}", random.below(3))),
        1 => said["status_ttl_ms"] = json!(random.below(600)),
        _ => {}
    }
    client.call(Method::PUT, "/v1/me/status", Some(&said)).await.0
}

fn state(random: &mut Random) -> Value {
    let mut state = json!({"status": random.of(&STATUSES)});
    match random.below(4) {
        0 => state["message"] = json!(format!("message {}", random.below(5))),
        1 => state["status_ttl_ms"] = json!(random.below(600)),
        2 => state["data"] = json!({"n": random.below(5)}),
        _ => {}
    }
    state
}

/// Reads for a while, is cut, and goes on elsewhere from its last cursor, an older one or none. Ends with an open stream.
async fn read(
    n: u64,
    clients: Vec<Client>,
    mut random: Random,
    seen: Shared,
    end: Instant,
) -> (String, Stream) {
    let who = format!("reader {n}");
    let mut last: HashMap<&str, Picture> = HashMap::new();
    loop {
        let mut begins: HashMap<&str, Picture> = HashMap::new();
        for room in ROOMS {
            let begin = match random.below(3) {
                0 => last.get(room).cloned(),
                1 => seen.lock().expect("nobody panicked").older(room, &mut random),
                _ => None,
            };
            begins.extend(begin.map(|picture| (room, picture)));
        }
        let topics = ROOMS.map(|room| match begins.get(room) {
            Some(picture) => format!("{room}@{}", picture.cursor),
            None => room.to_owned(),
        });
        let client = clients[random.below(2) as usize].of(["alice", "bob"][n as usize % 2]);
        let mut stream = client.stream(&[&topics[0], &topics[1]]).await;
        for (room, picture) in begins {
            stream.remember(room, picture);
        }
        let cut_at = Instant::now() + Duration::from_millis(50 + random.below(800));
        while let Some(event) = stream
            .next_within(cut_at.saturating_duration_since(Instant::now()))
            .await
        {
            let Some(room) = ROOMS.into_iter().find(|room| event.data["room_id"] == *room) else {
                continue;
            };
            let picture = stream.picture(room);
            let mut seen = seen.lock().expect("nobody panicked");
            seen.note(&who, room, &picture);
            seen.wrongs
                .extend(stream.wrongs().iter().map(|wrong| format!("{who}: {wrong}")));
            last.insert(room, picture);
        }
        if Instant::now() >= end {
            return (who, stream);
        }
    }
}

/// Asks for whole rooms at random moments: what a snapshot says of a revision is what readers saw there.
async fn look(clients: Vec<Client>, mut random: Random, seen: Shared, end: Instant) {
    while Instant::now() < end {
        let room = random.of(&ROOMS);
        let (status, body) = clients[random.below(2) as usize]
            .get(&format!("/v1/rooms/{room}"))
            .await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let members = body["members"].as_array().cloned().unwrap_or_default();
        let members = members
            .into_iter()
            .map(|member| (member["user_id"].as_str().unwrap_or("?").to_owned(), member));
        let cursor = format!(
            "{}.{}",
            body["epoch"].as_str().unwrap_or_default(),
            body["revision"]
        );
        let picture = Picture {
            cursor,
            members: members.collect(),
        };
        seen.lock()
            .expect("nobody panicked")
            .note("a snapshot", room, &picture);
        tokio::time::sleep(Duration::from_millis(random.below(40))).await;
    }
}

async fn more_people(admin: &Postgres) {
    let sql =
        "insert into event_app.users (id, name) select 'm' || n, 'M ' || n from generate_series(1, 6) n;
               insert into event_app.room_participants (room_id, user_id)
               select r, 'm' || n from generate_series(1, 6) n, unnest(array['general', 'planning']) r;";
    admin.batch_execute(sql).await.expect("participants are added");
}

/// Some stay, with leases that outlast the test; until all others were reaped, and all that is timed was settled.
async fn come_to_rest(admin: &Postgres, client: &Client) {
    let long = "select presence.configure(ttl => interval '1 hour')";
    admin.batch_execute(long).await.expect("leases become long");
    for user in USERS {
        client.of(user).call(Method::DELETE, "/v1/me/status", None).await;
    }
    for user in &USERS[..5] {
        let stays = json!({"status": "busy", "message": "to stay"});
        client.of(user).beat("general", Uuid::from_u128(1), stays).await;
    }
    let deadline = Instant::now() + PATIENCE;
    let timed = "select from presence_private.session where ended_at is null \
                 and (expires_at < now() + interval '1 minute' or status_until < 'infinity' or typing_until < 'infinity')";
    while !admin
        .query(timed, &[])
        .await
        .expect("sessions are read")
        .is_empty()
    {
        assert!(Instant::now() < deadline, "the reaper does not come to an end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The room as `presence.snapshot` has it.
async fn truth(admin: &Postgres, room: &str) -> Picture {
    let sql =
        "select epoch || '.' || revision, user_id::text, status from presence.snapshot('alice', $1::text)";
    let rows = admin.query(sql, &[&room]).await.expect("SQL answers");
    let members = rows.iter().filter_map(|row| {
        let user: Option<String> = row.get(1);
        let status: Option<String> = row.get(2);
        user.map(|user| (user, json!({"status": status})))
    });
    Picture {
        cursor: rows[0].get(0),
        members: members.collect(),
    }
}

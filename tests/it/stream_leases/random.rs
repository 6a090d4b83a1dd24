//! Random lives of sessions with streams on two nodes, many at once, held against a model that knows only what clients did.
//!
//! `SEED` repeats a run, as far as two nodes repeat anything; `SECONDS` makes it longer.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use pg_presence::config::Settings;
use reqwest::StatusCode;
use serde_json::json;
use tokio_postgres::Client as Postgres;
use uuid::Uuid;

use super::{GRACE, PATIENCE, Watcher, short, try_open};
use crate::support::{
    app::{TestApp, service_url},
    client::Client,
    db::TestDb,
    sql::{list, run},
    stream::Stream,
};

/// Rooms of a batch, each with a life of its own.
const ROOMS: usize = 80;
/// What happens in each of them.
const STEPS: usize = 12;
/// Batches begin until then.
const ENOUGH: Duration = Duration::from_secs(12);
/// A lease outlives a machine that is busy with all of that.
const LONG_TTL: Duration = Duration::from_secs(4);

/// splitmix64: the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % end as u64) as usize
    }
}

/// Who keeps a session there, by what its client did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeps {
    /// It is not there, or will soon not be.
    Nobody,
    /// A heartbeat brought it, and no stream was opened since.
    Itself,
    /// The stream of this number.
    Stream(usize),
}

/// One session of a user.
struct Tab {
    user: String,
    id: Uuid,
    keeps: Keeps,
    open: Vec<(usize, Stream)>,
}

impl Tab {
    /// Whether it is there once everything is quiet; none: an open stream may hold it again, where it was in time.
    fn stays(&self) -> Option<bool> {
        match self.keeps {
            Keeps::Stream(_) => Some(true),
            Keeps::Itself if !self.open.is_empty() => None,
            Keeps::Itself | Keeps::Nobody => Some(false),
        }
    }
}

/// One room and those who come and go in it.
struct Life {
    room: String,
    clients: Vec<Client>,
    tabs: Vec<Tab>,
    opened: usize,
    history: Vec<String>,
}

impl Life {
    fn new(nth: usize, clients: &[Client]) -> Self {
        let user = |n: usize| format!("u{nth}-{n}");
        let tab = |n| Tab {
            user: user(n),
            id: Uuid::new_v4(),
            keeps: Keeps::Nobody,
            open: vec![],
        };
        Self {
            room: format!("r{nth}"),
            clients: clients.to_vec(),
            tabs: vec![tab(0), tab(0), tab(1)],
            opened: 0,
            history: vec![],
        }
    }

    async fn run(mut self, seed: u64, admin: &Postgres) -> Self {
        let mut random = Random(seed);
        self.history.push(format!("SEED={seed}"));
        for _ in 0..STEPS {
            let (nth, node) = (random.below(self.tabs.len()), random.below(2));
            match random.below(12) {
                0..4 => self.open(nth, node).await,
                4..6 => self.close(nth, &mut random),
                6..8 => {
                    // Moves on, with or without a moment between the two sockets.
                    if random.below(2) == 0 {
                        self.close(nth, &mut random);
                        self.open(nth, node).await;
                    } else {
                        self.open(nth, node).await;
                        self.close(nth, &mut random);
                    }
                }
                8 => self.remount(nth, node, random.below(8_000) as u64).await,
                9 => self.beat(nth, node).await,
                10 => self.leave(nth, node).await,
                _ => self.kick(nth, admin).await,
            }
            tokio::time::sleep(Duration::from_millis(random.below(120) as u64)).await;
        }
        self
    }

    fn note(&mut self, what: &str, nth: usize, node: usize) {
        self.history.push(format!("{what} tab {nth} at {node}"));
    }

    fn query(&self, nth: usize) -> String {
        format!("room={}&session={}", self.room, self.tabs[nth].id)
    }

    async fn open(&mut self, nth: usize, node: usize) {
        self.note("open", nth, node);
        let client = self.clients[node].of(&self.tabs[nth].user);
        let stream = try_open(&client, &self.query(nth)).await.expect("it opens");
        self.opened += 1;
        self.tabs[nth].keeps = Keeps::Stream(self.opened);
        self.tabs[nth].open.push((self.opened, stream));
    }

    /// One of its streams, the one that holds it or another.
    fn close(&mut self, nth: usize, random: &mut Random) {
        let tab = &mut self.tabs[nth];
        if tab.open.is_empty() {
            return;
        }
        let (stream, _) = tab.open.remove(random.below(tab.open.len()));
        if tab.keeps == Keeps::Stream(stream) {
            tab.keeps = Keeps::Nobody;
        }
        self.history.push(format!("close stream {stream} of tab {nth}"));
    }

    /// Given up while it opens, and opened again.
    async fn remount(&mut self, nth: usize, node: usize, after_us: u64) {
        self.note("give up", nth, node);
        let client = self.clients[node].of(&self.tabs[nth].user);
        let opening = try_open(&client, &self.query(nth)).await_for(after_us).await;
        drop(opening);
        self.open(nth, node).await;
    }

    async fn beat(&mut self, nth: usize, node: usize) {
        self.note("beat", nth, node);
        let tab = &mut self.tabs[nth];
        let (status, _) = self.clients[node]
            .of(&tab.user)
            .beat(&self.room, tab.id, json!({}))
            .await;
        assert_eq!(status, StatusCode::OK);
        if tab.keeps == Keeps::Nobody {
            tab.keeps = Keeps::Itself;
        }
    }

    async fn leave(&mut self, nth: usize, node: usize) {
        self.note("leave", nth, node);
        let tab = &mut self.tabs[nth];
        let status = self.clients[node].of(&tab.user).leave(&self.room, tab.id).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        tab.keeps = Keeps::Nobody;
    }

    async fn kick(&mut self, nth: usize, admin: &Postgres) {
        self.history.push(format!("kick the user of tab {nth}"));
        let user = self.tabs[nth].user.clone();
        let kick = format!("select presence.remove_member('{}', '{user}')", self.room);
        run(admin, &kick).await;
        for tab in self.tabs.iter_mut().filter(|tab| tab.user == user) {
            tab.keeps = Keeps::Nobody;
        }
    }

    /// Who must be here and who may be.
    fn here(&self) -> [BTreeSet<String>; 2] {
        let with = |is: fn(Option<bool>) -> bool| {
            let tabs = self.tabs.iter().filter(|tab| is(tab.stays()));
            tabs.map(|tab| tab.user.clone()).collect()
        };
        [
            with(|stays| stays == Some(true)),
            with(|stays| stays != Some(false)),
        ]
    }
}

trait AwaitFor: Future + Sized {
    /// Drops what is not done by then, and with it its connection.
    async fn await_for(self, us: u64) -> Option<Self::Output> {
        tokio::time::timeout(Duration::from_micros(us), self).await.ok()
    }
}

impl<F: Future> AwaitFor for F {}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_clients_do_who_holds_a_stream_is_there_and_nobody_else() {
    let Some(db) = TestDb::new().await else { return };
    let from_env = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = from_env("SEED").unwrap_or_else(|| Uuid::new_v4().as_u64_pair().0);
    let enough = from_env("SECONDS").map_or(ENOUGH, Duration::from_secs);
    println!("SEED={seed}");
    let (admin, url) = (db.admin().await, service_url(db.url()));
    let calm = |settings: &mut Settings| {
        short(settings);
        settings.ttl = Some(LONG_TTL);
    };
    let nodes = [
        TestApp::start_with(&url, calm).await,
        TestApp::start_with(&url, calm).await,
    ];
    let clients: Vec<Client> = nodes.iter().map(|node| node.client("bob")).collect();
    let begin = Instant::now();
    let mut batches = 0;

    while begin.elapsed() < enough {
        let first = batches * ROOMS;
        rooms(&admin, first).await;
        let names: Vec<String> = (first..first + ROOMS).map(|nth| format!("r{nth}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut watcher = clients[batches % 2].stream(&names).await;
        let lives = (first..first + ROOMS)
            .map(|nth| Life::new(nth, &clients).run(seed.wrapping_add(nth as u64), &admin));
        let lives = join_all(lives).await;
        quiet(&admin, &mut watcher, &lives).await;
        for life in &lives {
            agree(&admin, &mut watcher, life).await;
        }
        assert_eq!(watcher.wrongs(), [""; 0], "SEED={seed}");
        batches += 1;
    }

    println!("{} lives in {:?}", batches * ROOMS, begin.elapsed());
    assert!(batches > 0);
}

/// Rooms with two users each, that bob may see.
async fn rooms(admin: &Postgres, first: usize) {
    let last = first + ROOMS - 1;
    run(
        admin,
        &format!(
            "insert into event_app.users (id, name, email)
             select 'u' || n || '-' || k, 'User', n || '-' || k || '@example.com'
               from generate_series({first}, {last}) n, generate_series(0, 1) k;
             insert into event_app.rooms (id, name) select 'r' || n, 'Room' from generate_series({first}, {last}) n;
             insert into event_app.room_participants (room_id, user_id, role)
             select 'r' || n, p.user_id, 'collaborator'
               from generate_series({first}, {last}) n,
                    lateral (values ('bob'), ('u' || n || '-0'), ('u' || n || '-1')) p(user_id)"
        ),
    )
    .await;
}

/// Reads on until every lease and grace would be over that nobody renews, and the reaper has been there.
async fn quiet(admin: &Postgres, watcher: &mut Stream, lives: &[Life]) {
    let end = Instant::now() + LONG_TTL + GRACE + Duration::from_secs(1);
    while watcher
        .next_within(end.saturating_duration_since(Instant::now()))
        .await
        .is_some()
    {}
    // Then only a machine that is too slow may still have something to do.
    let deadline = Instant::now() + PATIENCE;
    for life in lives {
        let [must, may] = life.here();
        let mut here = members(admin, &life.room).await;
        while !(must.is_subset(&here) && here.is_subset(&may)) && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(50)).await;
            here = members(admin, &life.room).await;
        }
        assert!(
            must.is_subset(&here) && here.is_subset(&may),
            "{here:?}, of {may:?}, {must:?} at least: {:#?}",
            life.history
        );
    }
}

async fn members(admin: &Postgres, room: &str) -> BTreeSet<String> {
    let query = format!("select user_id::text from presence_private.member where room_id = '{room}'");
    list(admin, &query).await.into_iter().collect()
}

/// The watcher sees what SQL says, and joins and leaves alternate.
async fn agree(admin: &Postgres, watcher: &mut Stream, life: &Life) {
    let here = members(admin, &life.room).await;
    let agrees = watcher
        .until(&life.room, PATIENCE, |picture| {
            picture.members.keys().eq(here.iter())
        })
        .await;
    assert!(
        agrees,
        "{:?}, not {here:?}: {:#?}",
        watcher.picture(&life.room),
        life.history
    );
    for user in life.tabs.iter().map(|tab| &tab.user).collect::<BTreeSet<_>>() {
        let query = format!(
            "select what from presence_private.change where room_id = '{}' and user_id = '{user}' and what <> 'update' \
             order by revision",
            life.room
        );
        let log = list(admin, &query).await;
        let mut expected = ["join", "leave"].iter().cycle();
        assert!(
            log.iter().all(|what| Some(&what.as_str()) == expected.next()),
            "{log:?}"
        );
        assert_eq!(log.len() % 2 == 1, here.contains(user), "{user}: {log:?}");
    }
}

#[tokio::test]
async fn a_component_that_is_mounted_and_unmounted_at_once_never_flickers() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (super::node(&db).await, db.admin().await);
    let mut watcher = Watcher::of(&app.client("bob"), "general").await;
    let query = format!("room=general&session={}", Uuid::new_v4());
    let alice = app.client("alice");
    let mut stream = try_open(&alice, &query).await.expect("it opens");

    for round in 0..40 {
        drop(try_open(&alice, &query).await_for(300 * round).await);
        stream = try_open(&alice, &query).await.expect("it opens");
    }
    let told = watcher.during(GRACE * 3).await;
    drop(stream);
    let left = watcher.next().await;

    assert_eq!(told, ["alice joined"]);
    assert_eq!(left, ["alice left: disconnected"]);
    assert_eq!(super::sessions(&admin).await, [""; 0]);
}

//! Stream leases: being in a room for as long as a stream is open, whatever becomes of the stream.

mod closing;
mod endings;
mod holding;
mod logouts;
mod losses;
mod moving;
mod opening;
mod outages;
mod random;

use std::time::Duration;

use pg_presence::config::Settings;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::time::Instant;
use tokio_postgres::Client as Postgres;
use uuid::Uuid;

use crate::support::{
    app::{TEST_SLACK, TestApp, service_url},
    client::Client,
    db::TestDb,
    sql::list,
    stream::{Event, Stream},
};

/// How long a lease lives that nobody renews.
const TTL: Duration = Duration::from_secs(2);
/// How often a node renews.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// How long a lease outlives its stream.
const GRACE: Duration = Duration::from_secs(1);
/// Promised to users: a closed socket is seen by then.
const GONE: Duration = Duration::from_secs(2);
/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Leases that end within a test.
fn short(settings: &mut Settings) {
    settings.ttl = Some(TTL);
    settings.heartbeat = Some(HEARTBEAT);
    settings.reap = Duration::from_millis(100);
    settings.grace = GRACE;
}

async fn node(db: &TestDb) -> TestApp {
    TestApp::start_with(&service_url(db.url()), short).await
}

/// Two nodes of one database.
async fn nodes(db: &TestDb) -> (TestApp, TestApp) {
    (node(db).await, node(db).await)
}

async fn try_open(client: &Client, query: &str) -> Result<Stream, (StatusCode, Value)> {
    let path = format!("/v1/stream?{query}");
    let response = client.send(Method::GET, &path, None).await;
    match response.status() {
        StatusCode::OK => Ok(Stream::new(response)),
        status => Err((status, response.json().await.unwrap_or_default())),
    }
}

async fn open(client: &Client, query: &str) -> Stream {
    try_open(client, query).await.expect("the stream opens")
}

/// A stream that holds this session in `general`, once it is told so.
async fn open_in_general(client: &Client, session: Uuid) -> Stream {
    let mut stream = open(client, &format!("room=general&session={session}")).await;
    stream.next_of("snapshot").await;
    stream
}

/// What a diff tells: `alice joined`, `alice left: disconnected`.
fn told(event: &Event) -> Vec<String> {
    let users = |list: &'static str| event.data[list].as_array().into_iter().flatten();
    let user = |entry: &Value| entry["user_id"].as_str().unwrap_or_default().to_owned();
    let joined = users("joined").map(|entry| format!("{} joined", user(entry)));
    let updated = users("updated").map(|entry| format!("{} updated", user(entry)));
    let left = users("left").map(|entry| {
        let reason = entry["reason"].as_str().unwrap_or_default();
        format!("{} left: {reason}", user(entry))
    });
    joined.chain(updated).chain(left).collect()
}

/// Somebody else who looks at a room.
struct Watcher {
    stream: Stream,
}

impl Watcher {
    /// Of this room, from now on.
    async fn of(client: &Client, room: &str) -> Self {
        let mut stream = client.stream(&[room]).await;
        stream.next_of("snapshot").await;
        Self { stream }
    }

    /// What it is told next.
    async fn next(&mut self) -> Vec<String> {
        told(&self.next_event().await)
    }

    async fn next_event(&mut self) -> Event {
        self.stream.next_of("diff").await
    }

    /// All that it is told within this time.
    async fn during(&mut self, time: Duration) -> Vec<String> {
        let end = Instant::now() + time;
        let mut all = vec![];
        while let Some(event) = self
            .stream
            .next_within(end.saturating_duration_since(Instant::now()))
            .await
        {
            assert_eq!(event.name, "diff", "{event:?}");
            all.extend(told(&event));
        }
        all
    }
}

/// All that ever happened in a room: `1 alice join`, `2 alice leave disconnected`.
async fn log(sql: &Postgres, room: &str) -> Vec<String> {
    let query = format!(
        "select concat_ws(' ', revision, user_id, what, reason) from presence_private.change \
         where room_id = '{room}' order by revision, user_id"
    );
    list(sql, &query).await
}

/// The sessions that are alive: `general alice held`.
async fn sessions(sql: &Postgres) -> Vec<String> {
    let query = "select concat_ws(' ', room_id, user_id, case when holder is null then 'free' \
                        when holder = '00000000-0000-0000-0000-000000000000' then 'in grace' else 'held' end) \
                   from presence_private.session where ended_at is null order by 1";
    list(sql, query).await
}

/// Waits until the sessions that are alive are these.
async fn until_sessions(sql: &Postgres, expected: &[&str]) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = sessions(sql).await;
        if found == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{found:?}, not {expected:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A deadline that users were promised, on a slow machine.
fn assert_within(took: Duration, promised: Duration, what: &str) {
    println!("{what} after {took:?}, promised within {promised:?}");
    assert!(took < promised * TEST_SLACK, "{what} after {took:?}");
}

//! Thousands of streams on one node.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, future::join_all, stream};
use nix::sys::signal::Signal;
use pg_presence::config::Settings;
use reqwest::{Method, StatusCode};
use tokio_postgres::Client as Postgres;
use uuid::Uuid;

use super::{PATIENCE, until_ready};
use crate::{
    batch::people,
    support::{
        app::{TEST_SLACK, TestApp, service_url},
        client::Client,
        db::TestDb,
        node::{Node, Plan, WITH_FILES},
        sql::{list, run},
        stream::Stream,
    },
};

const STREAMS: u32 = 2000;
const HALLS: u32 = 40;
const PEOPLE: u32 = 400;
const STOP_MAX: Duration = Duration::from_secs(10);

/// Streams that this process can hold both ends of, beside what else it has open.
fn streams_max() -> u32 {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3)?.parse::<u32>().ok());
    soft.map_or(500, |soft| soft.saturating_sub(400)).min(STREAMS)
}

async fn halls(admin: &Postgres) {
    people(admin, PEOPLE.cast_signed()).await;
    let halls = format!(
        "insert into event_app.rooms (id, event_id, name) \
         select 'hall-' || n, 'gala', 'Hall ' || n from generate_series(0, {HALLS} - 1) n;
         insert into event_app.room_participants (room_id, user_id) \
         select 'hall-' || n % {HALLS}, 'user-' || n from generate_series(1, {PEOPLE}) n"
    );
    run(admin, &halls).await;
}

/// The nth stream, with a tab of its own that it holds.
async fn open(client: &Client, nth: u32) -> Result<Stream, StatusCode> {
    let person = 1 + nth % PEOPLE;
    let path = format!(
        "/v1/stream?room=hall-{}&session={}",
        person % HALLS,
        Uuid::from_u128(nth.into())
    );
    let client = client.of(&format!("user-{person}"));
    let answer = client.send(Method::GET, &path, None).await;
    match answer.status() {
        StatusCode::OK => Ok(Stream::new(answer)),
        status => Err(status),
    }
}

/// All of them, each once it is answered; who is refused because too many come at once comes again, as clients do.
async fn open_all(client: &Client, count: u32) -> Vec<Stream> {
    let opening = (0..count).map(|nth| async move {
        let deadline = Instant::now() + 2 * PATIENCE;
        loop {
            match open(client, nth).await {
                Ok(stream) => return stream,
                Err(status) => {
                    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
                    assert!(Instant::now() < deadline, "never opened");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    });
    stream::iter(opening).buffer_unordered(32).collect().await
}

/// FAULTS 27. All of them go on at another node.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_with_thousands_of_streams_stops_in_time_and_nobody_leaves() {
    let Some(db) = TestDb::new().await else { return };
    let (admin, count) = (db.admin().await, streams_max());
    halls(&admin).await;
    let words = [&WITH_FILES[..], &["4096"]].concat();
    let mut stops = Node::start(&Plan::new(&service_url(db.url())).by(&words)).await;
    let stays = TestApp::start(&db).await;
    let streams = open_all(&stops.client("alice"), count).await;

    stops.signal(Signal::SIGTERM);
    let refuses = reqwest::Client::new()
        .get(format!("{}/readyz", stops.url()))
        .send();
    let is_ready = refuses
        .await
        .is_ok_and(|answer| answer.status() == StatusCode::OK);
    let byes = join_all(streams.into_iter().map(|mut stream| async move {
        loop {
            let event = stream.next_within(PATIENCE).await?;
            if event.name == "bye" {
                return event.data["retry_ms"].as_u64();
            }
        }
    }));
    let (byes, (status, took)) = tokio::join!(byes, stops.ended());
    let again = open_all(&stays.client("alice"), count).await;
    until_ready(&stays, StatusCode::OK).await;

    println!("{count} streams: ended after {took:?}, promised within {STOP_MAX:?}");
    assert_eq!((is_ready, status.code()), (false, Some(0)));
    assert!(took < STOP_MAX * TEST_SLACK, "{took:?}");
    let pauses: Vec<u64> = byes.into_iter().flatten().collect();
    assert_eq!(pauses.len(), count as usize, "each is told bye");
    assert!(pauses.iter().all(|pause| (200..2200).contains(pause)));
    let spread: BTreeSet<u64> = pauses.iter().map(|pause| pause / 200).collect();
    assert!(spread.len() > 8, "{spread:?}");
    assert_eq!(again.len(), count as usize);
    let left = "select user_id::text from presence_private.change where what = 'leave'";
    assert_eq!(list(&admin, left).await, [""; 0]);
    let there = "select count(*)::text from presence_private.session where ended_at is null";
    assert_eq!(list(&admin, there).await, [count.to_string()]);
}

/// FAULTS 25. Streams that were opened at once are not pinged at once: each has its own place in the interval.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_are_pinged_at_moments_of_their_own() {
    let Some(db) = TestDb::new().await else { return };
    people(&db.admin().await, 200).await;
    let ping = Duration::from_secs(5);
    let app = TestApp::start_with(&service_url(db.url()), |settings: &mut Settings| {
        settings.ping = ping
    })
    .await;
    let client = app.client("alice");

    let waits = join_all((1..=200).map(|n| {
        let client = client.of(&format!("user-{n}"));
        async move {
            let mut stream = client.stream(&["general"]).await;
            stream.next_of("snapshot").await;
            let opened = Instant::now();
            while stream.any_within(PATIENCE).await.expect("it is open").name != "ping" {}
            opened.elapsed()
        }
    }));
    let mut waits = waits.await;

    waits.sort();
    let (early, late) = (waits[20], waits[179]);
    println!("of 200 streams a tenth was pinged within {early:?}, a tenth after {late:?}; every {ping:?}");
    assert!(early < ping.mul_f64(0.75), "{early:?}");
    assert!(late > early + ping.mul_f64(0.2), "{early:?}, {late:?}");
}

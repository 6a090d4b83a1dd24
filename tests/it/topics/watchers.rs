//! A thousand join a room that hundreds watch: everybody knows all of them, for few messages.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, future::join_all, stream};
use pg_presence::config::Settings;
use reqwest::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use super::reader::{Reader, Room, open};
use crate::{
    batch::people,
    support::{
        app::{TestApp, service_url},
        client::Client,
        db::TestDb,
    },
};

const JOINS: usize = 1_000;
/// As many as one user may have on a node, of ten users.
const WATCHERS: usize = 200;
const MERGE: Duration = Duration::from_millis(250);

/// FAULTS 46, to know each of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_joins_before_hundreds_of_watchers_cost_thousands_of_messages() {
    let Some(db) = TestDb::new().await else { return };
    people(&db.admin().await, 1_000).await;
    let app = TestApp::start_with(&service_url(db.url()), |settings: &mut Settings| {
        settings.room_detail_max = 100_000;
        settings.merge = MERGE;
    })
    .await;
    let mut watchers = vec![];
    for n in 0..WATCHERS {
        let viewer = app.client(&format!("user-{}", 1 + n % 10));
        watchers.push(open(&viewer, "room=general&count=general").await);
    }
    let reads = || app.observer().figures().reads.get();
    let (begin, reads_before) = (Instant::now(), reads());

    let watching = watchers.into_iter().map(|mut watcher| {
        tokio::spawn(async move {
            let all = |room: &Room| matches!(room, Room::Whole(picture) if picture.members.len() == JOINS);
            let knows_all = watcher
                .until(|told| {
                    told.rooms.get("general").is_some_and(all)
                        && told.counts.get("general") == Some(&(JOINS as i64))
                })
                .await;
            (watcher, knows_all)
        })
    });
    let watching: Vec<_> = watching.collect();
    let client = app.client("alice");
    let joins = (1..=JOINS).map(|n| {
        let user = client.of(&format!("user-{n}"));
        async move { user.beat("general", Uuid::new_v4(), json!({})).await.0 }
    });
    let joined: Vec<StatusCode> = stream::iter(joins).buffer_unordered(50).collect().await;
    let took = begin.elapsed();
    let watched: Vec<(Reader, bool)> = join_all(watching)
        .await
        .into_iter()
        .map(|watched| watched.expect("a watcher"))
        .collect();

    let frames: usize = watched.iter().map(|(watcher, _)| watcher.frames).sum();
    println!(
        "{JOINS} joins in {took:?}, {WATCHERS} watchers: {frames} frames, {} reads, all known after {:?}; one by one \
         there would have been {}",
        reads() - reads_before,
        begin.elapsed(),
        2 * JOINS * WATCHERS
    );
    assert!(joined.iter().all(|status| *status == StatusCode::OK));
    for (watcher, knows_all) in &watched {
        assert!(knows_all, "{:?}", watcher.told.counts);
        assert_eq!(watcher.told.wrongs, [""; 0]);
        assert_eq!(watcher.told.rooms, watched[0].0.told.rooms);
    }
    // Two frames a merge time at most for each watcher, however long a slow machine takes.
    let merges = begin.elapsed().as_millis() / MERGE.as_millis() + 4;
    assert!(
        frames as u128 <= 2 * merges * WATCHERS as u128,
        "{frames} in {merges} merge times"
    );
}

/// Beyond the detail limit of 500 a reader is told numbers: no more bytes than the first five hundred cost, twice.
const DETAIL_BYTES_MAX: usize = 2 * 500 * 400;
/// And one number a merge time, with room to spare.
const NUMBER_BYTES_MAX: usize = 512;

/// These and the next thousand join; whoever is told that this node is too busy comes again. How many times a batch was sent.
async fn join_thousand(backend: &Client, first: usize) -> usize {
    let mut left: Vec<usize> = (first..first + 1000).collect();
    for sent in 1..200 {
        let item = |n: &usize| {
            json!({"room_id": "general", "user_id": format!("user-{n}"), "activity": "here",
                "session_id": Uuid::from_u128(*n as u128)})
        };
        let body = json!({"items": left.iter().map(item).collect::<Vec<_>>()});
        let (status, answer) = backend.call(Method::POST, "/v1/heartbeats", Some(&body)).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let mut answers = answer["items"].as_array().expect("items").iter();
        left.retain(|_| {
            let answer = answers.next().expect("one an item");
            assert!(
                answer["status"] == "active" || answer["status"] == 503,
                "{answer}"
            );
            answer["status"] == 503
        });
        if left.is_empty() {
            return sent;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{} never join", left.len())
}

/// FAULTS 46. As many as a batch holds, ten batches at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_joins_at_once_cost_each_watcher_a_bounded_number_of_bytes_and_all_count_right() {
    let Some(db) = TestDb::new().await else { return };
    people(&db.admin().await, 10_000).await;
    let app = TestApp::start_with(&service_url(db.url()), |settings: &mut Settings| {
        settings.merge = MERGE
    })
    .await;
    let claims = json!({"sub": "alice", "scope": "presence:write"});
    let backend = app.client("alice").with_claims(claims);
    let mut watchers = vec![];
    for n in 0..50 {
        let viewer = app.client(&format!("user-{}", 1 + n % 10));
        watchers.push(open(&viewer, "room=general&count=general").await);
    }
    let begin = Instant::now();

    let watching = watchers.into_iter().map(|mut watcher| {
        tokio::spawn(async move {
            let mut counts = vec![];
            while watcher.told.counts.get("general") != Some(&10_000) {
                let Some(_) = watcher.next_within(super::PATIENCE).await else {
                    break;
                };
                counts.extend(watcher.told.counts.get("general").copied());
            }
            (watcher, counts)
        })
    });
    let watching: Vec<_> = watching.collect();
    let joins = join_all((0..10).map(|batch| join_thousand(&backend, 1000 * batch + 1))).await;
    let took = begin.elapsed();
    let watched: Vec<(Reader, Vec<i64>)> = join_all(watching)
        .await
        .into_iter()
        .map(|watched| watched.expect("a watcher"))
        .collect();
    let known = begin.elapsed();

    let most = watched
        .iter()
        .map(|(watcher, _)| watcher.bytes)
        .max()
        .unwrap_or_default();
    println!("10,000 joins in {took:?}, all counted after {known:?}, {most} bytes a watcher at most");
    println!("each batch was sent so many times: {joins:?}");
    let merges = (known.as_millis() / MERGE.as_millis() + 4) as usize;
    assert!(
        most < DETAIL_BYTES_MAX + merges * NUMBER_BYTES_MAX,
        "{most} in {merges} merge times"
    );
    for (watcher, counts) in &watched {
        assert_eq!(watcher.told.counts.get("general"), Some(&10_000));
        assert!(counts.is_sorted(), "nobody leaves: {counts:?}");
        assert_eq!(watcher.told.wrongs, [""; 0]);
    }
}

//! A thousand join a room that hundreds watch: everybody knows all of them, for few messages.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, future::join_all, stream};
use pg_presence::config::Settings;
use reqwest::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::reader::{Reader, Room, open};
use crate::{
    batch::people,
    support::{
        app::{TestApp, service_url},
        db::TestDb,
    },
};

const JOINS: usize = 1_000;
/// As many as one user may have on a node, of ten users.
const WATCHERS: usize = 200;
const MERGE: Duration = Duration::from_millis(250);

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

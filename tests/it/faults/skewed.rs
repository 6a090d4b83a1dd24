//! Nodes whose clocks are wrong.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use pg_presence::config::Settings;
use reqwest::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::PATIENCE;
use crate::support::{
    app::{TestApp, service_url},
    db::TestDb,
    node::{Node, Plan},
    server::{Lacking, skip},
    sql::list,
    stream::Picture,
};

const TTL: Duration = Duration::from_secs(3);

/// What lies to a program about the time. Nothing (and the test counted as skipped) where it is not installed.
pub fn liar(library: &str) -> Option<PathBuf> {
    let libraries = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let found = libraries
        .map(|dir| dir.path().join("faketime").join(library))
        .find(|path| path.is_file());
    if found.is_none() {
        skip(Lacking::Package("libfaketime"));
    }
    found
}

/// FAULTS 16. One is an hour late, one an hour early; the database's clock alone decides on leases.
#[tokio::test]
async fn nodes_whose_clocks_are_an_hour_off_make_nobody_leave() {
    let Some(db) = TestDb::new().await else { return };
    let Some(liar) = liar("libfaketimeMT.so.1") else {
        return;
    };
    let right = TestApp::start_with(&service_url(db.url()), |settings: &mut Settings| {
        settings.ttl = Some(TTL);
        settings.heartbeat = Some(Duration::from_millis(500));
    })
    .await;
    let mut watcher = right.client("carol").stream(&["general"]).await;
    watcher.next_of("snapshot").await;
    let skewed = |by: &str| {
        Plan::new(&service_url(db.url()))
            .set("LD_PRELOAD", &liar.to_string_lossy())
            .set("FAKETIME", by)
            .set("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    };
    let (early, late) = (
        Node::start(&skewed("-1h")).await,
        Node::start(&skewed("+1h")).await,
    );
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    // Good by each of their clocks: those of tokens are compared with a node's own.
    let ends = now.expect("after 1970").as_secs() + 3 * 3600;
    let who = |node: &Node, user: &str| node.client(user).with_claims(json!({"sub": user, "exp": ends}));
    let (alice, bob) = (who(&early, "alice"), who(&late, "bob"));
    let (holds, tab) = (Uuid::new_v4(), Uuid::new_v4());
    let path = format!("/v1/stream?room=general&session={holds}");
    let answer = alice.send(reqwest::Method::GET, &path, None).await;
    assert_eq!(answer.status(), StatusCode::OK, "{}", early.said());
    let mut held = crate::support::stream::Stream::new(answer);
    bob.beat("general", tab, json!({})).await;
    let both = |picture: &Picture| picture.members.len() == 2;
    assert!(watcher.until("general", PATIENCE, both).await);

    let begin = std::time::Instant::now();
    let mut answers = vec![];
    while begin.elapsed() < 2 * TTL {
        answers.push(bob.beat("general", tab, json!({})).await.0);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let seen_there = held.until("general", PATIENCE, both).await;

    assert!(
        answers.iter().all(|status| *status == StatusCode::OK),
        "{answers:?}"
    );
    assert!(seen_there, "{:?}", held.picture("general"));
    let log = "select concat_ws(' ', user_id, what) from presence_private.change order by 1";
    assert_eq!(list(&db.admin().await, log).await, ["alice join", "bob join"]);
    let beyond = "select user_id::text from presence_private.session where expires_at > clock_timestamp() + interval '3 s'";
    assert_eq!(list(&db.admin().await, beyond).await, [""; 0]);
    assert_eq!((watcher.wrongs(), held.wrongs()), (&[][..], &[][..]));
}

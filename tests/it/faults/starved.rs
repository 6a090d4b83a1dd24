//! Nodes without file descriptors, and nodes whose clients come and go for ever.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::net::TcpStream;
use uuid::Uuid;

use super::PATIENCE;
use crate::{
    batch::people,
    support::{
        app::service_url,
        db::TestDb,
        node::{Node, Plan, WITH_FILES},
        stream::Picture,
    },
};

/// File descriptors of a node that has too few.
const FILES: &str = "64";

async fn until_ready(node: &Node) {
    let (client, deadline) = (node.client("alice"), Instant::now() + PATIENCE);
    let ready = || client.bare(Method::GET, "/readyz").send();
    while !ready()
        .await
        .is_ok_and(|answer| answer.status() == StatusCode::OK)
    {
        assert!(Instant::now() < deadline, "it never heals: {}", node.said());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// FAULTS 31. Twice as many connections as it has file descriptors, of clients that say nothing.
#[tokio::test]
async fn without_file_descriptors_a_node_waits_without_spinning_and_heals() {
    let Some(db) = TestDb::new().await else { return };
    let words = [&WITH_FILES[..], &[FILES]].concat();
    let node = Node::start(&Plan::new(&service_url(db.url())).by(&words)).await;
    until_ready(&node).await;
    let mut stream = node.client("bob").stream(&["general"]).await;
    stream.next_of("snapshot").await;

    let mut taken = vec![];
    for _ in 0..128 {
        // The backlog takes what the node does not.
        taken.push(
            TcpStream::connect(&node.address)
                .await
                .expect("there is a backlog"),
        );
    }
    let deadline = Instant::now() + PATIENCE;
    while !node.said().contains("no connection can be accepted") {
        assert!(Instant::now() < deadline, "it has enough: {}", node.said());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (begin, busy) = (Instant::now(), node.busy());
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (waited, used) = (begin.elapsed(), node.busy() - busy);
    drop(taken);
    until_ready(&node).await;
    let (joined, _) = node
        .client("alice")
        .beat("general", Uuid::new_v4(), json!({}))
        .await;
    let alone = |picture: &Picture| picture.members.len() == 1;
    let is_right = stream.until("general", PATIENCE, alone).await;

    println!("{used:?} of processor time in {waited:?} without file descriptors");
    assert!(used < waited / 2, "it spins: {used:?} in {waited:?}");
    assert_eq!((joined, is_right), (StatusCode::OK, true));
    assert_eq!(stream.wrongs(), [""; 0]);
}

/// FAULTS 31. Connections that are reset as soon as they are made, or as soon as they have asked.
#[tokio::test]
async fn rapid_resets_leave_nothing_behind() {
    let Some(db) = TestDb::new().await else { return };
    let node = Node::start(&Plan::new(&service_url(db.url()))).await;
    until_ready(&node).await;
    let before = node.open_files();

    for n in 0..1000 {
        let connection = TcpStream::connect(&node.address)
            .await
            .expect("it takes connections");
        if n % 2 == 0 {
            connection
                .try_write(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
                .expect("a few bytes");
        }
        let at_once = socket2::SockRef::from(&connection).set_linger(Some(Duration::ZERO));
        at_once.expect("a socket");
    }
    until_ready(&node).await;
    let deadline = Instant::now() + PATIENCE;
    // What it may open meanwhile: the rest of its pool, and this test's own connection.
    while node.open_files() > before + 15 {
        assert!(
            Instant::now() < deadline,
            "{} of {before} files",
            node.open_files()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Opens so many streams, and cuts each after its first bytes.
async fn churn(node: &Node, count: u32) -> u32 {
    let client = node.client("alice");
    let visits = (0..count).map(|n| {
        let client = client.of(&format!("user-{}", 1 + n % 100));
        async move {
            match client.try_stream(&["general"]).await {
                Ok(mut stream) => u32::from(stream.next_of("snapshot").await.name == "snapshot"),
                Err(_) => 0,
            }
        }
    });
    stream::iter(visits)
        .buffer_unordered(16)
        .fold(0, |sum, one| async move { sum + one })
        .await
}

/// FAULTS 26. What thousands of streams leave in memory is what the first of them do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_stays_flat_while_streams_come_and_go() {
    let Some(db) = TestDb::new().await else { return };
    people(&db.admin().await, 100).await;
    let growth_max = 32 * 1024 * 1024;
    let node = Node::start(&Plan::new(&service_url(db.url()))).await;
    until_ready(&node).await;

    churn(&node, 1000).await;
    let before = node.resident_bytes();
    let begin = Instant::now();
    let mut opened = 0;
    // A bounded time, on however slow a machine.
    while opened < 4000 && begin.elapsed() < Duration::from_secs(20) {
        opened += churn(&node, 500).await;
    }
    let after = node.resident_bytes();

    println!(
        "{before} bytes, and {after} after {opened} more streams in {:?}",
        begin.elapsed()
    );
    assert!(opened > 100, "{opened}");
    assert!(after < before + growth_max, "{before} bytes became {after}");
}

//! Nodes as processes of their own, that are killed, frozen and told to stop.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use pg_presence::config::Settings;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream};
use uuid::Uuid;

use super::PATIENCE;
use crate::support::{
    app::{TEST_SLACK, TestApp, service_url},
    client::{Client, token},
    db::TestDb,
    node::{Node, Plan},
    sql::list,
    stream::{Picture, Stream},
};

const TTL: Duration = Duration::from_secs(3);
const HEARTBEAT: Duration = Duration::from_millis(500);

/// The other node, in this process; what it is given goes for both.
async fn other(db: &TestDb) -> TestApp {
    TestApp::start_with(&service_url(db.url()), |settings: &mut Settings| {
        settings.ttl = Some(TTL);
        settings.heartbeat = Some(HEARTBEAT);
    })
    .await
}

async fn open(client: &Client, session: Uuid) -> Stream {
    let path = format!("/v1/stream?room=general&session={session}");
    let answer = client.send(Method::GET, &path, None).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let mut stream = Stream::new(answer);
    stream.next_of("snapshot").await;
    stream
}

/// FAULTS 28. Two are on the node that is killed; one of them goes on elsewhere.
#[tokio::test]
async fn of_those_on_a_node_that_is_killed_nobody_leaves_who_goes_on_elsewhere() {
    let Some(db) = TestDb::new().await else { return };
    let (stays, admin) = (other(&db).await, db.admin().await);
    let mut dies = Node::start(&Plan::new(&service_url(db.url()))).await;
    let tab = Uuid::new_v4();
    let mut watcher = stays.client("carol").stream(&["general"]).await;
    let _alice = open(&dies.client("alice"), tab).await;
    let _bob = open(&dies.client("bob"), Uuid::new_v4()).await;
    let both = |picture: &Picture| picture.members.len() == 2;
    assert!(watcher.until("general", PATIENCE, both).await);

    dies.signal(Signal::SIGKILL);
    dies.ended().await;
    let _alice = open(&stays.client("alice"), tab).await;
    let left = watcher.next_of("diff").await;
    let after = watcher.next_within(2 * TTL).await;

    assert_eq!(left.data["left"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&left.data["left"][0]["user_id"], &left.data["left"][0]["reason"]),
        (&json!("bob"), &json!("expired"))
    );
    assert_eq!(after, None);
    let log = "select concat_ws(' ', user_id, what, reason) from presence_private.change order by revision";
    assert_eq!(
        list(&admin, log).await,
        ["alice join", "bob join", "bob leave expired"]
    );
}

/// FAULTS 7. It holds up nobody while it stands still, nor VACUUM, and knows everything once it goes on.
#[tokio::test]
async fn a_frozen_node_holds_up_nobody_and_catches_up() {
    let Some(db) = TestDb::new().await else { return };
    let (goes_on, frozen) = (
        other(&db).await,
        Node::start(&Plan::new(&service_url(db.url())).set("PRESENCE_CANARY_MS", "300")).await,
    );
    let admin = db.admin().await;
    let mut waiting = frozen.client("bob").stream(&["general"]).await;
    waiting.next_of("snapshot").await;
    let mut watcher = goes_on.client("carol").stream(&["general"]).await;
    watcher.next_of("snapshot").await;
    let (alice, tab) = (goes_on.client("alice"), Uuid::new_v4());

    frozen.signal(Signal::SIGSTOP);
    let (joined, _) = alice.beat("general", tab, json!({})).await;
    let seen = watcher.next_of("diff").await;
    let begin = Instant::now();
    let mut renewals = vec![];
    while begin.elapsed() < TTL {
        renewals.push(alice.beat("general", tab, json!({"status": "busy"})).await.0);
    }
    let frozen_at = Instant::now();
    let listeners = "select pid::text from pg_stat_activity \
                     where datname = current_database() and application_name like 'pg-presence listener %'";
    while list(&admin, listeners).await.len() > 1 {
        assert!(frozen_at.elapsed() < PATIENCE, "its listener stays");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!(
        "its listener was ended after {:?}, promised within a minute",
        frozen_at.elapsed()
    );
    frozen.signal(Signal::SIGCONT);
    let busy = |picture: &Picture| picture.statuses() == [("alice", "busy")].into();
    let caught_up = waiting.until("general", PATIENCE, busy).await;

    assert_eq!(
        (joined, &seen.data["joined"][0]["user_id"]),
        (StatusCode::OK, &json!("alice"))
    );
    assert!(renewals.iter().all(|status| *status == StatusCode::OK));
    assert!(caught_up, "{:?}", waiting.picture("general"));
    assert_eq!(waiting.wrongs(), [""; 0]);
}

/// FAULTS 27. A request that takes its time holds up the first, and is cut off by the second.
#[tokio::test]
async fn a_first_signal_lets_a_node_finish_and_a_second_one_ends_it_at_once() {
    let Some(db) = TestDb::new().await else { return };
    let stop_max = Duration::from_secs(10);
    let (mut idle, mut busy) = (
        Node::start(&Plan::new(&service_url(db.url()))).await,
        Node::start(&Plan::new(&service_url(db.url()))).await,
    );
    let mut stream = idle.client("bob").stream(&["general"]).await;
    stream.next_of("snapshot").await;

    idle.signal(Signal::SIGTERM);
    let bye = stream.next_of("bye").await;
    let (finished, took) = idle.ended().await;
    let bearer = token(json!({"sub": "alice"}));
    let mut slow = TcpStream::connect(&busy.address).await.expect("it serves");
    let head = format!(
        "PUT /v1/rooms/general/sessions/{} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\nexpect: 100-continue\r\n\r\n",
        Uuid::new_v4()
    );
    slow.write_all(head.as_bytes()).await.expect("a head");
    // It asks for the body: the request is under way.
    slow.readable().await.expect("it answers");
    busy.signal(Signal::SIGTERM);
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(&busy.address).await.is_ok() {
        assert!(Instant::now() < deadline, "it takes connections for ever");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let still_runs = busy.child.try_wait().expect("a child of ours").is_none();
    busy.signal(Signal::SIGTERM);
    let (cut_off, at_once) = busy.ended().await;

    println!("ended after {took:?}, promised within {stop_max:?}; a second signal: {at_once:?}");
    assert_eq!(
        (bye.data["reason"].as_str(), finished.code()),
        (Some("shutdown"), Some(0))
    );
    assert!(took < stop_max, "{took:?}");
    assert_eq!((still_runs, cut_off.code()), (true, Some(130)));
    assert!(at_once < Duration::from_secs(1) * TEST_SLACK, "{at_once:?}");
}

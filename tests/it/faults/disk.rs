//! No space is left on the disk.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use pg_presence::config::Settings;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{PATIENCE, until_ready};
use crate::{
    batch::people,
    support::{
        app::{TestApp, service_url},
        client::Client,
        disk::Disk,
        server::{TestCluster, connect},
        sql::{list, run},
        stream::Picture,
    },
};

const TTL: Duration = Duration::from_secs(4);
/// Of the room, and those of them who are there before the disk is full.
const PEOPLE: u16 = 2000;
const THERE: u16 = 300;

/// What is answered to a heartbeat: a status, and the type of a problem.
async fn join(client: &Client, tab: Uuid) -> (StatusCode, Value) {
    let path = format!("/v1/rooms/general/sessions/{tab}");
    let answer = client
        .send(Method::PUT, &path, Some(&json!({"message": "x".repeat(100)})))
        .await;
    let (status, retry) = (answer.status(), answer.headers().contains_key("retry-after"));
    let problem: Value = answer.json().await.unwrap_or_default();
    assert_eq!(retry, status == StatusCode::SERVICE_UNAVAILABLE, "{problem}");
    (status, problem["type"].clone())
}

/// FAULTS 12. The tables of presence cannot grow any more; the rest of the server goes on.
#[tokio::test]
async fn with_the_disk_full_joins_are_refused_views_stay_right_and_it_heals_by_itself() {
    let Some(cluster) = TestCluster::start(&[]).await else {
        return;
    };
    let url = cluster.database("crammed", "text").await;
    let root = connect(&cluster.url("postgres")).await.expect("it answers");
    let data = list(&root, "select current_setting('data_directory')").await;
    let Some(disk) = Disk::of_megabytes(64, &PathBuf::from(&data[0])) else {
        return;
    };
    let place = disk.dir().display();
    run(&root, &format!("create tablespace small location '{place}'")).await;
    run(&root, "alter database crammed set tablespace small").await;
    let admin = connect(&url).await.expect("it answers");
    people(&admin, PEOPLE.into()).await;
    let app = TestApp::start_with(&service_url(&url), |settings: &mut Settings| {
        settings.ttl = Some(TTL);
        settings.heartbeat = Some(Duration::from_millis(500));
    })
    .await;
    let client = app.client("alice");
    let mut stream = app.client("bob").stream(&["general"]).await;
    stream.next_of("snapshot").await;

    let backend = client.with_claims(json!({"sub": "alice", "scope": "presence:write"}));
    let items: Vec<Value> = (1..=THERE)
        .map(|n| json!({"room_id": "general", "user_id": format!("user-{n}"), "session_id": Uuid::new_v4()}))
        .collect();
    let batch = json!({"items": items});
    let (all_joined, _) = backend.call(Method::POST, "/v1/heartbeats", Some(&batch)).await;
    let all = |picture: &Picture| picture.members.len() == usize::from(THERE);
    assert!(stream.until("general", PATIENCE, all).await);

    disk.fill();
    let mut refusals = vec![];
    for n in THERE + 1..=PEOPLE {
        let answer = join(&client.of(&format!("user-{n}")), Uuid::new_v4()).await;
        if answer.0 != StatusCode::OK {
            refusals.push(answer);
        }
        if refusals.len() == 20 {
            break;
        }
    }
    let alive = client.get("/livez").await.0;
    let by_the_clock = "select online_count::text from presence.rooms where room_id = 'general'";
    let deadline = Instant::now() + PATIENCE;
    while !list(&admin, by_the_clock).await.iter().all(|count| count == "0") {
        assert!(Instant::now() < deadline, "leases never end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    disk.clear();
    let nobody = |picture: &Picture| picture.members.is_empty();
    let all_left = stream.until("general", PATIENCE, nobody).await;
    until_ready(&app, StatusCode::OK).await;
    let again = join(&client, Uuid::new_v4()).await;

    println!("{} joins were refused", refusals.len());
    assert_eq!((all_joined, alive), (StatusCode::OK, StatusCode::OK));
    assert_eq!(refusals.len(), 20);
    refusals.dedup();
    let documented = (StatusCode::SERVICE_UNAVAILABLE, json!("unavailable"));
    assert_eq!(refusals, [documented]);
    assert!(all_left, "{:?}", stream.picture("general").members.len());
    assert_eq!(again.0, StatusCode::OK);
    let left_twice = "select user_id::text from presence_private.change where what = 'leave' \
                      group by user_id having count(*) > 1";
    assert_eq!(list(&admin, left_twice).await, [""; 0]);
    assert_eq!(stream.wrongs(), [""; 0]);
}

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

/// Presences of which history says that they last.
const OPEN: &str =
    "select distinct user_id::text from presence_private.last_seen where reason is null order by 1";
/// Presences that ended, of whom history tells something else than one visit, as long as the lease was.
const WRONG_VISITS: &str = "\
select format('%s was seen at %s and visited %s times, for %s', l.user_id, l.last_seen_at, v.visits, v.span)
  from presence_private.last_seen l
 cross join lateral (select count(*) as visits, max(v.ended_at - v.began_at) as span, max(v.ended_at) as ended_at
                       from presence_private.visit v where v.user_id = l.user_id) v
 where l.reason is not null and (v.visits <> 1 or v.ended_at <> l.last_seen_at or v.span > interval '2 s')";

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

/// The database `crammed` lies on it.
async fn small_disk(cluster: &TestCluster) -> Option<Disk> {
    let root = connect(&cluster.url("postgres")).await.expect("it answers");
    let data = list(&root, "select current_setting('data_directory')").await;
    let disk = Disk::of_megabytes(64, &PathBuf::from(&data[0]))?;
    let place = disk.dir().display();
    run(&root, &format!("create tablespace small location '{place}'")).await;
    run(&root, "alter database crammed set tablespace small").await;
    Some(disk)
}

/// People join until the pages are full; the first twenty answers that are no lease.
async fn refusals(client: &Client) -> Vec<(StatusCode, Value)> {
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
    refusals
}

/// FAULTS 12. The tables of presence cannot grow any more; the rest of the server goes on.
#[tokio::test]
async fn with_the_disk_full_joins_are_refused_leases_still_end_and_it_heals_by_itself() {
    let Some(cluster) = TestCluster::start(&[]).await else {
        return;
    };
    let url = cluster.database("crammed", "text").await;
    let Some(disk) = small_disk(&cluster).await else {
        return;
    };
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
    let mut refusals = refusals(&client).await;
    let alive = client.get("/livez").await.0;
    let by_the_clock = "select online_count::text from presence.rooms where room_id = 'general'";
    let deadline = Instant::now() + PATIENCE;
    while !list(&admin, by_the_clock).await.iter().all(|count| count == "0") {
        assert!(Instant::now() < deadline, "leases never end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let nobody = |picture: &Picture| picture.members.is_empty();
    let all_left = stream.until("general", PATIENCE, nobody).await;
    until_ready(&app, StatusCode::OK).await;
    let unwritten = list(&admin, OPEN).await;
    disk.clear();
    let again = join(&client, Uuid::new_v4()).await;
    while list(&admin, OPEN).await != ["alice"] {
        assert!(Instant::now() < deadline + PATIENCE, "history is never written");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    println!("{} joins were refused", refusals.len());
    assert_eq!((all_joined, alive), (StatusCode::OK, StatusCode::OK));
    assert_eq!(refusals.len(), 20);
    refusals.dedup();
    let documented = (StatusCode::SERVICE_UNAVAILABLE, json!("unavailable"));
    assert_eq!(refusals, [documented]);
    assert!(all_left, "{:?}", stream.picture("general").members.len());
    // All of whom a view said that they are gone, when the disk was still full: 300 at least, and those who fitted in.
    println!("of {} history was written later", unwritten.len());
    assert_eq!(list(&admin, WRONG_VISITS).await, [""; 0]);
    let visits = "select count(distinct user_id)::text from presence_private.visit where reason = 'expired'";
    let visits: usize = list(&admin, visits).await[0].parse().expect("a number");
    assert!(visits >= usize::from(THERE), "{visits}");
    assert_eq!(again.0, StatusCode::OK);
    let left_twice = "select user_id::text from presence_private.change where what = 'leave' \
                      group by user_id having count(*) > 1";
    assert_eq!(list(&admin, left_twice).await, [""; 0]);
    assert_eq!(stream.wrongs(), [""; 0]);
}

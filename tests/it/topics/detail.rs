//! Rooms with more members than are told of: a stream turns to counts and back, and nobody goes on from where they do not
//! stand.

use std::collections::BTreeSet;

use pg_presence::config::Settings;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    QUIET,
    random::Random,
    reader::{Reader, Room, open},
};
use crate::{
    batch::people,
    support::{
        app::{TestApp, service_url},
        client::Client,
        db::TestDb,
    },
};

const DETAIL_MAX: i32 = 5;

async fn node(db: &TestDb) -> TestApp {
    TestApp::start_with(&service_url(db.url()), |settings: &mut Settings| {
        settings.room_detail_max = DETAIL_MAX;
    })
    .await
}

fn backend(app: &TestApp) -> Client {
    app.client("dave")
        .with_claims(json!({"sub": "dave", "scope": "presence:write"}))
}

/// These users are in `general` from now on, and these are not.
async fn change(backend: &Client, come: impl IntoIterator<Item = u64>, go: impl IntoIterator<Item = u64>) {
    let item = |n: u64, status: &str| {
        json!({"room_id": "general", "user_id": format!("user-{n}"),
            "session_id": Uuid::from_u128(n.into()), "status": status})
    };
    let come = come.into_iter().map(|n| item(n, "busy"));
    let items: Vec<Value> = come.chain(go.into_iter().map(|n| item(n, "invisible"))).collect();
    let body = json!({"items": items});
    let (status, answer) = backend.call(Method::POST, "/v1/heartbeats", Some(&body)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let items = answer["items"].as_array().expect("items");
    assert!(
        items.iter().all(|item| item["session_id"].is_string()),
        "{answer}"
    );
}

#[tokio::test]
async fn a_room_that_grows_too_large_is_told_in_counts_until_it_is_clearly_smaller() {
    let Some(db) = TestDb::new().await else { return };
    people(&db.admin().await, 9).await;
    let app = node(&db).await;
    let (alice, backend) = (app.client("alice"), backend(&app));
    change(&backend, 1..=4, []).await;
    let mut reader = open(&alice, "room=general").await;
    let whole = reader.next_of("snapshot").await;
    let mut both = open(&alice, "room=general&count=general").await;
    both.next_of("count").await;

    change(&backend, [5], []).await;
    let joined = reader.next().await;
    change(&backend, [6], []).await;
    let too_large = reader.next().await;
    change(&backend, [7], []).await;
    let more = reader.next().await;
    let busy = json!({"items": [{"room_id": "general", "user_id": "user-7", "session_id": Uuid::from_u128(7),
        "message": "not told"}]});
    backend.call(Method::POST, "/v1/heartbeats", Some(&busy)).await;
    let unheard = reader.next_within(QUIET).await;
    change(&backend, [], [7, 6]).await;
    let fewer = reader.next().await;
    change(&backend, [], [5]).await;
    let again = reader.next().await;
    change(&backend, [8], []).await;
    let diff = reader.next().await;

    assert!(!whole.block.contains("\"mode\"") && !again.block.contains("\"mode\""));
    assert_eq!(
        (joined.name.as_str(), unheard.map(|frame| frame.block)),
        ("diff", None)
    );
    assert_eq!(too_large.block, block_of_count("snapshot", &too_large.data, 6));
    assert_eq!(more.block, block_of_count("count", &more.data, 7));
    assert_eq!(fewer.block, block_of_count("count", &fewer.data, 5));
    assert_eq!(
        (
            again.name.as_str(),
            again.data["members"].as_array().map(Vec::len)
        ),
        ("snapshot", Some(4))
    );
    assert_eq!(diff.data["joined"][0]["user_id"], "user-8");
    for (reader, query) in [
        (&mut reader, "room=general"),
        (&mut both, "room=general&count=general"),
    ] {
        assert_eq!(reader.agrees(&alice, query).await, [""; 0]);
    }
}

/// As it is sent, at the epoch and the revision of this data.
fn block_of_count(name: &str, data: &Value, count: i32) -> String {
    let (epoch, revision) = (data["epoch"].as_str().unwrap_or("?"), &data["revision"]);
    let body = match name {
        "snapshot" => format!(
            "{{\"room_id\":\"general\",\"epoch\":\"{epoch}\",\"revision\":{revision},\"online_count\":{count},\
             \"members\":[],\"offline\":[],\"next\":null,\"mode\":\"count\"}}"
        ),
        _ => format!(
            "{{\"room_id\":\"general\",\"online_count\":{count},\"epoch\":\"{epoch}\",\"revision\":{revision}}}"
        ),
    };
    format!("event: {name}\nid: {epoch}.{revision}.count\ndata: {body}\n\n")
}

#[tokio::test]
async fn a_cursor_leads_into_counts_and_what_stands_for_a_count_leads_to_a_snapshot() {
    let Some(db) = TestDb::new().await else { return };
    people(&db.admin().await, 9).await;
    let nodes = [node(&db).await, node(&db).await];
    let backend = backend(&nodes[0]);
    change(&backend, 1..=3, []).await;
    let mut whole = open(&nodes[0].client("alice"), "room=general").await;
    let cursor = whole.next_of("snapshot").await.id.expect("a cursor");
    change(&backend, 4..=7, []).await;
    assert!(
        whole
            .until(|told| told.rooms.get("general") == Some(&Room::Count(7)))
            .await
    );

    let mut counts = vec![];
    for node in &nodes {
        for mut reader in resumed(&node.client("alice"), &cursor).await {
            let first = reader.next_of("snapshot").await;
            assert_eq!(
                (first.data["mode"].as_str(), &first.data["online_count"]),
                (Some("count"), &json!(7))
            );
            counts.push(first.id.expect("an id"));
        }
    }
    for id in &counts {
        for mut reader in resumed(&nodes[1].client("alice"), id).await {
            let first = reader.next_of("snapshot").await;
            assert_eq!(first.data["mode"], "count", "as large as before");
        }
    }
    change(&backend, [], 2..=7).await;
    for node in &nodes {
        for id in [&cursor, &counts[0]] {
            for mut reader in resumed(&node.client("alice"), id).await {
                let first = match id == &cursor {
                    true => reader.next_of("diff").await,
                    false => reader.next_of("snapshot").await,
                };
                assert_eq!(first.data["online_count"], 1);
                assert!(!first.block.contains("\"mode\""));
            }
        }
    }
}

/// By the query and by the header.
async fn resumed(client: &Client, id: &str) -> [Reader; 2] {
    let by_header = client.request(Method::GET, "/v1/stream?room=general");
    let by_header = by_header.header("last-event-id", id).send().await;
    [
        open(client, &format!("room=general@{id}")).await,
        Reader::new(by_header.expect("a stream")),
    ]
}

#[tokio::test]
async fn whoever_folds_what_is_told_of_a_room_that_grows_and_shrinks_ends_where_sql_is() {
    let Some(db) = TestDb::new().await else { return };
    people(&db.admin().await, 9).await;
    let nodes = [node(&db).await, node(&db).await];
    let backend = backend(&nodes[0]);
    let mut random = Random::seeded();
    let query = "room=general&count=general";
    let mut readers = vec![open(&nodes[0].client("alice"), query).await];
    let mut here = BTreeSet::new();
    let (mut turns, mut was_large) = (0, false);

    for round in 0..80 {
        let many = 1 + random.below(5);
        let (mut come, mut go) = (BTreeSet::new(), BTreeSet::new());
        for _ in 0..many {
            let n = 1 + random.below(9);
            if here.contains(&n) { &mut go } else { &mut come }.insert(n);
        }
        here = here.union(&come).copied().collect();
        here.retain(|n| !go.contains(n));
        turns += usize::from(was_large != (here.len() > 5));
        was_large = here.len() > 5;
        change(&backend, come, go).await;
        match random.below(6) {
            0 if readers.len() < 6 => {
                readers.push(open(&nodes[round % 2].client("bob"), query).await);
            }
            1 => {
                // Cut; goes on elsewhere from where it stands, if it stands anywhere.
                let at = random.below(readers.len() as u64) as usize;
                let before = readers.swap_remove(at);
                readers.push(resume(&nodes[round % 2].client("bob"), before).await);
            }
            2 => drop(readers[0].next_within(std::time::Duration::from_millis(30)).await),
            _ => {}
        }
    }

    println!("{turns} turns between whole and count, {} readers", readers.len());
    assert!(turns > 5, "the run was no run");
    for reader in &mut readers {
        assert_eq!(
            reader.agrees(&nodes[0].client("bob"), query).await,
            [""; 0],
            "SEED={}",
            random.seed()
        );
    }
}

async fn resume(client: &Client, before: Reader) -> Reader {
    let Some(Room::Whole(picture)) = before.told.rooms.get("general").cloned() else {
        return open(client, "room=general&count=general").await;
    };
    let query = format!("room=general@{}&count=general", picture.cursor);
    let mut reader = open(client, &query).await;
    reader.told.wrongs = before.told.wrongs;
    reader
        .told
        .rooms
        .insert("general".to_owned(), Room::Whole(picture));
    reader
}

//! From what happens in rooms to what is sent: all of it, nothing else, and nothing where nobody asked.

use std::collections::{BTreeMap, BTreeSet};

use nix::sys::signal::Signal;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio_postgres::Client as Sql;
use uuid::Uuid;

use super::{add, deliveries, node, receiver, time_passes, until};
use crate::support::{
    app::service_url,
    db::TestDb,
    node::{Node, Plan},
    receiver::{Receiver, Reply, Told},
    sql::{list, run, text},
};

/// `<type> <room or user>` of each.
fn kinds(told: &[Told]) -> Vec<String> {
    let kind = |told: &Told| {
        let (kind, data) = (told.kind(), told.json()["data"].clone());
        let about = if kind.starts_with("user") {
            "user_id"
        } else {
            "room_id"
        };
        format!("{kind} {}", data[about].as_str().expect("an id"))
    };
    told.iter().map(kind).collect()
}

/// The rows that are there because somebody may want to be told.
async fn written(sql: &Sql) -> String {
    let rows = "select (select count(*) from presence_private.edge) || ' ' || (select count(*) from presence_private.delivery)";
    text(sql, rows).await
}

/// Alice comes to the room by two tabs, and bob; both are sent away. All that is told of it.
async fn visits(db: &TestDb, sql: &Sql, receiver: &Receiver) -> Vec<Told> {
    let app = node(db).await;
    let (alice, bob) = (app.client("alice"), app.client("bob"));
    let said = json!({"status": "busy", "message": "whispered", "activity": "viewing", "data": {"k": "v"}});
    let mut statuses = vec![alice.beat("general", Uuid::new_v4(), said).await.0];
    receiver.told(3).await;
    statuses.push(alice.beat("general", Uuid::new_v4(), json!({})).await.0);
    statuses.push(bob.beat("general", Uuid::new_v4(), json!({})).await.0);
    receiver.told(5).await;
    assert_eq!(statuses, [StatusCode::OK; 3]);
    let leave = "select presence.leave_everywhere('alice'); select presence.remove_member('general', 'bob')";
    run(sql, leave).await;
    receiver.told(10).await
}

#[tokio::test]
async fn coming_and_going_is_told_once_and_of_a_room_in_order() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let (receiver, _, secret) = receiver(&sql).await;

    let told = visits(&db, &sql, &receiver).await;

    let mut found = kinds(&told);
    found.sort();
    let expected = [
        "member.joined general",
        "member.joined general",
        "member.left general",
        "member.left general",
        "room.empty general",
        "room.occupied general",
        "user.offline alice",
        "user.offline bob",
        "user.online alice",
        "user.online bob",
    ];
    assert_eq!(found, expected);
    assert!(told.iter().all(|one| one.is_signed_by(&secret)));
    let kinds = told.iter().map(Told::kind);
    let of_room: Vec<String> = kinds.filter(|kind| !kind.starts_with("user")).collect();
    let at = |kind: &str| of_room.iter().position(|one| one == kind).expect("told");
    let (occupied, left, empty) = (at("room.occupied"), at("member.left"), at("room.empty"));
    assert!(occupied < left && left < empty, "{of_room:?}");
}

#[tokio::test]
async fn what_is_told_holds_ids_and_public_fields_alone() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let (receiver, ..) = receiver(&sql).await;
    let profile = "update event_app.users set avatar_url = 'https://example.com/a.png', email = 'secret@example.com' where id = 'alice'";
    run(&sql, profile).await;

    let told = visits(&db, &sql, &receiver).await;

    let of = |kind: &str, user: Value| {
        let mut all = told.iter().map(Told::json);
        let one = all.find(|one| one["type"] == kind && one["data"]["user_id"] == user);
        one.expect(kind)["data"].clone()
    };
    let public = json!({"user_id": "alice", "name": "Alice Adams", "avatar_url": "https://example.com/a.png",
                        "room_id": "general", "event_id": "gala"});
    let mut left = public.clone();
    left["reason"] = json!("logged_out");
    let room = json!({"room_id": "general", "event_id": "gala"});
    for (kind, user, data) in [
        ("member.joined", json!("alice"), &public),
        ("user.online", json!("alice"), &public),
        ("member.left", json!("alice"), &left),
        ("user.offline", json!("alice"), &left),
        ("room.occupied", Value::Null, &room),
        ("room.empty", Value::Null, &room),
    ] {
        assert_eq!(of(kind, user), *data, "{kind}");
    }
    assert_eq!(of("member.left", json!("bob"))["reason"], "removed");
    for one in &told {
        let body = String::from_utf8_lossy(&one.body).into_owned();
        for word in ["whispered", "viewing", "busy", "secret@"] {
            assert!(!body.contains(word), "{body}");
        }
    }
}

#[tokio::test]
async fn where_there_is_no_endpoint_nothing_is_written() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let come_and_go = "select presence.heartbeat('general', 'alice', gen_random_uuid()); select presence.leave_everywhere('alice')";

    run(&sql, come_and_go).await;
    let without = written(&sql).await;
    let (webhook, _) = add(&sql, "https://app.example.com/", "").await;
    run(&sql, come_and_go).await;
    let with = written(&sql).await;
    run(
        &sql,
        &format!("delete from presence_private.edge; select presence.disable_webhook({webhook})"),
    )
    .await;
    run(&sql, come_and_go).await;
    let disabled = written(&sql).await;
    run(
        &sql,
        &format!("select presence.enable_webhook({webhook}); select presence.remove_webhook({webhook})"),
    )
    .await;
    run(&sql, come_and_go).await;
    let removed = written(&sql).await;

    assert_eq!(
        [without.as_str(), &with, &disabled, &removed],
        ["0 0", "6 0", "0 0", "0 0"]
    );
}

#[tokio::test]
async fn what_is_rolled_back_is_told_to_nobody() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let (receiver, ..) = receiver(&sql).await;
    let _node = node(&db).await;

    run(
        &sql,
        "begin; select presence.heartbeat('general', 'alice', gen_random_uuid()); rollback",
    )
    .await;
    assert_eq!(written(&sql).await, "0 0");
    run(
        &sql,
        "begin; select presence.heartbeat('planning', 'alice', gen_random_uuid()); commit",
    )
    .await;
    receiver.told(3).await;

    let rooms: BTreeSet<String> = receiver
        .so_far()
        .iter()
        .map(|told| told.json()["data"]["room_id"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!(rooms, BTreeSet::from(["planning".to_owned()]));
}

#[tokio::test]
async fn who_goes_from_room_to_room_does_not_go_offline() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let receiver = Receiver::start().await;
    add(&sql, &receiver.url(), ", types => '{user.online,user.offline}'").await;
    let _node = node(&db).await;
    let go = async |statements: &str| run(&sql, statements).await;

    go("select presence.heartbeat('general', 'alice', '00000000-0000-4000-8000-000000000001')").await;
    receiver.told(1).await;
    go("select presence.leave('general', 'alice', '00000000-0000-4000-8000-000000000001')").await;
    go("select presence.heartbeat('planning', 'alice', '00000000-0000-4000-8000-000000000002')").await;
    go("select presence.leave('planning', 'alice', '00000000-0000-4000-8000-000000000002')").await;
    receiver.told(2).await;
    until(&sql, "select count(*)::text from presence_private.edge", "0").await;
    until(
        &sql,
        "select count(*)::text from presence_private.delivery where ended_at is null",
        "0",
    )
    .await;

    let told = receiver.so_far();
    assert_eq!(kinds(&told), ["user.online alice", "user.offline alice"]);
    assert_eq!(told[1].json()["data"]["room_id"], "planning", "left last");
}

/// A join that began within the grace, and is committed after it: whoever was told that she went is told that she is here.
#[tokio::test]
async fn whoever_is_back_in_time_by_a_transaction_that_ends_later_is_told_of_as_online_again() {
    let Some(db) = TestDb::new().await else { return };
    let (sql, slow) = (db.admin().await, db.admin().await);
    add(
        &sql,
        "https://app.example.com/",
        ", types => '{user.online,user.offline}'",
    )
    .await;
    let at = "'general', 'alice', '00000000-0000-4000-8000-000000000001'";
    let expand = "select presence.expand_edges(1000, '1 s')";
    let told = "select string_agg(type, ' ' order by delivery_id) from presence_private.delivery";
    run(&sql, &format!("select presence.heartbeat({at})")).await;
    run(&sql, expand).await;
    run(&sql, &format!("select presence.leave({at})")).await;

    run(
        &slow,
        "begin; select presence.heartbeat('planning', 'alice', gen_random_uuid())",
    )
    .await;
    let due =
        "select (now() >= at + interval '1 s')::text from presence_private.edge where what = 'user.offline'";
    until(&sql, due, "true").await;
    run(&sql, expand).await;
    assert_eq!(text(&sql, told).await, "user.online user.offline");
    run(&slow, "commit").await;
    run(&sql, expand).await;

    assert_eq!(text(&sql, told).await, "user.online user.offline user.online");
    let kept = "select count(*)::text from presence_private.offline";
    assert_eq!(text(&sql, kept).await, "0");
}

#[tokio::test]
async fn notifications_of_watchers_are_told_too() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let receiver = Receiver::start().await;
    add(
        &sql,
        &receiver.url(),
        ", types => '{notification}', user_ids => '{bob}'",
    )
    .await;
    run(
        &sql,
        "select presence.watch('bob', 'alice'); select presence.watch('carol', 'alice')",
    )
    .await;
    let _node = node(&db).await;

    run(
        &sql,
        "select presence.heartbeat('general', 'alice', gen_random_uuid())",
    )
    .await;
    let told = receiver.told(1).await;
    until(&sql, "select count(*)::text from presence_private.edge", "0").await;

    let mut data = told[0].json()["data"].clone();
    let id = data["id"].take();
    let row = "select notification_id::text from presence_private.notification where watcher_id = 'bob'";
    assert_eq!(id, json!(text(&sql, row).await));
    assert_eq!(
        data,
        json!({"id": null, "kind": "online", "watcher_id": "bob", "user_id": "alice", "name": "Alice Adams",
               "avatar_url": null, "room_id": "general", "event_id": "gala"})
    );
    assert_eq!(receiver.so_far().len(), 1);
}

/// An endpoint that fails, hangs and comes back, and a node that is killed with deliveries in hand: what the endpoint has
/// noted then is what Postgres remembers.
#[tokio::test]
async fn the_log_of_an_endpoint_that_was_away_equals_the_visits() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let receiver = Receiver::start().await;
    add(&sql, &receiver.url(), ", types => '{member.joined,member.left}'").await;
    let plan = Plan::new(&service_url(db.url())).set("PRESENCE_WEBHOOK_NETWORKS", "127.0.0.0/8");
    let visit = async |room: &str, user: &str| {
        run(&sql, &format!("select presence.heartbeat('{room}', '{user}', gen_random_uuid()); select presence.leave_everywhere('{user}')")).await;
    };
    let dead = Node::start(&plan).await;

    receiver.answer(Reply::Status(500));
    visit("general", "alice").await;
    visit("planning", "bob").await;
    receiver.told(2).await;
    receiver.answer(Reply::Silence);
    visit("general", "carol").await;
    visit("general", "alice").await;
    time_passes(&sql).await;
    receiver.told(3).await;
    dead.signal(Signal::SIGKILL);
    drop(dead);
    visit("planning", "alice").await;
    receiver.answer(Reply::Status(200));
    let _other = Node::start(&plan).await;
    until(&sql, "select count(*)::text from presence_private.edge", "0").await;
    time_passes(&sql).await;
    until(
        &sql,
        "select count(*)::text from presence_private.delivery where state = 'delivered'",
        "10",
    )
    .await;

    // What it took, as a receiver does that remembers ids: each once.
    let taken: BTreeSet<String> = list(
        &sql,
        "select 'msg_' || replace(message_id::text, '-', '') from presence_private.delivery",
    )
    .await
    .into_iter()
    .collect();
    let mut log: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for told in receiver.so_far().iter().rev() {
        if seen.insert(told.id.clone()) {
            let (kind, data) = (told.kind(), told.json()["data"].clone());
            let word = |name: &str| data[name].as_str().expect("text").to_owned();
            log.entry(word("room_id"))
                .or_default()
                .push(format!("{kind} {}", word("user_id")));
        }
    }
    log.values_mut().for_each(|of_room| of_room.reverse());
    assert_eq!(seen, taken);
    let visits =
        "select v.room_id || ' ' || v.user_id from presence_private.visit v order by v.room_id, v.began_at";
    let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for visit in list(&sql, visits).await {
        let (room, user) = visit.split_once(' ').expect("two words");
        let of_room = expected.entry(room.to_owned()).or_default();
        of_room.extend([format!("member.joined {user}"), format!("member.left {user}")]);
    }
    assert_eq!(log, expected, "{:?}", deliveries(&sql).await);
    assert_eq!(expected.values().map(Vec::len).sum::<usize>(), 10);
}

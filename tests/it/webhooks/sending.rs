//! What is sent, to whom, how often, and signed by whom.

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;

use super::{add, deliveries, happen, happens, node, receiver, until};
use crate::support::{
    db::TestDb,
    receiver::{Receiver, Reply},
    sql::{run, text},
};

#[tokio::test]
async fn a_delivery_is_signed_by_every_secret_that_is_good_and_by_no_other() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let (receiver, webhook, first) = receiver(&sql).await;
    let _node = node(&db).await;
    let rotate = async |keep: &str| {
        let call = format!("select presence.rotate_webhook_secret({webhook}, '{keep}')");
        text(&sql, &call).await
    };
    let test = async |count: usize| {
        run(&sql, &format!("select presence.test_webhook({webhook})")).await;
        receiver.told(count).await.pop().expect("the last")
    };

    let by_one = test(1).await;
    let second = rotate("1 hour").await;
    let by_two = test(2).await;
    let third = rotate("0").await;
    let by_the_third = test(3).await;

    let signed = |told: &crate::support::receiver::Told| {
        [&first, &second, &third].map(|secret| told.is_signed_by(secret))
    };
    assert_eq!(signed(&by_one), [true, false, false]);
    assert_eq!(signed(&by_two), [true, true, false]);
    assert_eq!(signed(&by_the_third), [false, false, true]);
    assert_eq!(by_one.signature.split(' ').count(), 1);
    assert_eq!(by_one.path, "/hooks?from=presence");
    let age = "select abs(extract(epoch from now()) - $1::text::bigint) < 60";
    let row = sql.query_one(age, &[&by_one.timestamp]).await.expect("an age");
    assert!(row.get::<_, bool>(0), "{}", by_one.timestamp);
    assert_eq!(by_one.json()["type"], "webhook.test");
    assert_eq!(by_one.json()["data"], json!({"webhook_id": webhook.to_string()}));
}

#[tokio::test]
async fn two_nodes_send_each_delivery_once() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let (receiver, ..) = receiver(&sql).await;
    let _nodes = (node(&db).await, node(&db).await);

    happen(&sql, 150).await;
    let none_left = "select count(*)::text from presence_private.delivery where ended_at is null";
    until(&sql, none_left, "0").await;

    let told = receiver.so_far();
    let ids: BTreeSet<&String> = told.iter().map(|told| &told.id).collect();
    assert_eq!((told.len(), ids.len()), (150, 150));
    let tries = "select max(attempts)::text from presence_private.delivery";
    assert_eq!(text(&sql, tries).await, "1");
}

#[tokio::test]
async fn each_endpoint_is_told_what_its_filters_say() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let everything = Receiver::start().await;
    add(&sql, &everything.url(), "").await;
    let filters = [
        (
            "types => '{member.joined,room.empty}'",
            vec!["joined general alice", "joined elsewhere bob", "empty general "],
        ),
        ("room_ids => '{elsewhere}'", vec!["joined elsewhere bob"]),
        (
            "event_ids => '{gala}'",
            vec!["joined general alice", "left general alice", "empty general "],
        ),
        (
            "user_ids => '{alice}'",
            vec!["joined general alice", "left general alice"],
        ),
        (
            "user_ids => '{alice}', types => '{member.left}'",
            vec!["left general alice"],
        ),
    ];
    let mut receivers = vec![];
    for (filter, _) in &filters {
        let receiver = Receiver::start().await;
        add(&sql, &receiver.url(), &format!(", {filter}")).await;
        receivers.push(receiver);
    }
    let _node = node(&db).await;

    let news = [
        ("member.joined", "general", "alice"),
        ("member.joined", "elsewhere", "bob"),
        ("member.left", "general", "alice"),
        ("room.empty", "general", ""),
    ];
    assert_eq!(happens(&sql, &news).await, 4 + 3 + 1 + 3 + 2 + 1);
    until(
        &sql,
        "select count(*)::text from presence_private.delivery where ended_at is null",
        "0",
    )
    .await;

    assert_eq!(everything.so_far().len(), 4);
    for ((filter, expected), receiver) in filters.iter().zip(&receivers) {
        let told = |told: crate::support::receiver::Told| {
            let (kind, data) = (told.kind(), told.json()["data"].clone());
            let what = kind.split('.').next_back().expect("a word").to_owned();
            let id = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
            format!("{what} {} {}", id("room_id"), id("user_id"))
        };
        let mut found: Vec<String> = receiver.so_far().into_iter().map(told).collect();
        let mut expected = expected.clone();
        found.sort();
        expected.sort_unstable();
        assert_eq!(found, expected, "{filter}");
    }
}

#[tokio::test]
async fn a_room_is_told_in_order_whatever_fails_and_no_other_waits_for_it() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let (receiver, ..) = receiver(&sql).await;
    receiver.answer(Reply::Status(500));
    let _node = node(&db).await;
    let news = [
        ("room.occupied", "general", ""),
        ("room.empty", "general", ""),
        ("room.occupied", "general", ""),
        ("room.empty", "general", ""),
    ];
    happens(&sql, &news[..2]).await;
    receiver.told(1).await;
    receiver.answer(Reply::Status(200));
    happens(&sql, &news[2..]).await;

    // Another room's; with it the endpoint is back, and what failed is tried at once.
    happens(&sql, &[("room.empty", "planning", "")]).await;
    until(
        &sql,
        "select count(*)::text from presence_private.delivery where state = 'delivered'",
        "5",
    )
    .await;

    let told = receiver.so_far();
    let of_general: Vec<String> = told
        .iter()
        .filter(|told| told.json()["data"]["room_id"] == "general")
        .map(|told| told.kind())
        .collect();
    let expected = [
        "room.occupied",
        "room.occupied",
        "room.empty",
        "room.occupied",
        "room.empty",
    ];
    assert_eq!(of_general, expected, "{:?}", deliveries(&sql).await);
    assert_eq!(
        told[0].id,
        told.iter()
            .skip(1)
            .find(|told| told.kind() == "room.occupied")
            .expect("again")
            .id
    );
}

#[tokio::test]
async fn an_endpoint_that_hangs_keeps_no_other_from_being_told() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let (hung, number, _) = receiver(&sql).await;
    hung.answer(Reply::Silence);
    let (well, ..) = receiver(&sql).await;
    let _node = super::node_within(&db, Duration::from_secs(300)).await;

    happen(&sql, 100).await;
    let told = well.told(100).await;

    assert_eq!(told.len(), 100);
    let under_way = format!(
        "select count(*)::text from presence_private.delivery where state = 'sending' and webhook_id = {number}"
    );
    assert_eq!(text(&sql, &under_way).await, "8", "of the one that hangs");
}

#[tokio::test]
async fn what_was_told_is_told_again_on_request_with_the_same_id() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let (receiver, webhook, secret) = receiver(&sql).await;
    let _node = node(&db).await;
    happens(&sql, &[("member.joined", "general", "alice")]).await;
    let over = "select count(*)::text from presence_private.delivery where state = 'delivered'";
    until(&sql, over, "1").await;
    let again = async |arguments: &str| {
        text(
            &sql,
            &format!("select presence.redeliver_webhook({webhook}{arguments})::text"),
        )
        .await
    };

    assert_eq!(again("").await, "0", "nothing was given up");
    assert_eq!(again(", delivery_id => 999").await, "0");
    assert_eq!(again(", delivered => true, since => now() + '1 s'").await, "0");
    assert_eq!(
        again(", delivered => true, since => now() - interval '1 h'").await,
        "1"
    );
    receiver.told(2).await;
    until(&sql, over, "1").await;
    let one = text(&sql, "select delivery_id::text from presence_private.delivery").await;
    assert_eq!(again(&format!(", delivery_id => {one}")).await, "1");

    let told = receiver.told(3).await;
    assert!(
        told.iter()
            .all(|one| one.id == told[0].id && one.is_signed_by(&secret))
    );
    assert!(told.iter().all(|one| one.body == told[0].body));
}

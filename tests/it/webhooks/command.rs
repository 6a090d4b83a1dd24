//! `pg-presence webhooks`, as an operator uses it: with the login of a node.

use std::process::{Command, Output};

use serde_json::{Value, json};

use super::{happens, node, until};
use crate::support::{
    app::service_url,
    db::TestDb,
    receiver::{Receiver, Reply},
    sql::text,
};

/// Runs it beside this test's runtime, which the receiver and the node need meanwhile.
async fn webhooks(db: &TestDb, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pg-presence"));
    command
        .arg("webhooks")
        .args(arguments)
        .env_clear()
        .env("DATABASE_URL", service_url(db.url()));
    tokio::task::spawn_blocking(move || command.output().expect("the binary runs"))
        .await
        .expect("it does not panic")
}

fn out(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn parsed(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Adds one: its number and its secret.
async fn added(db: &TestDb, receiver: &Receiver, filters: &[&str]) -> (String, String) {
    let output = webhooks(db, &[&["add", &receiver.url(), "--json"], filters].concat()).await;
    let added = parsed(&output);
    let secret = added["secret"].as_str().expect("a secret").to_owned();
    (added["webhook_id"].to_string(), secret)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_adds_a_webhook_tries_it_and_sees_how_it_does() {
    let Some(db) = TestDb::new().await else { return };
    let receiver = Receiver::start().await;
    let _node = node(&db).await;

    let none = out(&webhooks(&db, &["list"]).await);
    let filters = ["--types", "member.joined,member.left", "--rooms", "general"];
    let (number, secret) = added(
        &db,
        &receiver,
        &[&filters[..], &["--description", "our CRM"]].concat(),
    )
    .await;
    let tested = webhooks(&db, &["test", &number, "--json"]).await;
    receiver.answer(Reply::Status(404));
    let refused = webhooks(&db, &["test", &number]).await;
    let listed = webhooks(&db, &["list", "--json"]).await;
    let words = out(&webhooks(&db, &["list", &number]).await);

    assert!(none.contains("There are no webhooks"), "{none}");
    assert_eq!(tested.status.code(), Some(0));
    assert_eq!(parsed(&tested)["state"], "delivered");
    assert!(receiver.so_far()[0].is_signed_by(&secret));
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&refused.stdout),
        "It was not taken: it answered 404 Not Found. It is tried again.\n"
    );
    let hook = parsed(&listed)["webhooks"][0].clone();
    let told = ["types", "room_ids", "event_ids", "description", "secrets"].map(|name| hook[name].clone());
    assert_eq!(
        json!(told),
        json!([["member.joined", "member.left"], ["general"], null, "our CRM", 1])
    );
    for line in [
        "failing since",
        "rooms       general",
        "webhook.test   delivered after 1 attempts",
        "it answered 404",
    ] {
        assert!(words.contains(line), "{line}: {words}");
    }
    assert!(!words.contains("whsec_") && !String::from_utf8_lossy(&listed.stdout).contains("whsec_"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_changes_the_secret_of_a_webhook_stops_it_and_removes_it() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let receiver = Receiver::start().await;
    let (number, first) = added(&db, &receiver, &[]).await;
    let _node = node(&db).await;

    let rotated = parsed(&webhooks(&db, &["rotate", &number, "--now", "--json"]).await);
    out(&webhooks(&db, &["test", &number]).await);
    out(&webhooks(&db, &["disable", &number, "--why", "moving house"]).await);
    let disabled = out(&webhooks(&db, &["list"]).await);
    let refused = webhooks(&db, &["test", &number]).await;
    let enabled = out(&webhooks(&db, &["enable", &number]).await);
    out(&webhooks(&db, &["test", &number]).await);
    out(&webhooks(&db, &["remove", &number]).await);
    let again = webhooks(&db, &["remove", &number]).await;

    let second = rotated["secret"].as_str().expect("a secret");
    let told = receiver.so_far();
    assert_eq!(told.len(), 2);
    assert!(
        told.iter()
            .all(|one| one.is_signed_by(second) && !one.is_signed_by(&first))
    );
    assert!(disabled.contains("moving house"), "{disabled}");
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("is disabled"), "{said}");
    assert_eq!(enabled, format!("webhook {number} is enabled\n"));
    assert_eq!(again.status.code(), Some(1));
    // A node clears up behind it.
    let rows = "select (select count(*) from presence_private.delivery) || ' ' || (select count(*) from presence_private.webhook)";
    until(&sql, rows, "0 0").await;
    let secrets = "select count(*)::text from presence_private.webhook_secret";
    assert_eq!(text(&sql, secrets).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_is_sent_again_by_one_command() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let receiver = Receiver::start().await;
    receiver.answer(Reply::Status(500));
    let added = parsed(&webhooks(&db, &["add", &receiver.url(), "--json"]).await);
    let number = added["webhook_id"].to_string();
    happens(
        &sql,
        &[("room.empty", "general", ""), ("room.empty", "planning", "")],
    )
    .await;
    let given_up = "update presence_private.delivery set attempts = 9";
    sql.batch_execute(given_up).await.expect("an arrangement");
    let _node = node(&db).await;
    until(
        &sql,
        "select count(*)::text from presence_private.delivery where state = 'failed'",
        "2",
    )
    .await;

    let failed = parsed(&webhooks(&db, &["list", &number, "--failed", "--json"]).await);
    assert_eq!(failed["deliveries"].as_array().map(Vec::len), Some(2), "{failed}");
    receiver.answer(Reply::Status(200));
    let one = failed["deliveries"][0]["delivery_id"].to_string();
    let again = out(&webhooks(&db, &["redeliver", &number, "--delivery", &one]).await);
    assert_eq!(again, "1 delivery is sent again\n");
    until(
        &sql,
        "select string_agg(state, ' ' order by delivery_id) from presence_private.delivery",
        "failed delivered",
    )
    .await;
    let rest = parsed(&webhooks(&db, &["redeliver", &number, "--since", "1h", "--json"]).await);
    assert_eq!(rest, json!({"redelivered": 1}));
    until(
        &sql,
        "select string_agg(state, ' ' order by delivery_id) from presence_private.delivery",
        "delivered delivered",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_said_in_words_of_our_own() {
    let Some(db) = TestDb::new().await else { return };

    for (arguments, words) in [
        (&["add", "ftp://app.example/"][..], "url must be https://"),
        (
            &["add", "https://app.example/", "--types", "nothing"],
            "types must be some of member.joined",
        ),
        (&["test", "7"], "there is no webhook 7"),
        (&["list", "7"], "there is no webhook 7"),
        (&["rotate", "7"], "there is no webhook 7"),
        (&["remove", "7"], "there is no webhook 7"),
    ] {
        let refused = webhooks(&db, arguments).await;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains(words), "{said}");
    }
}

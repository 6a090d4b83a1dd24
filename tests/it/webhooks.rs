//! Webhooks: others are told what happens, signed, at least once, and nobody is told who must not be.

mod command;
mod delays;
mod failures;
mod outbox;
mod places;
mod sending;

use std::time::{Duration, Instant};

use tokio_postgres::Client;

use pg_presence::domain::Network;

use crate::support::{
    app::{TestApp, service_url},
    db::TestDb,
    receiver::Receiver,
    sql::{list, run, text},
};

/// Longer than anything takes that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A node that may tell others on this machine.
async fn node(db: &TestDb) -> TestApp {
    node_within(db, Duration::from_secs(15)).await
}

/// As [`node`], with so much time for whoever is told.
async fn node_within(db: &TestDb, timeout: Duration) -> TestApp {
    TestApp::start_with(&service_url(db.url()), |settings| {
        settings.webhook_networks = vec![Network::parse("127.0.0.0/8").expect("a network")];
        settings.webhook_timeout = timeout;
    })
    .await
}

/// A webhook of this URL: its number and its secret. `filters` are further arguments.
async fn add(sql: &Client, url: &str, filters: &str) -> (i64, String) {
    let call = format!("select webhook_id, secret from presence.add_webhook('{url}'{filters})");
    let row = sql.query_one(&call, &[]).await.expect(&call);
    (row.get(0), row.get(1))
}

/// Something happened: each `(what, room, user)` in turn.
async fn happens(sql: &Client, news: &[(&str, &str, &str)]) -> i32 {
    let row = |(what, room, user): &(&str, &str, &str)| {
        let reason = if *what == "member.left" { "'left'" } else { "null" };
        let user = if user.is_empty() {
            "null".to_owned()
        } else {
            format!("'{user}'")
        };
        format!("row(now(), '{what}', '{room}', {user}, {reason}, null, null)::presence_private.news")
    };
    let rows: Vec<String> = news.iter().map(row).collect();
    let call = format!(
        "select presence_private.queue_deliveries(array[{}])",
        rows.join(", ")
    );
    sql.query_one(&call, &[]).await.expect(&call).get(0)
}

/// So many of these happened, each in a lane of its own.
async fn happen(sql: &Client, count: usize) {
    let rooms: Vec<String> = (0..count).map(|nth| format!("room {nth}")).collect();
    let news: Vec<_> = rooms
        .iter()
        .map(|room| ("room.empty", room.as_str(), ""))
        .collect();
    happens(sql, &news).await;
}

/// Waits until a question of one text is answered so.
async fn until(sql: &Client, question: &str, answer: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = text(sql, question).await;
        if found == answer {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{question}: {found}, not {answer}; {:?}",
            deliveries(sql).await
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// `<type> <state> <attempts> <error>` of each delivery, in their order.
async fn deliveries(sql: &Client) -> Vec<String> {
    let question = "select concat_ws(' ', type, state, attempts, error) from presence_private.delivery order by delivery_id";
    list(sql, question).await
}

/// What waits for another try is due now: the clock of the outbox moves on.
async fn time_passes(sql: &Client) {
    run(
        sql,
        "update presence_private.delivery set due_at = now() where due_at is not null",
    )
    .await;
}

/// Waits until the first delivery was tried so often, and no try is under way.
async fn tried(sql: &Client, attempts: i32) {
    let question =
        "select state || ' ' || attempts from presence_private.delivery order by delivery_id limit 1";
    until(sql, question, &format!("waiting {attempts}")).await;
}

/// A receiver, and a webhook of it without filters.
async fn receiver(sql: &Client) -> (Receiver, i64, String) {
    let receiver = Receiver::start().await;
    let (webhook, secret) = add(sql, &receiver.url(), "").await;
    (receiver, webhook, secret)
}

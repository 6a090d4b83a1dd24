//! A transaction that somebody leaves open in the same database.

use std::time::{Duration, Instant};

use pg_presence::doctor::{self, Options};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_postgres::Client as Postgres;
use uuid::Uuid;

use crate::{
    batch::people,
    support::{
        app::TestApp,
        client::Client,
        db::TestDb,
        server::connect,
        sql::{list, run},
    },
};

const PEOPLE: u16 = 200;
/// Of renewals of everybody, in each part.
const ROUNDS: u64 = 40;
/// Of a renewal that leaves its old version behind: the row, its place in the page, and as much again.
const ROW_BYTES_MAX: u64 = 600;

async fn bytes(admin: &Postgres) -> u64 {
    let size = "select pg_total_relation_size('presence_private.session')::text";
    list(admin, size).await[0].parse().expect("a number")
}

/// All renew, again and again; how long each round took.
async fn rounds(backend: &Client) -> Vec<Duration> {
    let item =
        |n| json!({"room_id": "general", "user_id": format!("user-{n}"), "session_id": Uuid::from_u128(n)});
    let items = json!({"items": (1..=u128::from(PEOPLE)).map(item).collect::<Vec<_>>()});
    let mut took = vec![];
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        let (status, answer) = backend.call(Method::POST, "/v1/heartbeats", Some(&items)).await;
        took.push(begin.elapsed());
        assert_eq!(status, StatusCode::OK);
        let all = answer["items"].as_array().expect("items");
        let refused: Vec<&Value> = all.iter().filter(|item| item["status"] != "active").collect();
        assert_eq!(refused, Vec::<&Value>::new());
    }
    took.sort();
    took
}

/// FAULTS 18. Old versions of rows cannot be removed meanwhile: the table grows by what is written, all calls are answered,
/// an operator is told whose the transaction is, and once that is over the table grows no more.
#[tokio::test]
async fn while_somebody_holds_a_transaction_open_all_is_answered_and_it_has_a_name() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    people(&admin, PEOPLE.into()).await;
    let claims = json!({"sub": "alice", "scope": "presence:write"});
    let backend = app.client("alice").with_claims(claims);
    rounds(&backend).await;
    let (before, usual) = (bytes(&admin).await, rounds(&backend).await);
    let alone = bytes(&admin).await - before;

    let holder = connect(&format!("{}?application_name=report", db.url())).await;
    let holder = holder.expect("it answers");
    run(
        &holder,
        "begin isolation level repeatable read; select count(*) from event_app.users",
    )
    .await;
    let start = bytes(&admin).await;
    let held = rounds(&backend).await;
    let grown = bytes(&admin).await - start;
    let impatient = Options {
        held_max: Duration::ZERO,
        ..Options::new(db.url())
    };
    let findings = doctor::examine(&impatient).await;
    run(&holder, "rollback").await;
    run(&admin, "vacuum presence_private.session").await;
    let peak = bytes(&admin).await;
    rounds(&backend).await;
    let later = bytes(&admin).await;

    let middle = |took: &[Duration]| took[took.len() / 2];
    println!(
        "{PEOPLE} renewals took {:?}, and {:?} while a transaction was open; the table grew by {alone} and by {grown} bytes",
        middle(&usual),
        middle(&held)
    );
    let renewals = ROUNDS * u64::from(PEOPLE);
    assert!(
        grown <= renewals * ROW_BYTES_MAX,
        "{grown} bytes for {renewals} renewals"
    );
    assert!(later <= peak, "it grows on: {peak} became {later}");
    let found = findings
        .iter()
        .find(|found| found.check == "server.old_transactions");
    let says = found.map_or("", |found| &found.says);
    assert!(says.contains("report, idle in transaction"), "{findings:#?}");
}

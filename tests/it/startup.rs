//! What a node says to whoever starts it for the first time.

use std::time::Duration;

use reqwest::StatusCode;
use tokio::time::timeout;

use crate::support::{
    app::{TEST_SLACK, TestApp, service_url},
    cable::{Cable, Mode},
    db::{TestDb, with_database},
};

#[tokio::test]
async fn a_node_that_cannot_start_says_why_and_what_to_do() {
    let Some(db) = TestDb::new().await else { return };
    let Some(empty) = TestDb::empty().await else {
        return;
    };
    let nobody = db.login("presence_test_nobody", "").await;
    let tls = format!("{}?sslmode=require", db.url());

    for (url, words) in [
        ("postgres://x@127.0.0.1:1/x", "Connection refused"),
        (
            &*with_database(db.url(), "no_such_database"),
            "\"no_such_database\" does not exist",
        ),
        (empty.url(), "run `pg-presence migrate` first"),
        (&*nobody, "grant presence_service to presence_test_nobody"),
        (&*tls, "sslmode=require"),
    ] {
        let refusal = TestApp::refusal(url).await;

        assert!(refusal.contains(words), "{refusal}");
        assert!(!refusal.contains("postgres://"), "{refusal}");
    }
}

#[tokio::test]
async fn a_node_starts_on_a_database_whose_data_a_crash_has_emptied() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    admin
        .batch_execute("delete from presence_private.epoch; delete from presence_private.room")
        .await
        .expect("as after a crash");

    assert_eq!(TestApp::refusal(&service_url(db.url())).await, "it starts");
}

/// A way that swallows everything may heal, so it keeps no node from starting: the node is not ready until it does.
#[tokio::test]
async fn a_node_starts_though_its_listeners_way_is_deaf_and_is_ready_once_it_is_not() {
    let Some(db) = TestDb::new().await else { return };
    let url = service_url(db.url());
    let (cable, cabled) = Cable::around(&url).await;
    cable.set(Mode::Swallow);

    let starting = TestApp::start_with(&url, |settings| settings.listen_database_url = Some(cabled));
    let app = timeout(Duration::from_secs(8) * TEST_SLACK, starting).await;

    let app = app.expect("it does not wait for ever");
    let is_ready = async || app.client("alice").get("/readyz").await.0 == StatusCode::OK;
    assert!(!is_ready().await);
    cable.set(Mode::Pass);
    let healed = async {
        while !is_ready().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(10) * TEST_SLACK, healed)
        .await
        .expect("it hears again");
}

//! What a node says to whoever starts it for the first time.

use crate::support::{
    app::{TestApp, service_url},
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

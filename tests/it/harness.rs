//! What the other tests stand on.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use crate::support::{
    db::{TestDb, with_database},
    server::{Container, Lacking, connect, skip},
};

#[tokio::test]
async fn each_test_has_a_database_of_its_own() {
    let Some(first) = TestDb::new().await else { return };
    let others = join_all((0..8).map(|n| TestDb::with_ids(["text", "uuid", "bigint"][n % 3]))).await;

    let admin = first.admin().await;
    admin
        .batch_execute("create table mine ()")
        .await
        .expect("a table");

    for other in others.iter().flatten() {
        assert_ne!(other.name(), first.name());
        let seen = other
            .admin()
            .await
            .query_one("select to_regclass('mine') is null", &[])
            .await;
        assert!(seen.expect("the catalogue answers").get::<_, bool>(0));
    }
}

#[tokio::test]
async fn a_finished_test_leaves_no_database() {
    let Some(db) = TestDb::new().await else { return };
    let (name, url) = (db.name().to_owned(), with_database(db.url(), "postgres"));
    let pool = db.admin().await;
    let admin = connect(&url).await.expect("the server answers");

    drop(db);

    let deadline = Instant::now() + Duration::from_secs(30);
    let count = "select from pg_database where datname = $1";
    while !admin
        .query(count, &[&name])
        .await
        .expect("the catalogue answers")
        .is_empty()
    {
        assert!(Instant::now() < deadline, "{name} is still there");
        sleep(Duration::from_millis(20)).await;
    }
    drop(pool);
}

#[tokio::test]
async fn testcontainers_give_a_postgres() {
    let Some(container) = Container::start().await else {
        return skip(Lacking::Docker);
    };

    let client = connect(container.url()).await.expect("the container answers");

    let settings = client
        .query_one(
            "select current_setting('fsync'), current_setting('max_connections')",
            &[],
        )
        .await;
    let settings = settings.expect("settings are shown");
    assert_eq!(
        (settings.get::<_, &str>(0), settings.get::<_, &str>(1)),
        ("off", "300")
    );
}

#[test]
fn a_url_is_led_to_another_database() {
    for (url, expected) in [
        ("postgres://u:p@h:1/a", "postgres://u:p@h:1/b"),
        ("postgres://u:p@h:1", "postgres://u:p@h:1/b"),
        (
            "postgresql://h/a?sslmode=disable&application_name=x/y",
            "postgresql://h/b?sslmode=disable&application_name=x/y",
        ),
    ] {
        assert_eq!(with_database(url, "b"), expected);
    }
}

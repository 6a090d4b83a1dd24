//! A lock that somebody else holds: waited for as long as was said, then given up, with nothing half done.

use std::time::Duration;

use pg_presence::migrate::{self, MigrateOptions};

use super::{bring, earlier, is_current, run, schema};
use crate::support::db::TestDb;

const SHORT: Duration = Duration::from_millis(300);

fn short() -> MigrateOptions {
    MigrateOptions {
        lock_timeout: SHORT,
        ..MigrateOptions::default()
    }
}

fn assert_clear(error: &anyhow::Error, step: &str) {
    let error = format!("{error:#}");
    for words in ["gave up after 300 ms", "--lock-timeout", "lock timeout", step] {
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[tokio::test]
async fn a_migration_that_cannot_have_its_lock_gives_up_and_leaves_nothing_half_done() {
    let (_, first) = earlier::states().swap_remove(0);
    let Some(db) = TestDb::empty().await else { return };
    let sql = db.admin().await;
    run(&sql, &first).await;
    let (status, before) = (
        migrate::status(db.url()).await.expect("a status"),
        schema(&sql).await,
    );
    let reader = db.admin().await;
    run(
        &reader,
        "begin; lock table presence_private.last_seen in access share mode",
    )
    .await;

    let tried = migrate::dry_run(db.url(), &short())
        .await
        .expect_err("a lock is held");
    let refused = migrate::migrate(db.url(), &short())
        .await
        .expect_err("a lock is held");

    assert_clear(&tried, "V2__history");
    assert_clear(&refused, "migrations");
    assert_eq!(schema(&sql).await, before);
    assert_eq!(migrate::status(db.url()).await.expect("a status"), status);
    run(&reader, "commit").await;
    let report = migrate::migrate(db.url(), &short())
        .await
        .expect("the lock is free");
    assert!(report.is_current(), "{report:?}");
}

#[tokio::test]
async fn a_transaction_that_was_left_open_after_a_heartbeat_stops_no_migrate_for_ever() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let before = schema(&sql).await;
    let open = db.admin().await;
    run(
        &open,
        "begin; select presence.heartbeat('general', 'alice', '00000000-0000-4000-8000-000000000001')",
    )
    .await;

    let refused = migrate::migrate(db.url(), &short())
        .await
        .expect_err("a room is locked");

    assert_clear(&refused, "sql/core/");
    assert_eq!(schema(&sql).await, before);
    assert!(is_current(db.url()).await, "as it was");
    run(&open, "rollback").await;
    assert!(bring(db.url()).await.expect("the lock is free").is_current());
}

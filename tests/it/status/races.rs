//! Joins and settings at one moment: whoever missed one is caught up with, and nobody waits for ever.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio_postgres::{Client as Postgres, error::SqlState};
use uuid::Uuid;

use crate::support::{
    app::TestApp,
    db::TestDb,
    sql::{run, text},
};

const PATIENCE: Duration = Duration::from_secs(60);
const STATUS: &str =
    "select coalesce(string_agg(status, ' '), 'nobody') from presence_private.member where user_id = 'alice'";
const PENDING: &str = "select count(*)::text from presence_private.own_status where pending";

/// Reaps until a question is answered so: transactions of other databases of this server may be as old as these.
async fn reap_until(admin: &Postgres, question: &str, answer: &str) {
    let deadline = Instant::now() + PATIENCE;
    while text(admin, question).await != answer {
        assert!(Instant::now() < deadline, "{question} is never {answer}");
        run(admin, "select presence.reap()").await;
    }
}

/// Joins in a transaction that stays open.
async fn begin_to_join(sql: &Postgres) {
    run(
        sql,
        "begin; select presence.heartbeat('general', 'alice', gen_random_uuid(), status => 'away')",
    )
    .await;
}

#[tokio::test]
async fn a_join_that_ran_beside_the_setting_is_caught_up_with_however_long_it_ran() {
    let Some(db) = TestDb::new().await else { return };
    let (joiner, admin) = (db.admin().await, db.admin().await);
    begin_to_join(&joiner).await;

    run(&admin, "select presence.set_status('alice', 'busy')").await;
    for _ in 0..3 {
        run(&admin, "select presence.reap()").await;
    }
    assert_eq!(
        text(&admin, PENDING).await,
        "1",
        "somebody may still have missed it"
    );
    run(&joiner, "commit").await;
    assert_eq!(text(&admin, STATUS).await, "away");

    run(&admin, "select presence.reap()").await;

    assert_eq!(text(&admin, STATUS).await, "busy");
    reap_until(&admin, PENDING, "0").await;
    assert_eq!(super::wrongs(&admin).await, [""; 0]);
}

/// More are pending than one call looks at, and none of them is sure yet: those that were never looked at come first.
#[tokio::test]
async fn whoever_was_set_last_is_caught_up_with_though_many_are_pending() {
    let Some(db) = TestDb::new().await else { return };
    let (joiner, admin) = (db.admin().await, db.admin().await);
    begin_to_join(&joiner).await;
    for user in ["alice", "bob", "carol"] {
        run(&admin, &format!("select presence.set_status('{user}', 'busy')")).await;
    }

    for _ in 0..3 {
        run(&admin, "select presence_private.keep_own_statuses(1, now())").await;
    }

    let looked = "select count(*)::text from presence_private.own_status where horizon is not null";
    assert_eq!(text(&admin, looked).await, "3");
    run(&joiner, "rollback").await;
}

#[tokio::test]
async fn a_join_that_ran_beside_hides_at_the_next_reaping_and_one_beside_the_end_speaks_for_itself() {
    let Some(db) = TestDb::new().await else { return };
    let (joiner, admin) = (db.admin().await, db.admin().await);
    begin_to_join(&joiner).await;
    run(&admin, "select presence.set_status('alice', 'invisible')").await;
    run(&joiner, "commit").await;
    run(&admin, "select presence.reap()").await;
    assert_eq!(text(&admin, STATUS).await, "nobody");

    run(&admin, "select presence.set_status('alice', 'busy')").await;
    begin_to_join(&joiner).await; // with that status
    run(&admin, "select presence.set_status('alice', '')").await;
    run(&joiner, "commit").await;
    assert_eq!(text(&admin, STATUS).await, "busy");
    reap_until(
        &admin,
        "select count(*)::text from presence_private.own_status",
        "0",
    )
    .await;

    assert_eq!(text(&admin, STATUS).await, "away");
}

#[tokio::test]
async fn settings_joins_and_leaves_in_any_order_come_to_one_picture() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    let begun: Vec<_> = (0..6).map(|n| work(&db, n)).collect();
    join_all(begun).await;

    reap_until(&admin, PENDING, "0").await;

    assert_eq!(super::wrongs(&admin).await, [""; 0]);
    let counted = "select count(*)::text from presence_private.room r \
                   where online_count <> (select count(*) from presence_private.member m where m.room_id = r.room_id)";
    assert_eq!(text(&admin, counted).await, "0");
}

/// FAULTS 67.
#[tokio::test]
async fn a_room_that_somebody_holds_keeps_a_status_from_no_other_room() {
    let Some(db) = TestDb::new().await else { return };
    let app = TestApp::start(&db).await;
    let (admin, stranger) = (db.admin().await, db.admin().await);
    let alice = app.client("alice");
    for room in ["general", "planning"] {
        alice.beat(room, Uuid::new_v4(), json!({})).await;
    }
    run(
        &stranger,
        "begin; select from presence_private.room where room_id = 'general' for update",
    )
    .await;
    let statuses = "select string_agg(room_id || ' ' || status, ', ' order by room_id) \
                    from presence_private.member where user_id = 'alice'";

    let busy = json!({"status": "busy"});
    let (answered, own) = alice.call(Method::PUT, "/v1/me/status", Some(&busy)).await;
    let meanwhile = text(&admin, statuses).await;
    run(&stranger, "rollback").await;

    assert_eq!((answered, &own["status"]), (StatusCode::OK, &json!("busy")));
    assert_eq!(meanwhile, "general active, planning busy");
    let deadline = Instant::now() + PATIENCE;
    while text(&admin, statuses).await != "general busy, planning busy" {
        assert!(Instant::now() < deadline, "the reaper has not looked");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Some calls of a kind, one after the other.
async fn work(db: &TestDb, n: usize) {
    let sql = db.admin().await;
    for step in 0..60 {
        let (room, user) = (
            ["general", "planning"][step % 2],
            ["alice", "bob"][(n + step / 2) % 2],
        );
        let id = format!("'00000000-0000-4000-8000-00000000000{}'", step % 3);
        let status = ["busy", "away", "", "invisible"][(n + step) % 4];
        let call = match n % 3 {
            0 => format!(
                "select presence.set_status('{user}', '{status}', message => 'm{}')",
                step % 3
            ),
            1 => format!("select presence.heartbeat('{room}', '{user}', {id}, status => 'idle')"),
            _ if step % 4 == 0 => format!("select presence.leave('{room}', '{user}', {id})"),
            _ => format!(
                "select * from presence.heartbeat_batch(array['{room}'], array['{user}'], array[{id}::uuid], array['active'])"
            ),
        };
        // Documented: somebody changes the very same session at this moment.
        while let Err(error) = sql.batch_execute(&call).await {
            assert_eq!(
                error.code(),
                Some(&SqlState::LOCK_NOT_AVAILABLE),
                "{call}: {error:?}"
            );
        }
    }
}

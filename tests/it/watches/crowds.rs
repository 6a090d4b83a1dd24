//! Many watchers of one user, and several that expand at once.

use super::told;
use crate::support::{
    db::TestDb,
    sql::{run, text},
};

/// So many people in one room, all of whom watch bob.
async fn crowd(sql: &tokio_postgres::Client, people: u32) {
    let arrange = format!(
        "insert into event_app.users (id, name) select 'w' || n, n from generate_series(1, {people}) n;
         insert into event_app.room_participants select 'general', 'w' || n from generate_series(1, {people}) n;
         insert into presence_private.watch (created_at, quiet, user_id, watcher_id)
         select now() - interval '1 min', interval '5 min', 'bob', 'w' || n from generate_series(1, {people}) n;
         analyze event_app.room_participants, presence_private.watch"
    );
    run(sql, &arrange).await;
}

const JOIN: &str = "select presence.heartbeat('general', 'bob', '00000000-0000-4000-8000-000000000001')";
const EDGES: &str = "select count(*)::text from presence_private.edge";

#[tokio::test]
async fn a_thousand_watchers_cost_the_join_one_row_and_are_told_all_at_once() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    crowd(&sql, 1000).await;

    run(&sql, JOIN).await;
    assert_eq!(text(&sql, EDGES).await, "1");
    assert_eq!(text(&sql, "select presence.expand_edges()::text").await, "1");

    let told = "select concat_ws(' ', count(*), count(distinct watcher_id)) from presence.notifications";
    assert_eq!(text(&sql, told).await, "1000 1000");
    assert_eq!(text(&sql, EDGES).await, "0");
}

/// A call is bounded in time: it goes on where the one before stopped, and tells nobody twice.
#[tokio::test]
async fn more_watchers_than_fit_a_call_are_told_in_parts() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    crowd(&sql, 3000).await;
    run(&sql, "select presence.watch('carol', 'alice')").await;
    run(&sql, JOIN).await;
    run(
        &sql,
        "select presence.heartbeat('general', 'alice', '00000000-0000-4000-8000-000000000002')",
    )
    .await;
    let told = "select concat_ws(' ', count(*), count(distinct watcher_id)) from presence.notifications";

    assert_eq!(text(&sql, "select presence.expand_edges()::text").await, "2");
    assert_eq!(text(&sql, told).await, "2000 2000");
    assert_eq!(text(&sql, EDGES).await, "2", "the second waits for the first");
    super::expand(&sql).await;

    assert_eq!(text(&sql, told).await, "3001 3001");
    assert_eq!(text(&sql, EDGES).await, "0");
}

#[tokio::test]
async fn one_at_a_time_tells_and_nobody_is_told_twice() {
    let Some(db) = TestDb::new().await else { return };
    let (one, other) = (db.admin().await, db.admin().await);
    run(&one, "select presence.watch('alice', 'bob', quiet => '0')").await;
    run(&one, JOIN).await;

    run(&one, "begin; select presence.expand_edges()").await;
    assert_eq!(text(&other, "select presence.expand_edges()::text").await, "-1");
    run(&one, "rollback").await;
    assert_eq!(text(&other, "select presence.expand_edges()::text").await, "1");
    assert_eq!(text(&one, "select presence.expand_edges()::text").await, "0");

    assert_eq!(told(&one).await, ["alice bob general"]);
}

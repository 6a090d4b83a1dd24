//! Many watchers of one user, and several that expand at once.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use pg_presence::observe::{Moment, Observation};

use super::told;
use crate::support::{
    app::TestApp,
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

/// A role is one watch, however many have it.
#[tokio::test]
async fn a_role_of_more_people_than_fit_a_call_is_told_in_parts_each_person_once() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let arrange = "insert into event_app.users (id, name) select 'w' || n, n from generate_series(1, 4500) n;
         insert into event_app.room_participants select 'general', 'w' || n from generate_series(1, 4500) n;
         insert into event_app.room_participants select 'planning', 'w' || n from generate_series(1, 4500) n;
         delete from event_app.room_participants where room_id = 'general' and user_id = 'w7';
         analyze event_app.room_participants";
    run(&sql, arrange).await;
    run(
        &sql,
        "select presence.watch('w4400', 'bob'); select presence.watch_for_role('gala', 'collaborator', 'bob'); \
         select presence.watch('w3', 'bob'), presence.watch('alice', 'bob')",
    )
    .await;
    run(&sql, JOIN).await;
    let told = "select concat_ws(' ', count(*), count(distinct watcher_id)) from presence.notifications";

    run(&sql, "select presence.expand_edges()").await;
    assert_eq!(text(&sql, told).await, "2000 2000");
    // whoever was told last is erased: the others are told all the same
    run(
        &sql,
        "select presence.erase_user((select told_to from presence_private.edge))",
    )
    .await;
    super::expand(&sql).await;

    // 4499 who may enter general, carol, and alice, who coordinates; not w7, nor bob himself, nor whoever was erased.
    assert_eq!(text(&sql, told).await, "4500 4500");
    assert_eq!(text(&sql, EDGES).await, "0");
}

#[tokio::test]
async fn many_who_come_at_once_each_with_watches_are_told_in_calls_of_bounded_size() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    crowd(&sql, 100).await;
    run(
        &sql,
        "insert into presence_private.watch (created_at, quiet, user_id, watcher_id)
         select now() - interval '1 min', interval '5 min', 'w' || u, 'w' || w
           from generate_series(1, 50) u, generate_series(1, 100) w where u <> w;
         select count(*) from (select presence.heartbeat('general', 'w' || u, gen_random_uuid()) from generate_series(1, 50) u) x",
    )
    .await;
    let told = "select count(*)::text from presence.notifications";

    run(&sql, "select presence.expand_edges()").await;
    assert_eq!(text(&sql, told).await, "2000");
    super::expand(&sql).await;

    assert_eq!(text(&sql, told).await, "4950");
}

/// A call that takes longer than a node's statements may is made again for fewer, and is no silent one.
#[tokio::test]
async fn where_telling_is_slow_a_node_tells_fewer_at_a_time_and_says_so_once() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let app = TestApp::start(&db).await;
    let mut facts = app.observer().subscribe();
    run(
        &sql,
        "create function public.slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.01); return new; end $$;
         create trigger slow before insert on presence_private.notification for each row execute function public.slow();
         insert into event_app.users (id, name) select 'w' || n, n from generate_series(1, 400) n;
         insert into event_app.room_participants select 'general', 'w' || n from generate_series(1, 400) n;
         insert into presence_private.watch (created_at, quiet, user_id, watcher_id)
         select now() - interval '1 min', interval '5 min', 'w' || n, 'alice' from generate_series(1, 400) n;
         select count(*) from (select presence.heartbeat('general', 'w' || n, gen_random_uuid()) from generate_series(1, 400) n) x",
    )
    .await;

    let deadline = Instant::now() + Duration::from_secs(60);
    while text(&sql, EDGES).await != "0" {
        assert!(Instant::now() < deadline, "they are told");
        sleep(Duration::from_millis(100)).await;
    }

    let mut warnings = 0;
    while let Ok(fact) = facts.try_recv() {
        warnings += u32::from(matches!(fact, Observation::ExpandFailed { is_first: true, .. }));
    }
    assert_eq!(warnings, 1);
    let figures = app
        .observer()
        .figures()
        .text(&Moment::default())
        .expect("figures");
    let failures = figures
        .lines()
        .find_map(|line| line.strip_prefix("presence_expand_failures_total "));
    assert_ne!(failures, Some("0"));
    assert_eq!(
        text(&sql, "select count(*)::text from presence.notifications").await,
        "400"
    );
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

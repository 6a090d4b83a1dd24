//! Erasure of one user's traces.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio_postgres::Client as Postgres;
use uuid::Uuid;

use super::{each, ok, past};
use crate::support::{
    app::TestApp,
    db::TestDb,
    sql::{as_owner, code, list, run, text},
};

/// Tables of ours in which a row names the user, whatever the column.
async fn tables_with(admin: &Postgres, user: &str) -> Vec<String> {
    let tables = "select c.relname::text from pg_class c where c.relnamespace = 'presence_private'::regnamespace \
                  and c.relkind in ('r', 'p') and not c.relispartition order by 1";
    let mut found = vec![];
    for table in list(admin, tables).await {
        let sql =
            format!("select count(*)::text from presence_private.{table} t where t::text ~ '\\m{user}\\M'");
        if text(admin, &sql).await != "0" {
            found.push(table);
        }
    }
    found
}

#[tokio::test]
async fn nothing_is_left_of_a_user_and_others_see_a_leave() {
    let Some(db) = TestDb::new().await else { return };
    let (app, admin) = (TestApp::start(&db).await, db.admin().await);
    past(
        &admin,
        &[
            ("general", "alice", 90, 60),
            ("planning", "alice", 9000, 8000),
            ("general", "bob", 90, 60),
        ],
    )
    .await;
    let login = db.login("presence_test_erased", "").await;
    assert!(login.contains("presence_test_erased"));
    run(
        &admin,
        "select presence.map_login('presence_test_erased', 'alice');
         select presence.set_status('alice', 'busy', message => 'on site'); select presence.set_status('bob', 'away');
         select presence.heartbeat('planning', 'alice', gen_random_uuid());
         select presence.leave('planning', 'alice', '00000000-0000-4000-8000-000000000009')",
    )
    .await;
    app.client("alice")
        .beat("general", Uuid::new_v4(), json!({}))
        .await;
    app.client("bob").beat("general", Uuid::new_v4(), json!({})).await;
    let carol = app.client("carol");
    let mut stream = carol.stream(&["general"]).await;
    stream.next_of("snapshot").await;
    assert!(tables_with(&admin, "alice").await.len() >= 7);
    let of_bob = "select concat((select count(*) from presence_private.visit where user_id = 'bob'), \
                  (select count(*) from presence_private.session where user_id = 'bob'), \
                  (select count(*) from presence_private.own_status where user_id = 'bob'))";
    let before = text(&admin, of_bob).await;

    let erased: i64 = text(&admin, "select presence.erase_user('alice')::text")
        .await
        .parse()
        .expect("a number");
    let diff = stream.next_of("diff").await;

    assert_eq!(
        diff.data["left"],
        json!([{"user_id": "alice", "reason": "removed", "last_seen_at": null}])
    );
    // Two visits, two places last seen, two sessions, a remembered leave, a status, a login; and the visits that end now.
    assert!(erased >= 9, "{erased}");
    // Others are still told of the leave by the log, which forgets in two minutes.
    assert_eq!(tables_with(&admin, "alice").await, ["change"]);
    assert_eq!(text(&admin, of_bob).await, before);
    let visits = ok(&carol, "/v1/rooms/general/visits").await;
    assert_eq!(each(&visits["visits"], "user_id"), ["bob", "bob"]);
    let event = ok(&carol, "/v1/rooms/general/activity?hours=168").await;
    assert!(!event.to_string().contains("alice"), "{event}");
    assert_eq!(
        text(&admin, "select presence.erase_user('alice')::text").await,
        "0"
    );
    assert_eq!(text(&admin, "select presence.erase_user(null)::text").await, "0");
}

/// No row, and no stuck lane: what waits behind a delivery that goes is sent.
#[tokio::test]
async fn watches_and_what_webhooks_are_to_be_told_go_as_well() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    run(
        &admin,
        "select presence.add_webhook('https://127.0.0.1:1/');
         select presence.watch('alice', 'bob'), presence.watch('bob', 'alice'), presence.watch('bob', 'carol');
         select presence.watch_for_role('gala', 'coordinator', 'alice');
         select presence.heartbeat('general', 'alice', gen_random_uuid());
         select presence.heartbeat('general', 'bob', gen_random_uuid());
         select presence.heartbeat('general', 'carol', gen_random_uuid())",
    )
    .await;
    let expanded =
        "select count(*)::text from (select presence.expand_edges(1000, '0 s') from generate_series(1, 5)) x";
    run(&admin, expanded).await;
    let traces = tables_with(&admin, "alice").await;
    for table in ["delivery", "notification", "watch"] {
        assert!(traces.contains(&table.to_owned()), "{table}: {traces:?}");
    }

    run(&admin, "select presence.erase_user('alice')").await;

    assert_eq!(tables_with(&admin, "alice").await, ["change"]);
    let stuck = "select count(*)::text from (select 1 from presence_private.delivery where ended_at is null \
                 group by webhook_id, lane having count(due_at) = 0) x";
    assert_eq!(text(&admin, stuck).await, "0");
    let others = "select string_agg(distinct user_id, ' ' order by user_id) from presence_private.delivery";
    assert_eq!(text(&admin, others).await, "bob carol");
}

#[tokio::test]
async fn a_rollback_erases_nothing_and_a_node_may_not_erase() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    past(&admin, &[("general", "alice", 90, 60)]).await;
    run(
        &admin,
        "select presence.heartbeat('general', 'alice', gen_random_uuid())",
    )
    .await;
    let traces = tables_with(&admin, "alice").await;

    run(&admin, "begin; select presence.erase_user('alice'); rollback").await;
    let as_service = "set role presence_service; select presence.erase_user('alice')";

    assert_eq!(tables_with(&admin, "alice").await, traces);
    assert_eq!(code(&admin, as_service).await.as_deref(), Some("42501"));
}

/// Whoever expands edges has read that she came, and tells of it only now.
#[tokio::test]
async fn what_is_being_told_of_a_user_is_erased_with_the_rest() {
    let Some(db) = TestDb::new().await else { return };
    let (admin, host) = (db.admin().await, db.admin().await);
    let (expander, eraser) = (db.admin().await, db.admin().await);
    run(
        &admin,
        "select presence.add_webhook('https://example.com/hooks'); select presence.watch('bob', 'alice');
         select presence.heartbeat('general', 'alice', gen_random_uuid())",
    )
    .await;
    run(
        &host,
        "begin; lock table event_app.room_participants in access exclusive mode",
    )
    .await;
    let waiting = async |call: &str| {
        let sql = format!(
            "select count(*)::text from pg_stat_activity \
              where datname = current_database() and wait_event_type = 'Lock' and query like 'select {call}%'"
        );
        let deadline = Instant::now() + Duration::from_secs(5);
        while text(&admin, &sql).await == "0" && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };

    let expanding = tokio::spawn(async move { run(&expander, "select presence.expand_edges()").await });
    waiting("presence.expand_edges").await;
    let erasing = tokio::spawn(async move { run(&eraser, "select presence.erase_user('alice')").await });
    waiting("presence.erase_user").await;
    run(&host, "rollback").await;
    expanding.await.expect("expanded");
    erasing.await.expect("erased");

    assert_eq!(tables_with(&admin, "alice").await, ["change"]);
}

#[tokio::test]
async fn erasing_a_user_does_not_read_what_webhooks_are_told_of_others() {
    let Some(db) = TestDb::new().await else { return };
    let admin = db.admin().await;
    as_owner(
        &admin,
        "insert into presence_private.delivery (webhook_id, at, ended_at, state, type, user_id, lane, payload)
         select 1, now(), now(), 'delivered', 'notification', 'u' || n, 'notification w' || n, '{}' from generate_series(1, 5000) n",
    )
    .await;
    run(&admin, "analyze presence_private.delivery").await;

    let plan = list(
        &admin,
        "explain select from presence_private.delivery d
          where d.user_id = 'u7' or (d.type = 'notification' and d.lane = 'notification u7')",
    )
    .await
    .join("\n");

    assert!(
        plan.contains("delivery_user_id") && plan.contains("delivery_notified"),
        "{plan}"
    );
}

//! Whether presence runs: nobody who reaps, nobody who evicts, heartbeats that are dear.

use std::time::Duration;

use pg_presence::doctor::{self, Options, Severity};

use super::{examine, mends, of, options, run, the};
use crate::support::{db::TestDb, server::TestCluster, server::connect};

#[tokio::test]
async fn leases_that_nobody_ends_are_seen() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let here = "\
select presence.heartbeat('general', 'alice', gen_random_uuid());
select presence.heartbeat('general', 'bob', gen_random_uuid());";
    run(&sql, here).await;
    let fresh = examine(db.url()).await;
    // As if time had passed: on a slow machine a short lease would run out while the doctor looks at a fresh one.
    let late = "\
select presence.configure(ttl => '500 ms', heartbeat => '100 ms');
update presence_private.session set expires_at = statement_timestamp() - interval '1 minute';";
    run(&sql, late).await;
    let found = the(&examine(db.url()).await, "service.reaping").clone();

    run(&sql, found.sql.as_deref().expect("SQL")).await;

    assert!(of(&fresh, "service.reaping").is_empty());
    assert_eq!(found.severity, Severity::Error);
    assert!(
        found.says.contains("Nobody reaps") && found.says.contains(" 2 "),
        "{}",
        found.says
    );
    assert_eq!(found.command.as_deref(), Some("pg-presence reap --every 1000"));
    assert!(of(&examine(db.url()).await, "service.reaping").is_empty());
}

#[tokio::test]
async fn nodes_that_fell_silent_are_not_ready_or_of_another_version_are_seen() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let none = examine(db.url()).await;
    let all = "\
select presence.node_beat('a', '1.0.0', 1000, '{\"is_ready\": true}');
select presence.node_beat('b', '1.1.0', 1000, '{\"is_ready\": false, \"causes\": [\"changes are not being heard\"]}');
select presence.node_beat('c', '1.1.0', 1000, '{\"is_ready\": true}');
update presence_private.node set seen_at = now() + interval '1 hour';
update presence_private.node set seen_at = now() - interval '2 minutes' where node_id = 'c';";
    run(&sql, all).await;

    let findings = examine(db.url()).await;
    let found: Vec<&str> = of(&findings, "service.nodes")
        .iter()
        .map(|found| found.says.as_str())
        .collect();

    assert!(of(&none, "service.nodes").is_empty());
    assert_eq!(
        found,
        [
            "The node b is not ready: changes are not being heard.",
            "The node c has told nothing of itself for 2 min.",
            "Nodes of different versions run: 1.0.0, 1.1.0.",
        ]
    );
}

#[tokio::test]
async fn changes_that_nobody_acts_on_are_seen() {
    let Some(db) = TestDb::new().await else { return };

    let broken = "delete from event_app.room_participants where user_id = 'carol';";
    let found = mends(&db, broken, "service.evictions", Severity::Error).await;

    assert!(found.says.contains("Nobody evicts"), "{}", found.says);
}

#[tokio::test]
async fn heartbeats_that_are_not_hot_are_seen_with_the_index_at_fault() {
    let Some(db) = TestDb::new().await else { return };
    let broken = "\
create index mine on presence_private.session (expires_at);
insert into presence_private.session (session_id, joined_at, beat_at, expires_at, room_id, user_id)
select gen_random_uuid(), now(), now(), now() + interval '1 minute', 'general', 'u' || n from generate_series(1, 1200) n;
update presence_private.session set expires_at = expires_at + interval '1 second';
select pg_stat_force_next_flush();";

    let found = mends(&db, broken, "service.hot", Severity::Warning).await;

    assert!(found.says.contains("0.0 % of 1200"), "{}", found.says);
    assert!(
        found
            .mend
            .as_deref()
            .is_some_and(|mend| mend.contains("presence_private.mine")),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_table_of_dead_rows_is_seen() {
    let Some(db) = TestDb::new().await else { return };
    // Autovacuum would be faster than this test.
    let broken = "\
alter table presence_private.session set (autovacuum_enabled = false);
insert into presence_private.session (session_id, joined_at, beat_at, expires_at, room_id, user_id)
select gen_random_uuid(), now(), now(), now() + interval '1 minute', 'general', 'u' || n from generate_series(1, 70000) n;
delete from presence_private.session;
select pg_stat_force_next_flush();";

    let found = mends(&db, broken, "service.dead_rows", Severity::Warning).await;

    assert!(found.says.contains("70000 dead"), "{}", found.says);
}

#[tokio::test]
async fn settings_in_force_are_told() {
    let Some(db) = TestDb::new().await else { return };
    let configure = "select presence.configure(ttl => '5 min', heartbeat => '90 s', typing => '800 ms', \
        sessions_max => 3);";
    run(&db.admin().await, configure).await;

    let findings = examine(db.url()).await;

    let note = &the(&findings, "service.settings").says;
    assert_eq!(
        note,
        "In force: a heartbeat every 2 min, good for 5 min (ttl); typing 800 ms; 3 sessions a \
            member; history for 90 days."
    );
}

/// Memberships belong to the cluster: a cluster of one's own.
#[tokio::test]
async fn who_may_run_the_service_is_told() {
    let Some(cluster) = TestCluster::start(&[]).await else {
        return;
    };
    let url = cluster.database("members", "text").await;
    let sql = connect(&url).await.expect("it answers");
    run(&sql, "revoke presence_service from presence_test_service;").await;

    let nobody = examine(&url).await;
    run(
        &sql,
        "create role backend login; \n grant presence_app to backend;",
    )
    .await;
    let backend = examine(&url).await;
    run(&sql, the(&nobody, "service.members").sql.as_deref().expect("SQL")).await;
    let node = examine(&url).await;
    run(
        &sql,
        "create role boss superuser login; \n grant presence_service to boss;",
    )
    .await;
    let boss = examine(&url).await;
    run(&sql, the(&boss, "service.superuser").sql.as_deref().expect("SQL")).await;
    let mended = examine(&url).await;

    assert_eq!(the(&nobody, "service.members").severity, Severity::Warning);
    let note = the(&backend, "service.members");
    assert!(
        note.severity == Severity::Note && note.says.contains("backend"),
        "{note:?}"
    );
    assert!(of(&node, "service.members").is_empty());
    let warning = the(&boss, "service.superuser");
    assert!(
        warning.severity == Severity::Warning && warning.says.ends_with("boss."),
        "{warning:?}"
    );
    assert!(of(&mended, "service.superuser").is_empty());
}

#[tokio::test]
async fn a_question_that_takes_too_long_is_skipped_and_says_so() {
    let Some(db) = TestDb::new().await else { return };
    let (sql, impatient) = (
        db.admin().await,
        Options {
            patience: Duration::from_millis(200),
            ..options(db.url())
        },
    );
    run(
        &sql,
        "begin; \n lock table presence_private.session in access exclusive mode;",
    )
    .await;

    let findings = doctor::examine(&impatient).await;

    let skipped = the(&findings, "service.reaping");
    assert_eq!(skipped.severity, Severity::Skipped);
    assert_eq!(skipped.says, "This took too long and was given up.");
}

//! Reaping without a service: `sql/ops/pg_cron.sql`, by a real pg_cron.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_postgres::Client;

use super::{run, text};
use crate::support::{
    db::{TestDb, prepare_template, with_login},
    server::{Lacking, TestCluster, connect, skip},
};

const FILE: &str = include_str!("../../../sql/ops/pg_cron.sql");

/// Once a minute, and what a slow machine needs to start a worker.
const RUN_MAX: Duration = Duration::from_secs(90);

/// A server with pg_cron in its first database, where presence is installed too; nothing (and the test counted as
/// skipped) where that extension cannot be had.
async fn cluster() -> Option<TestCluster> {
    // Asked of the same binaries: with a library that is not there the server would not start.
    let bare = TestCluster::start(&[]).await?;
    let has = "select count(*)::text from pg_available_extensions where name = 'pg_cron'";
    let sql = connect(&bare.url("postgres")).await.expect("the cluster answers");
    if text(&sql, has).await == "0" {
        skip(Lacking::PgCron);
        return None;
    }
    let settings = [
        ("shared_preload_libraries", "pg_cron"),
        ("cron.database_name", "postgres"),
        ("cron.use_background_workers", "on"), // no connections, which would need passwords
        ("max_worker_processes", "20"),
    ];
    let cluster = TestCluster::start(&settings).await?;
    prepare_template(&cluster.url("postgres"), "text")
        .await
        .expect("presence is installed");
    Some(cluster)
}

/// A login that may do what the file asks for, and no more.
async fn login(cluster: &TestCluster, name: &str) -> Client {
    let admin = connect(&cluster.url("postgres"))
        .await
        .expect("the cluster answers");
    run(
        &admin,
        &format!(
            "create extension if not exists pg_cron;
             create role {name} login password '{name}';
             grant usage on schema cron to {name};
             grant presence_app to {name}"
        ),
    )
    .await;
    let url = with_login(&cluster.url("postgres"), name);
    connect(&url).await.expect("the login connects")
}

async fn refusal(sql: &Client) -> String {
    let error = sql.batch_execute(FILE).await.expect_err("it is refused");
    let error = error.as_db_error().expect("by the database");
    format!("{}: {}", error.message(), error.hint().unwrap_or_default())
}

#[tokio::test]
async fn where_pg_cron_or_a_right_is_missing_it_says_so() {
    let Some(db) = TestDb::new().await else { return };
    let missing = refusal(&db.admin().await).await;
    assert!(missing.contains("pg_cron is not installed"), "{missing}");
    assert!(missing.contains("create extension pg_cron"), "{missing}");

    let Some(cluster) = cluster().await else { return };
    let owner = login(&cluster, "scheduler").await;
    let admin = connect(&cluster.url("postgres"))
        .await
        .expect("the cluster answers");
    run(&admin, "revoke presence_app from scheduler").await;
    let forbidden = refusal(&owner).await;
    assert!(
        forbidden.contains("grant presence_app to scheduler"),
        "{forbidden}"
    );

    run(
        &admin,
        "drop schema presence, presence_private, presence_host cascade",
    )
    .await;
    let uninstalled = refusal(&owner).await;
    assert!(
        uninstalled.contains("pg-presence is not installed"),
        "{uninstalled}"
    );
}

#[tokio::test]
async fn seconds_are_chosen_from_1_5_on_and_minutes_before() {
    let Some(db) = TestDb::empty().await else { return };
    let sql = db.admin().await;
    let (choice, _) = FILE
        .split_once("\ndo $")
        .expect("the choice comes before the jobs");
    run(&sql, choice).await;

    for (version, schedule) in [
        ("1.3", "* * * * *"),
        ("1.4-1", "* * * * *"),
        ("1.5", "1 second"),
        ("1.6", "1 second"),
        ("1.10", "1 second"),
        ("2.0-3", "1 second"),
    ] {
        let chosen = text(&sql, &format!("select pg_temp.presence_every('{version}')")).await;
        assert_eq!(chosen, schedule, "{version}");
    }
}

#[tokio::test]
async fn its_jobs_are_replaced_by_the_next_run_and_nobody_elses_are_touched() {
    let Some(cluster) = cluster().await else { return };
    let admin = connect(&cluster.url("postgres"))
        .await
        .expect("the cluster answers");
    let scheduler = login(&cluster, "scheduler").await;
    run(&admin, "create database elsewhere").await;
    run(
        &admin,
        "do $$ begin perform cron.schedule('theirs', '0 3 * * *', 'select 1'); end $$",
    )
    .await;
    let names = "select string_agg(j.jobname || ' as ' || j.username || ' on ' || j.database, ', ' order by j.jobname) from cron.job j";

    run(&scheduler, FILE).await;
    run(&scheduler, FILE).await;
    let own = text(&scheduler, names).await;
    run(&admin, FILE).await;
    run(&admin, &format!("set presence.database = 'elsewhere'; {FILE}")).await;
    let every = text(&admin, names).await;

    assert_eq!(
        own,
        "presence evict in postgres as scheduler on postgres, presence purge in postgres as scheduler on postgres, \
         presence reap in postgres as scheduler on postgres, presence tell in postgres as scheduler on postgres"
    );
    assert_eq!(
        every,
        "presence evict in elsewhere as postgres on elsewhere, presence evict in postgres as postgres on postgres, \
         presence purge in elsewhere as postgres on postgres, presence purge in postgres as postgres on postgres, \
         presence reap in elsewhere as postgres on elsewhere, presence reap in postgres as postgres on postgres, \
         presence tell in elsewhere as postgres on elsewhere, presence tell in postgres as postgres on postgres, \
         theirs as postgres on postgres"
    );
    let unschedule = "do $$ begin perform cron.unschedule(jobid) from cron.job where jobname like 'presence % in elsewhere'; end $$";
    run(&admin, unschedule).await;
    assert!(!text(&admin, names).await.contains("elsewhere"));
}

/// The one test that waits for a clock: of pg_cron, which this version looks at once a minute.
#[tokio::test]
async fn with_no_service_at_all_an_expired_lease_leaves() {
    let Some(cluster) = cluster().await else { return };
    let admin = connect(&cluster.url("postgres"))
        .await
        .expect("the cluster answers");
    let scheduler = login(&cluster, "scheduler").await;
    run(
        &admin,
        "select presence.configure(ttl => '500 ms', heartbeat => '200 ms');
         select presence.heartbeat('general', 'alice', '00000000-0000-4000-8000-000000000001')",
    )
    .await;

    run(&scheduler, FILE).await;
    let began = Instant::now();
    let left = "select count(*)::text from presence_private.change c where c.what = 'leave' and c.reason = 'expired'";
    let here = "select count(*)::text from presence_private.member";
    while text(&admin, here).await != "0" {
        let runs = "select coalesce(string_agg(concat_ws(' ', d.status, d.command, d.return_message), ', '), 'none') from cron.job_run_details d";
        assert!(began.elapsed() < RUN_MAX, "runs: {}", text(&admin, runs).await);
        sleep(Duration::from_millis(200)).await;
    }

    println!(
        "left {:.1} s after the jobs were scheduled",
        began.elapsed().as_secs_f64()
    );
    assert_eq!(text(&admin, left).await, "1");
    run(
        &admin,
        "update cron.job_run_details set end_time = now() - interval '2 hours'",
    )
    .await;
    let purge = text(
        &scheduler,
        "select j.command from cron.job j where j.jobname like 'presence purge %'",
    )
    .await;
    run(&scheduler, &purge).await;
    let old =
        "select count(*)::text from cron.job_run_details d where d.end_time < now() - interval '1 hour'";
    assert_eq!(
        text(&admin, old).await,
        "0",
        "the purge drops them, by the rights of that login"
    );
}

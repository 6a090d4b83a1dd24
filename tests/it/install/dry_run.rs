//! `migrate --dry-run`: does it all, says what would change, and leaves not a trace.

use std::process::{Command, Output};

use pg_presence::migrate::{
    self, MigrateOptions, Plan,
    catalog::{self, Objects},
};

use super::{bring, earlier, is_current, login_that_migrates, run, text};
use crate::support::{
    db::TestDb,
    server::{TestCluster, connect},
};

/// Everything that a migrate could leave: in the catalogue, in the history, among the cluster's roles, as a lock.
const TRACES: &str = "\
select (select md5(string_agg(c.oid || c.relname || c.relfilenode, ',' order by c.oid)) from pg_class c)
       || (select md5(string_agg(p.oid || p.prosrc || coalesce(p.proacl::text, ''), ',' order by p.oid)) from pg_proc p)
       || (select concat_ws(',', (select count(*) from pg_namespace), (select count(*) from pg_type), (select count(*) from pg_depend),
                            (select count(*) from pg_description), (select count(*) from pg_default_acl), (select count(*) from pg_db_role_setting)))";

const ROLES: &str = "\
select concat_ws(',', (select string_agg(r.rolname || r.rolcanlogin, ',' order by r.oid) from pg_authid r),
                 (select count(*) from pg_auth_members), (select count(*) from pg_shdescription),
                 (select count(*) from pg_locks l where l.locktype = 'advisory' and l.granted))";

async fn dry_run(url: &str) -> anyhow::Result<Plan> {
    migrate::dry_run(url, &MigrateOptions::default()).await
}

async fn objects(db: &TestDb) -> Objects {
    let objects = catalog::objects(&db.admin().await).await;
    objects.expect("the catalogue")
}

fn pg_presence(url: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pg-presence"))
        .args(arguments)
        .env("DATABASE_URL", url)
        .output()
        .expect("the program runs")
}

#[tokio::test]
async fn from_nothing_it_says_all_that_would_come_and_leaves_not_a_trace_not_even_a_role() {
    let Some(cluster) = TestCluster::start(&[]).await else {
        return;
    };
    let url = cluster.url("postgres");
    let sql = connect(&url).await.expect("the cluster answers");
    let before = (text(&sql, TRACES).await, text(&sql, ROLES).await);

    let plan = dry_run(&url).await.expect("it would work");

    assert_eq!((text(&sql, TRACES).await, text(&sql, ROLES).await), before);
    let status = migrate::status(&url).await.expect("a status");
    assert!(
        !plan.pending.is_empty() && plan.pending == status.pending,
        "{plan:?}"
    );
    for name in [
        "role presence_owner",
        "schema presence",
        "unlogged table presence_private.session",
        "function presence.reap(max_rows integer)",
        "view presence.members",
    ] {
        assert!(plan.added.iter().any(|added| added == name), "{name}: {plan:?}");
    }
    assert!(plan.changed.is_empty() && plan.removed.is_empty(), "{plan:?}");
    assert!(bring(&url).await.expect("it does work").is_current());
    assert!(
        dry_run(&url).await.expect("a plan").is_empty(),
        "then nothing is left"
    );
}

#[tokio::test]
async fn what_it_foretells_is_what_a_migrate_then_does() {
    for (name, dump) in earlier::states() {
        let Some(db) = TestDb::empty().await else { return };
        let sql = db.admin().await;
        run(&sql, &dump).await;
        let (before, traces) = (objects(&db).await, text(&sql, TRACES).await);

        let plan = dry_run(db.url()).await.expect("it would work");

        assert_eq!(text(&sql, TRACES).await, traces, "{name}");
        assert!(!plan.is_empty(), "{name}");
        bring(db.url()).await.expect("it does work");
        let after = objects(&db).await;
        let came: Vec<&String> = after.keys().filter(|name| !before.contains_key(*name)).collect();
        let went: Vec<&String> = before.keys().filter(|name| !after.contains_key(*name)).collect();
        let is_other = |name: &&String| before.get(*name).is_some_and(|object| *object != after[*name]);
        let changed: Vec<&String> = after.keys().filter(is_other).collect();
        assert_eq!(plan.added.iter().collect::<Vec<_>>(), came, "{name}");
        assert_eq!(plan.removed.iter().collect::<Vec<_>>(), went, "{name}");
        assert_eq!(plan.changed.iter().collect::<Vec<_>>(), changed, "{name}");
    }
}

#[tokio::test]
async fn what_was_changed_by_hand_is_named() {
    let Some(db) = TestDb::new().await else { return };
    run(
        &db.admin().await,
        "revoke execute on function presence.reap from presence_service; drop trigger room_ring on presence_private.room",
    )
    .await;

    let output = pg_presence(db.url(), &["migrate", "--dry-run", "--json"]);

    assert!(output.status.success(), "{output:?}");
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let expected = serde_json::json!({
        "pending": [],
        "added": ["trigger room_ring on presence_private.room"],
        "changed": ["function presence.reap(max_rows integer)"],
        "removed": [],
    });
    assert_eq!(plan, expected);
    let people = pg_presence(db.url(), &["migrate", "--dry-run"]);
    let words = String::from_utf8_lossy(&people.stdout).into_owned();
    assert!(
        words.contains("changed  function presence.reap(max_rows integer)\n"),
        "{words}"
    );
    assert!(!is_current(db.url()).await, "and nothing was mended");
}

#[tokio::test]
async fn where_a_migrate_would_fail_it_fails_with_the_database_s_own_error() {
    let Some(db) = TestDb::empty().await else { return };
    let sql = db.admin().await;
    run(
        &sql,
        "create schema presence; create table presence.members (id text)",
    )
    .await;
    let before = text(&sql, TRACES).await;

    let output = pg_presence(db.url(), &["migrate", "--dry-run"]);

    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(text(&sql, TRACES).await, before, "and leaves not a trace");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    let refused = bring(db.url()).await.expect_err("a migrate fails too");
    let cause = format!("{:#}", refused.root_cause());
    assert!(error.contains(&cause), "{error} / {cause}");
    assert!(output.stdout.is_empty(), "{output:?}");
}

#[tokio::test]
async fn a_database_that_is_newer_or_of_another_history_is_refused() {
    for (change, words) in [
        (
            "insert into presence_private.migration values (999, 'later', '2030-01-01T00:00:00Z', '1')",
            "newer",
        ),
        (
            "update presence_private.migration set checksum = '1' where version = 1",
            "V1__presence of this database is another",
        ),
    ] {
        let Some(db) = TestDb::new().await else { return };
        run(&db.admin().await, change).await;

        let refused = dry_run(db.url()).await.expect_err(change);

        assert!(format!("{refused:#}").contains(words), "{refused:#}");
        assert!(bring(db.url()).await.is_err(), "as by a migrate");
    }
}

#[tokio::test]
async fn a_login_without_superuser_may_try() {
    let Some(db) = TestDb::empty().await else { return };
    let url = login_that_migrates(&db, "presence_test_dry_migrator").await;

    let plan = dry_run(&url).await.expect("CREATEROLE and CREATE are enough");

    assert!(plan.added.contains(&"schema presence".to_owned()), "{plan:?}");
    let nobody = db.login("presence_test_dry_nobody", "").await;
    let refused = dry_run(&nobody).await.expect_err("without rights");
    assert!(
        format!("{refused:#}").contains("may not become presence_owner"),
        "{refused:#}"
    );
}

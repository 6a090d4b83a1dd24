//! Migrating: many at once, again, killed, beside a newer one, by hand, with few rights (FAULTS 19).

mod calls;
mod contract;
mod cron;
mod drift;
mod dry_run;
mod earlier;
mod printed;
mod waiting;
mod workflow;

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use pg_presence::{
    domain::{IdType, IdTypes},
    migrate::{self, Mapping, MigrateOptions, Report, catalog, files},
};
use tokio::time::{Instant, sleep};
use tokio_postgres::Client;

use crate::support::db::TestDb;

async fn bring(url: &str) -> anyhow::Result<Report> {
    migrate::migrate(url, &MigrateOptions::default()).await
}

/// All ids of one type.
fn all(id_type: IdType) -> IdTypes {
    IdTypes {
        user: id_type,
        room: id_type,
        event: id_type,
    }
}

async fn is_current(url: &str) -> bool {
    migrate::status(url)
        .await
        .expect("a database says how far it is")
        .is_current()
}

async fn run(sql: &Client, statements: &str) {
    sql.batch_execute(statements).await.expect(statements);
}

async fn text(sql: &Client, query: &str) -> String {
    sql.query_one(query, &[]).await.expect(query).get(0)
}

/// The shape of a database, as text.
async fn schema(sql: &Client) -> String {
    let objects = catalog::objects(sql).await.expect("the catalogue");
    catalog::schema(&objects)
}

/// Lines that are in one text alone: what a failed comparison of schemas shows.
fn differences<'a>(one: &'a str, other: &'a str) -> Vec<&'a str> {
    let lines = |text: &'a str| text.lines().collect::<BTreeSet<_>>();
    let (one, other) = (lines(one), lines(other));
    one.symmetric_difference(&other).copied().collect()
}

#[tokio::test]
async fn twenty_migrators_at_once_apply_each_migration_once() {
    let Some(db) = TestDb::empty().await else { return };

    let reports = join_all((0..20).map(|_| bring(db.url()))).await;

    for report in &reports {
        let report = report.as_ref().expect("each succeeds");
        assert!(report.is_current(), "{report:?}");
    }
    let rows = db
        .admin()
        .await
        .query("select name from presence_private.migration", &[])
        .await
        .expect("the history");
    assert_eq!(rows.len(), reports[0].as_ref().expect("a report").applied.len());
}

#[tokio::test]
async fn a_second_migrate_changes_nothing() {
    let Some(db) = TestDb::empty().await else { return };
    let before = migrate::status(db.url()).await.expect("also before the first");
    bring(db.url()).await.expect("the first");
    let sql = db.admin().await;
    let keys =
        "select string_agg(kind || key::text, ',' order by kind, made_at) from presence_private.secret";
    let first = (text(&sql, &catalog::digest()).await, text(&sql, keys).await);

    let report = bring(db.url()).await.expect("the second");

    assert!(before.applied.is_empty() && !before.pending.is_empty() && !before.is_current());
    assert!(report.is_current() && is_current(db.url()).await, "{report:?}");
    assert_eq!(
        (text(&sql, &catalog::digest()).await, text(&sql, keys).await),
        first
    );
}

#[tokio::test]
async fn a_newer_database_is_refused_and_left_alone() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    run(
        &sql,
        "insert into presence_private.migration values (999, 'later', '2030-01-01T00:00:00Z', '1');
         create or replace function presence.reap(max_rows integer default 5000) returns integer language sql as 'select 0'",
    )
    .await;
    let installed = "select (select i::text from presence_private.installed i) || m::text || p.prosrc \
                     from (select array_agg(m order by m.version) as m from presence_private.migration m) m, pg_proc p \
                     where p.oid = 'presence.reap'::regproc";
    let before = text(&sql, installed).await;

    let refused = bring(db.url()).await.expect_err("a newer database");

    assert!(refused.to_string().contains("newer"), "{refused:#}");
    assert_eq!(text(&sql, installed).await, before);
    let report = migrate::status(db.url()).await.expect("a status");
    assert!(report.newer && !report.is_current());
}

/// At the first statement of each kind the migrator is held up, and its connection ended.
#[tokio::test]
async fn whatever_step_it_is_killed_at_the_next_run_completes() {
    let Some(db) = TestDb::empty().await else { return };
    let sql = db.admin().await;
    run(
        &sql,
        "select pg_advisory_lock(4711);
         create function public.wait_here() returns event_trigger language plpgsql as
         'begin perform pg_catalog.pg_advisory_xact_lock(4711); end'",
    )
    .await;

    for tag in [
        "CREATE SCHEMA",
        "CREATE TABLE",
        "CREATE DOMAIN",
        "CREATE INDEX",
        "CREATE FUNCTION",
        "CREATE TRIGGER",
        "CREATE VIEW",
    ] {
        run(
            &sql,
            &format!(
                "create event trigger wait_here on ddl_command_end when tag in ('{tag}') \
                 execute function public.wait_here()"
            ),
        )
        .await;
        let url = db.url().to_owned();
        let migrator = tokio::spawn(async move { bring(&url).await });
        end_waiting_migrator(&sql).await;

        let ended = migrator.await.expect("it does not panic");

        assert!(ended.is_err(), "killed at {tag}");
        run(&sql, "drop event trigger wait_here").await;
        assert!(!is_current(db.url()).await, "after {tag}");
    }
    let report = bring(db.url()).await.expect("the last run completes");

    assert!(report.is_current(), "{report:?}");
}

async fn end_waiting_migrator(sql: &Client) {
    let end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() \
               and application_name = 'pg-presence migrate' and wait_event_type = 'Lock' and wait_event = 'advisory'";
    let deadline = Instant::now() + Duration::from_secs(20);
    while sql.query(end, &[]).await.expect("activity").is_empty() {
        assert!(Instant::now() < deadline, "the migrator comes to this step");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn id_types_are_chosen_once() {
    let Some(db) = TestDb::with_ids("bigint").await else {
        return;
    };
    let as_ids = |id_types| MigrateOptions {
        id_types: Some(id_types),
        ..MigrateOptions::default()
    };

    let other = migrate::migrate(db.url(), &as_ids(all(IdType::Uuid))).await;
    let same = migrate::migrate(db.url(), &as_ids(all(IdType::Bigint))).await;
    let unsaid = bring(db.url()).await;

    let refused = other.expect_err("another type").to_string();
    assert!(
        refused.contains("bigint (user)") && refused.contains("cannot be changed"),
        "{refused}"
    );
    assert!(same.expect("the same types").is_current());
    assert!(unsaid.expect("the types as installed").is_current());
}

#[tokio::test]
async fn a_mapping_of_ones_own_survives() {
    let Some(db) = TestDb::empty().await else { return };
    let sql = db.admin().await;
    let body = "select prosrc from pg_proc where oid = 'presence_host.users'::regproc";
    bring(db.url()).await.expect("the first");
    let as_installed = migrate::mapping(db.url()).await.expect("a mapping");
    migrate::load_event_app(db.url())
        .await
        .expect("the reference application");
    let event_app = migrate::mapping(db.url()).await.expect("a mapping");
    run(
        &sql,
        "set role presence_owner;
         create or replace function presence_host.users()
             returns table (user_id presence.user_id, name text, avatar_url text) language sql stable
         as 'select ''me''::presence.user_id, ''Me'', null::text';
         reset role",
    )
    .await;
    let own = text(&sql, body).await;

    bring(db.url()).await.expect("the second");

    assert_eq!(text(&sql, body).await, own);
    assert_eq!(
        (as_installed, event_app),
        (Mapping::AsInstalled, Mapping::EventApp)
    );
    assert_eq!(migrate::mapping(db.url()).await.expect("a mapping"), Mapping::Own);
    assert!(is_current(db.url()).await, "a mapping is no drift");
}

#[tokio::test]
async fn a_login_without_superuser_migrates_and_all_is_denied() {
    let Some(db) = TestDb::empty().await else { return };
    let url = login_that_migrates(&db, "presence_test_migrator").await;

    let report = bring(&url).await.expect("CREATEROLE and CREATE are enough");
    let again = bring(&url).await.expect("also a second time");

    assert!(report.is_current() && again.is_current(), "{report:?}");
    assert!(is_current(&url).await);
    assert_eq!(
        migrate::mapping(&url).await.expect("a mapping"),
        Mapping::AsInstalled
    );
    let sql = db.admin().await;
    let denied = sql
        .batch_execute("select presence.heartbeat('general', 'alice', gen_random_uuid())")
        .await
        .expect_err("nobody may enter anything");
    assert_eq!(denied.code().map(|code| code.code()), Some("PR404"));
    let owners = "select string_agg(distinct rolname, ',') from pg_roles where oid in \
                  (select relowner from pg_class where relnamespace in ('presence'::regnamespace, 'presence_private'::regnamespace) \
                   union all select nspowner from pg_namespace where nspname like 'presence%')";
    assert_eq!(text(&sql, owners).await, "presence_owner");
}

/// The URL of a login that has CREATEROLE and CREATE on this empty database, and nothing else.
async fn login_that_migrates(db: &TestDb, name: &str) -> String {
    // Other tests' databases are in the same cluster, so the roles may be there, and be somebody else's.
    run(&db.admin().await, files::ROLES).await;
    run(
        &db.admin().await,
        "drop schema presence, presence_private, presence_host",
    )
    .await;
    let rights = format!(
        "alter role $login createrole;
         grant create on database {} to $login;
         do $$ begin
             if current_setting('server_version_num')::integer >= 160000 then
                 execute 'grant presence_owner to $login with admin option, inherit true, set true';
             end if;
         end $$",
        db.name()
    );
    db.login(name, &rights).await
}

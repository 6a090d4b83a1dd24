//! The doctor: each check on something that was broken on purpose, and mended as the finding says.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use pg_presence::doctor::{self, Finding, Options, Severity, Style};
use tokio_postgres::Client;

use crate::support::{db::TestDb, server::connect};

mod command;
mod indexes;
mod installed;
mod mapping;
mod rows;
pub mod server;
mod service;
mod tables;

/// As the command line asks, but for the patience with queues.
fn options(url: &str) -> Options {
    Options {
        overdue_max: Duration::from_millis(300),
        ..Options::new(url)
    }
}

async fn examine(url: &str) -> Vec<Finding> {
    doctor::examine(&options(url)).await
}

/// What a check found that is not as it should be.
fn of<'a>(findings: &'a [Finding], check: &str) -> Vec<&'a Finding> {
    let is_it = |found: &&Finding| found.check == check && found.severity != Severity::Ok;
    findings.iter().filter(is_it).collect()
}

/// The one finding of a check; says all there is where there is none, or more.
fn the<'a>(findings: &'a [Finding], check: &str) -> &'a Finding {
    match of(findings, check)[..] {
        [one] => one,
        ref others => panic!(
            "{} findings of {check}:\n{}",
            others.len(),
            doctor::render(findings, Style { is_coloured: false })
        ),
    }
}

/// Statements one by one, as psql sends them: VACUUM and CREATE INDEX CONCURRENTLY want no transaction.
async fn run(sql: &Client, text: &str) {
    let mut statement = String::new();
    for line in text.lines() {
        statement.push_str(line);
        statement.push('\n');
        let is_within = statement.matches("$mapping$").count() % 2 == 1;
        if line.trim_end().ends_with(';') && !is_within {
            sql.batch_execute(&statement).await.unwrap_or_else(|error| {
                panic!(
                    "{}\n{statement}",
                    error.as_db_error().expect("Postgres's own words").message()
                )
            });
            statement.clear();
        }
    }
    assert_eq!(statement.trim(), "", "a statement without an end");
}

/// Breaks a database, sees the finding, does what it says, and sees it no more. Returns what it said.
async fn mends(db: &TestDb, broken: &str, check: &str, severity: Severity) -> Finding {
    mends_at(db.url(), broken, check, severity).await
}

/// As [`mends`], in a superuser's database anywhere.
async fn mends_at(url: &str, broken: &str, check: &str, severity: Severity) -> Finding {
    let sql = connect(url).await.expect("the database answers");
    sql.batch_execute(broken)
        .await
        .unwrap_or_else(|error| panic!("{error:?}\n{broken}"));

    let before = examine(url).await;
    let found = the(&before, check).clone();
    let mend = found
        .sql
        .as_deref()
        .unwrap_or_else(|| panic!("no SQL: {found:?}"));
    run(&sql, mend).await;
    let after = examine(url).await;

    assert_eq!(found.severity, severity, "{found:?}");
    let left = of(&after, check);
    assert!(left.is_empty(), "{left:?}\nafter\n{mend}");
    found
}

#[tokio::test]
async fn a_healthy_database_has_no_warning_and_nothing_is_left_out() {
    for id_type in ["text", "uuid", "bigint"] {
        let Some(db) = TestDb::with_ids(id_type).await else {
            return;
        };

        let findings = examine(db.url()).await;

        let bad: Vec<&Finding> = findings
            .iter()
            .filter(|found| ![Severity::Ok, Severity::Note].contains(&found.severity))
            .collect();
        assert!(bad.is_empty(), "{bad:#?}");
        let notes: Vec<&str> = of_severity(&findings, Severity::Note);
        assert_eq!(notes, ["service.settings"]);
        assert!(findings.len() > 35, "{}", findings.len());
    }
}

fn of_severity(findings: &[Finding], severity: Severity) -> Vec<&'static str> {
    let is_it = |found: &&Finding| found.severity == severity;
    findings.iter().filter(is_it).map(|found| found.check).collect()
}

/// Whatever it asks, it asks read-only: a login whose every write would be noticed sees none.
#[tokio::test]
async fn it_writes_nothing() {
    let Some(db) = TestDb::new().await else { return };
    let sql = db.admin().await;
    let rows = "select string_agg(relname || ' ' || n_tup_ins + n_tup_upd + n_tup_del, ',' order by relid)
                  from pg_stat_user_tables";
    let catalog = "select (select count(*) from pg_class)::text || (select count(*) from pg_proc) || \
        (select count(*) from pg_trigger)";
    let state = async || {
        let mut state = String::new();
        for query in [rows, catalog] {
            state += &sql.query_one(query, &[]).await.expect(query).get::<_, String>(0);
        }
        state
    };
    let before = state().await;
    run(
        &sql,
        &format!(
            "alter database {} set default_transaction_read_only = on;",
            db.name()
        ),
    )
    .await;

    let findings = examine(db.url()).await;

    assert_eq!(of_severity(&findings, Severity::Error), ["server.primary"]);
    assert_eq!(of_severity(&findings, Severity::Skipped), [""; 0]);
    assert_eq!(state().await, before);
}

#[tokio::test]
async fn a_lesser_login_is_told_what_it_cannot_see() {
    let Some(db) = TestDb::new().await else { return };
    let url = db.login("presence_test_doctor_lesser", "").await;

    let findings = examine(&url).await;

    let skipped = of_severity(&findings, Severity::Skipped);
    for check in [
        "installed.migrated",
        "service.reaping",
        "service.settings",
        "mapping.runs",
        "server.old_transactions",
    ] {
        assert!(skipped.contains(&check), "{check}: {skipped:?}");
    }
    assert_eq!(of_severity(&findings, Severity::Error), [""; 0]);
    assert!(
        the(&findings, "mapping.runs")
            .says
            .contains("may not become presence_owner")
    );
    assert!(
        the(&findings, "server.old_transactions")
            .sql
            .as_deref()
            .is_some_and(|sql| sql.contains("pg_read_all_stats"))
    );
}

#[tokio::test]
async fn the_login_that_migrates_sees_all() {
    let Some(db) = TestDb::new().await else { return };
    let rights = "do $$ begin
             if current_setting('server_version_num')::integer >= 160000 then
                 execute 'grant presence_owner to $login with inherit true, set true';
             else
                 execute 'grant presence_owner to $login';
             end if;
         end $$; grant pg_read_all_stats to $login";
    let url = db.login("presence_test_doctor_owner", rights).await;

    let findings = examine(&url).await;

    assert_eq!(
        of_severity(&findings, Severity::Skipped),
        [""; 0],
        "{findings:#?}"
    );
    assert_eq!(of_severity(&findings, Severity::Error), [""; 0]);
}

#[tokio::test]
async fn what_cannot_be_reached_or_is_empty_is_one_finding() {
    let Some(db) = TestDb::empty().await else { return };

    let away = examine("postgres://x:y@127.0.0.1:1/x").await;
    let empty = examine(db.url()).await;

    assert_eq!(away.len(), 1);
    assert!(
        the(&away, "server.reachable").says.contains("Connection refused"),
        "{away:?}"
    );
    let missing = the(&empty, "installed.schemas");
    assert_eq!(
        (missing.severity, missing.command.as_deref()),
        (Severity::Error, Some("pg-presence migrate"))
    );
    pg_presence::migrate::migrate(db.url(), &pg_presence::migrate::MigrateOptions::default())
        .await
        .expect("as it says");
    let installed = examine(db.url()).await;
    assert_eq!(of_severity(&installed, Severity::Error), [""; 0]);
    // Nobody else's data is in the way: only what every new installation lacks.
    let unmapped = the(&installed, "mapping.mapped");
    assert_eq!(unmapped.severity, Severity::Warning);
    for function in ["users()", "rooms()", "participants()"] {
        assert!(unmapped.says.contains(function), "{unmapped:?}");
    }
    pg_presence::migrate::load_event_app(db.url())
        .await
        .expect("a mapping");
    assert!(of(&examine(db.url()).await, "mapping.mapped").is_empty());
}

/// Names are stable, so a page can explain them; and it explains none that there is not.
#[test]
fn each_check_is_explained_and_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &Path| fs::read_to_string(path).expect("a text");
    let mut source = read(&root.join("src/doctor.rs"));
    for entry in fs::read_dir(root.join("src/doctor")).expect("a folder") {
        source += &read(&entry.expect("a file").path());
    }
    let page = read(&root.join("docs/troubleshooting.md"));
    let (_, table) = page.split_once("## The doctor says").expect("a heading");

    let known = names(&source, '"');
    let explained = names(table, '`');

    assert!(known.len() > 35, "{known:?}");
    assert_eq!(known, explained);
}

/// What is quoted and looks like the name of a check.
fn names(text: &str, quote: char) -> BTreeSet<String> {
    let is_check = |word: &&str| {
        let (group, name) = word.split_once('.').unwrap_or_default();
        ["server", "installed", "service", "mapping"].contains(&group)
            && name.len() > 1
            && name
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter == '_')
    };
    text.split(quote).filter(is_check).map(str::to_owned).collect()
}

//! From each earlier state: every file of `tests/earlier` is a database as some version left it.

use std::{fs, path::Path};

use pg_presence::{
    domain::IdType,
    migrate::{self, Mapping, MigrateOptions},
};
use tokio_postgres::Client;

use super::{all, bring, differences, is_current, run, schema, text};
use crate::support::db::TestDb;

/// Name and SQL of each; the head of a file says how to make one.
pub fn states() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/earlier");
    let mut states: Vec<(String, String)> = fs::read_dir(folder)
        .expect("tests/earlier")
        .map(|entry| entry.expect("a file"))
        .map(|entry| {
            let text = fs::read_to_string(entry.path()).expect("UTF-8");
            (entry.file_name().to_string_lossy().into_owned(), text)
        })
        .collect();
    states.sort();
    assert!(!states.is_empty());
    states
}

/// The rows of all tables of ours, as JSON, but for what says which version was installed, and when the partitions of
/// history are looked after next, which a migrate does.
async fn rows(sql: &Client, tables: &[String]) -> Vec<(String, String)> {
    let mut rows = vec![];
    for table in tables {
        let query = format!("select (to_jsonb(t) - 'keep_at')::text from {table} t order by 1");
        let found = sql.query(&query, &[]).await.expect(table);
        rows.extend(found.iter().map(|row| (table.clone(), row.get::<_, String>(0))));
    }
    rows
}

async fn tables(sql: &Client) -> Vec<String> {
    let query = "select c.oid::regclass::text from pg_class c where c.relnamespace = 'presence_private'::regnamespace \
                 and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> 'installed' order by 1";
    let found = sql.query(query, &[]).await.expect("the catalogue");
    found.iter().map(|row| row.get(0)).collect()
}

/// Whether a row is still there, with perhaps more columns.
async fn is_kept(sql: &Client, table: &str, row: &str) -> bool {
    let query = format!("select exists (select from {table} t where to_jsonb(t) @> $1::text::jsonb)");
    sql.query_one(&query, &[&row]).await.expect(table).get(0)
}

#[tokio::test]
async fn from_each_earlier_state_a_migrate_gives_the_schema_of_a_fresh_install_and_loses_no_row() {
    for (name, dump) in states() {
        let Some(db) = TestDb::empty().await else { return };
        let sql = db.admin().await;
        run(&sql, &dump).await;
        let tables = tables(&sql).await;
        let before = rows(&sql, &tables).await;
        let filled = |table: &String| before.iter().any(|(of, _)| of == table);
        let empty: Vec<&String> = tables.iter().filter(|table| !filled(table)).collect();
        let status = migrate::status(db.url()).await.expect("a status");
        assert!(!status.is_current() && !status.newer, "{name}: {status:?}");

        let report = bring(db.url()).await.expect(&name);

        assert!(
            report.is_current() && is_current(db.url()).await,
            "{name}: {report:?}"
        );
        assert_eq!(empty, Vec::<&String>::new(), "{name} has rows of every kind");
        for (table, row) in &before {
            assert!(is_kept(&sql, table, row).await, "{name}: {table} lost {row}");
        }
        assert_eq!(migrate::mapping(db.url()).await.expect("a mapping"), Mapping::Own);
        let (upgraded, fresh) = (schema(&sql).await, fresh_schema(&sql).await);
        assert!(upgraded == fresh, "{name}: {:#?}", differences(&upgraded, &fresh));
    }
}

#[tokio::test]
async fn who_was_there_before_a_migrate_is_there_after_it() {
    for (name, dump) in states() {
        let Some(db) = TestDb::empty().await else { return };
        let sql = db.admin().await;
        run(&sql, &dump).await;
        let joined = text(&sql, "select joined_at::text from presence_private.member").await;

        bring(db.url()).await.expect(&name);

        let members = "select string_agg(concat_ws(' ', m.user_id, m.sessions, m.joined_at), ',') from presence.members m";
        assert_eq!(text(&sql, members).await, format!("alice 2 {joined}"), "{name}");
        let left =
            "select presence.leave('general', 'alice', session_id)::text from presence.sessions limit 1";
        assert_eq!(text(&sql, left).await, "true", "{name}");
        let still = "select m.sessions::text from presence.members m";
        assert_eq!(text(&sql, still).await, "1", "{name}");
        let settings = "select concat_ws(' ', ttl, sessions_max) from presence_private.setting";
        assert_eq!(text(&sql, settings).await, "00:03:00 7", "{name}");
    }
}

/// Of a database that never was anything else, with the same types of ids.
async fn fresh_schema(like: &Client) -> String {
    let db = TestDb::empty().await.expect("there was one a moment ago");
    let id_type =
        "select format_type(t.typbasetype, null) from pg_type t where t.oid = 'presence.user_id'::regtype";
    let id_type = IdType::parse(&text(like, id_type).await).expect("a type of ids");
    let options = MigrateOptions {
        id_types: Some(all(id_type)),
        ..MigrateOptions::default()
    };
    migrate::migrate(db.url(), &options)
        .await
        .expect("a fresh install");
    schema(&db.admin().await).await
}

//! What `migrate print` prints: by any means that runs SQL it gives the same database as a migrate.

use std::{collections::BTreeSet, fs, process::Command};

use pg_presence::{
    domain::{IdType, IdTypes},
    migrate::{self, MigrateOptions, catalog},
};

use super::{all, bring, differences, is_current, run, schema, text};
use crate::support::{
    db::TestDb,
    programs::{pg_dump, psql},
    server::temporary_dir,
};

const ID_TYPES: [IdType; 3] = [IdType::Text, IdType::Uuid, IdType::Bigint];

/// A database of its own with these ids and nothing else in it.
async fn migrated(id_type: IdType) -> Option<TestDb> {
    let db = TestDb::empty().await?;
    let options = MigrateOptions {
        id_types: Some(all(id_type)),
        ..MigrateOptions::default()
    };
    migrate::migrate(db.url(), &options).await.expect("a migrate");
    Some(db)
}

#[tokio::test]
async fn what_is_printed_installs_the_same() {
    for id_type in ID_TYPES {
        let Some(db) = TestDb::empty().await else { return };
        let Some(reference) = migrated(id_type).await else {
            return;
        };
        let sql = db.admin().await;

        run(&sql, &migrate::print(all(id_type))).await;

        assert!(is_current(db.url()).await);
        let of_reference = text(&reference.admin().await, &catalog::digest()).await;
        assert_eq!(text(&sql, &catalog::digest()).await, of_reference);
        let goes_on = bring(db.url()).await.expect("it goes on from there");
        assert!(goes_on.is_current());
    }
}

#[tokio::test]
async fn what_is_printed_and_applied_by_psql_gives_the_identical_dump() {
    let (Some(psql), Some(any)) = (psql(), TestDb::empty().await) else {
        return;
    };
    let pg_dump = pg_dump(&any).await;
    let mixed = IdTypes {
        user: IdType::Uuid,
        ..all(IdType::Bigint)
    };
    for id_types in ID_TYPES.map(all).into_iter().chain([mixed]) {
        let (Some(db), Some(reference)) = (TestDb::empty().await, TestDb::empty().await) else {
            return;
        };
        let options = MigrateOptions {
            id_types: Some(id_types),
            ..MigrateOptions::default()
        };
        migrate::migrate(reference.url(), &options)
            .await
            .expect("a migrate");
        let file = temporary_dir().with_extension("sql");
        fs::write(&file, migrate::print(id_types)).expect("a file");

        let psql = Command::new(&psql)
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f"])
            .args([file.as_os_str(), db.url().as_ref()])
            .output()
            .expect("psql runs");
        fs::remove_file(&file).expect("it is there");

        assert!(psql.status.success(), "{}", String::from_utf8_lossy(&psql.stderr));
        assert!(is_current(db.url()).await);
        let (printed, migrated) = (
            schema(&db.admin().await).await,
            schema(&reference.admin().await).await,
        );
        assert!(printed == migrated, "{:#?}", differences(&printed, &migrated));
        let Some(pg_dump) = &pg_dump else { continue };
        let dumps = [&db, &reference].map(|db| objects_of_dump(pg_dump, db.url()));
        assert!(dumps[0].len() > 100, "it is a dump: {dumps:#?}");
        let only: Vec<&String> = dumps[0].symmetric_difference(&dumps[1]).collect();
        assert_eq!(only, [""; 0], "in one of the dumps alone");
    }
}

/// Each object of a dump with its head, without what says when and by what it was made.
fn objects_of_dump(pg_dump: &std::path::Path, url: &str) -> BTreeSet<String> {
    let dump = Command::new(pg_dump)
        .args(["--schema-only", url])
        .output()
        .expect("pg_dump runs");
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let text = String::from_utf8(dump.stdout).expect("UTF-8");
    let objects = text.split("\n--\n-- Name: ").skip(1);
    let without_end = |object: &str| {
        let end = object.find("\n--\n-- PostgreSQL database dump complete");
        object[..end.unwrap_or(object.len())].trim_end().to_owned()
    };
    objects.map(without_end).collect()
}

//! Programs that come with Postgres: beside the tests' server, in PATH, or where packagers put them.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    db::TestDb,
    server::{Lacking, skip},
};

/// Any psql: all speak to all servers. Nothing (and the test counted as skipped) where there is none.
pub fn psql() -> Option<PathBuf> {
    let found = candidates("psql").into_iter().find(|path| major(path).is_some());
    if found.is_none() {
        skip(Lacking::Psql);
    }
    found
}

/// A pg_dump that is no older than the server: it refuses newer ones. Nothing (and the test counted as skipped) where
/// there is none.
pub async fn pg_dump(db: &TestDb) -> Option<PathBuf> {
    let version = "select current_setting('server_version_num')::integer / 10000";
    let row = db.admin().await.query_one(version, &[]).await;
    let server: i32 = row.expect("a version").get(0);
    let is_enough = |path: &PathBuf| major(path).is_some_and(|major| major >= server);
    let found = candidates("pg_dump").into_iter().find(is_enough);
    if found.is_none() {
        skip(Lacking::PgDump);
    }
    found
}

fn candidates(name: &str) -> Vec<PathBuf> {
    let named = std::env::var_os("PRESENCE_TEST_PG_BIN").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let dirs = named
        .into_iter()
        .chain(debian.map(|major| major.path().join("bin")))
        .chain(std::env::split_paths(&path));
    dirs.map(|dir| dir.join(name))
        .filter(|path| path.is_file())
        .collect()
}

/// As `psql (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)` says.
fn major(program: &Path) -> Option<i32> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text.split_once("(PostgreSQL) ")?.1;
    let end = version.find(|letter: char| !letter.is_ascii_digit())?;
    version[..end].parse().ok()
}

/// A server that is no part of Postgres, by its name and the Debian package that brings it. Nothing (and the test
/// counted as skipped) where it is not installed.
pub fn daemon(name: &str, package: &'static str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
    dirs.extend(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let found = dirs
        .into_iter()
        .map(|dir| dir.join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        skip(Lacking::Package(package));
    }
    found
}

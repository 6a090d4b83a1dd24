//! What docs/hosts.md says, so that it is run as it is read.

use std::{path::Path, process::Command};

const DOC: &str = include_str!("../../../docs/hosts.md");

/// The text below a heading, up to the next.
pub fn section(heading: &str) -> &'static str {
    let mark = format!("\n## {heading}\n");
    let begin = DOC.find(&mark).expect("docs/hosts.md has the heading") + mark.len();
    let end = DOC[begin..].find("\n## ");
    &DOC[begin..end.map_or(DOC.len(), |end| begin + end)]
}

/// The blocks of a language below a heading.
pub fn blocks(heading: &str, language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let mut found = vec![];
    let mut rest = section(heading);
    while let Some(begin) = rest.find(&fence) {
        rest = &rest[begin + fence.len()..];
        let end = rest.find("```").expect("a block ends");
        found.push(&rest[..end]);
        rest = &rest[end..];
    }
    found
}

/// The headings with commands or SQL beneath them.
pub fn headings_with_blocks() -> Vec<&'static str> {
    let headings = DOC.lines().filter_map(|line| line.strip_prefix("## "));
    headings
        .filter(|heading| !blocks(heading, "sh").is_empty() || !blocks(heading, "sql").is_empty())
        .collect()
}

/// Runs a block as a shell would, all but psql, with this database; returns what `presence.sql` holds.
pub fn run(block: &str, url: &str) -> String {
    let without_psql: Vec<&str> = block.lines().filter(|line| !line.starts_with("psql ")).collect();
    assert_eq!(
        without_psql.len() + 1,
        block.lines().count(),
        "one line runs what was written"
    );
    shell(&without_psql.join("\n"), url)
}

/// The first line of a block, which migrates.
pub fn migrate(block: &str, url: &str) {
    let line = block.lines().next().expect("a line");
    assert!(line.starts_with("pg-presence migrate "), "{line}");
    shell(line, url);
}

fn shell(script: &str, url: &str) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_pg-presence"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(uuid::Uuid::new_v4().to_string());
    std::fs::create_dir(&folder).expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let beside = program.parent().expect("a folder").display();
    let output = Command::new("/bin/sh")
        .args(["-euc", script])
        .current_dir(&folder)
        .env("PATH", format!("{beside}:{path}"))
        .env("DATABASE_URL", url)
        .output()
        .expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{said}");
    let sql = std::fs::read_to_string(folder.join("presence.sql")).unwrap_or_default();
    std::fs::remove_dir_all(&folder).expect("its folder can go");
    sql
}

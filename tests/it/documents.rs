//! The examples of docs/sql.md are run, in order, by psql, and print what the page says that they print.

use std::{io::Write, process::Stdio};

use pg_presence::migrate;

use crate::support::{programs::psql, server::TestCluster};

const PAGE: &str = include_str!("../../docs/sql.md");

/// A fenced block: its language, its line, its text.
type Block = (&'static str, usize, String);

fn blocks() -> Vec<Block> {
    let mut blocks: Vec<Block> = vec![];
    let mut open = false;
    for (line, text) in PAGE.lines().enumerate() {
        match text.strip_prefix("```") {
            Some(language) if !open => blocks.push((language, line + 1, String::new())),
            Some(_) => {}
            None if open => {
                let body = &mut blocks.last_mut().expect("an open block").2;
                body.push_str(text);
                body.push('\n');
            }
            None => continue,
        }
        open = open != text.starts_with("```");
    }
    blocks
}

/// A table as psql prints it, without the spaces at the ends of lines.
fn trimmed(text: &str) -> String {
    let lines: Vec<_> = text.trim_end().lines().map(str::trim_end).collect();
    lines.join("\n")
}

#[tokio::test]
async fn each_example_of_the_sql_contract_runs_and_prints_what_the_page_says() {
    let (Some(psql), Some(cluster)) = (psql(), TestCluster::start(&[]).await) else {
        return;
    };
    let url = cluster.database("docs", "text").await;
    let blocks = blocks();
    let views = PAGE
        .lines()
        .position(|line| line == "## Views")
        .expect("a heading");
    let (mut tables, mut is_mapped_away) = (0, true);

    for (nth, (language, line, body)) in blocks.iter().enumerate() {
        if *language != "sql" {
            continue;
        }
        if is_mapped_away && *line > views {
            is_mapped_away = false; // what stands above maps an application of its own
            migrate::load_event_app(&url)
                .await
                .expect("the reference application");
        }
        let mut child = std::process::Command::new(&psql)
            .args([
                "-X",
                "-q",
                "-v",
                "ON_ERROR_STOP=1",
                "-P",
                "footer=off",
                "-f",
                "-",
                &url,
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("psql starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(body.as_bytes()).expect("psql reads");
        drop(stdin);
        let output = child.wait_with_output().expect("psql ends");
        let (out, errors) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "docs/sql.md, line {line}: {errors}");
        if let Some(("text", _, shown)) = blocks.get(nth + 1)
            && shown.contains("-+-")
        {
            assert_eq!(trimmed(&out), trimmed(shown), "docs/sql.md, line {line}");
            tables += 1;
        }
    }

    assert!(tables >= 2, "{tables} of the examples show what they print");
}

/// The table of settings in docs/operations.md; `PRESENCE_TEST_BLESS=1` writes it.
#[test]
fn the_settings_table_is_what_the_code_has() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md");
    let page = std::fs::read_to_string(path).expect("the page");
    let begin = page
        .find("| Variable | Default | Bounds | Means |")
        .expect("a table");
    let end = begin + page[begin..].find("\n\n").expect("the end of the table") + 1;
    let table = pg_presence::config::knobs::table();

    if std::env::var_os("PRESENCE_TEST_BLESS").is_some() {
        let blessed = format!("{}{table}{}", &page[..begin], &page[end..]);
        std::fs::write(path, blessed).expect("the page may be written");
        return;
    }
    assert_eq!(
        &page[begin..end],
        table,
        "PRESENCE_TEST_BLESS=1 writes the table anew"
    );
}

//! Faults: what `docs/faults.md` says holds under them is shown by tests that exist, and some of these are here.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use reqwest::StatusCode;

use crate::support::app::TestApp;

mod clock;
mod crowd;
mod disk;
mod hands;
mod held;
mod idle;
mod jumps;
mod load;
mod network;
mod outages;
mod poolers;
mod postgres;
mod processes;
mod proxies;
mod skewed;
mod slow;
mod starved;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// What has no test yet, in the table's words.
const NOT_SHOWN: &str = "not shown by a test yet";

async fn until_ready(app: &TestApp, expected: StatusCode) {
    let (client, deadline) = (app.client("alice"), Instant::now() + PATIENCE);
    loop {
        let (status, body) = client.get("/readyz").await;
        if status == expected {
            return;
        }
        assert!(Instant::now() < deadline, "readiness stays {status}: {body}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Names of the functions that the test harness runs, below a folder.
fn tests_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            tests_below(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        let mut lines = text.lines().map(str::trim);
        while let Some(line) = lines.next() {
            if line == "#[test]" || line.starts_with("#[tokio::test") {
                let name = lines
                    .by_ref()
                    .find_map(|line| line.split_once("fn ")?.1.split_once('('));
                found.extend(name.map(|(name, _)| name.to_owned()));
            }
        }
    }
}

/// Each case has a row, and what stands in backticks in its last column is a test, or the row says that there is none.
#[test]
fn each_test_that_the_table_of_faults_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeSet::new();
    tests_below(&root.join("tests/it"), &mut tests);
    tests_below(&root.join("src"), &mut tests);
    let page = fs::read_to_string(root.join("docs/faults.md")).expect("the page is there");

    let mut cases = vec![];
    let mut wrong = vec![];
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let Ok(number) = cells[0].parse::<u32>() else {
            continue;
        };
        cases.push(number);
        let shown = cells.get(3).copied().unwrap_or_default();
        let names: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
        if cells.len() != 4 || names.is_empty() && !shown.contains(NOT_SHOWN) {
            wrong.push(format!("case {number} names no test and does not say so"));
        }
        let unknown = names.iter().filter(|name| !tests.contains(**name));
        wrong.extend(unknown.map(|name| format!("case {number}: there is no test {name}")));
    }

    assert!(tests.len() > 300, "{}", tests.len());
    assert_eq!(cases, (1..=67).collect::<Vec<u32>>());
    assert_eq!(wrong, [""; 0]);
}

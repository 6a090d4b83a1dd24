//! The job of CI that docs/operations.md offers is the one that runs here, and its commands work in their order.

use std::{fs, path::Path, process::Command};

use crate::support::db::TestDb;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

/// The arguments of each `pg-presence` of a job, in order.
fn commands(job: &str) -> Vec<Vec<&str>> {
    let runs = job
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- run: pg-presence "));
    runs.map(|run| run.split_whitespace().take_while(|word| *word != "#").collect())
        .collect()
}

#[test]
fn the_job_in_the_documentation_is_the_job_that_runs() {
    let job = read(".github/workflows/migrations.yml");

    assert!(
        read("docs/operations.md").contains(&format!("```yaml\n{job}```")),
        "docs/operations.md does not have .github/workflows/migrations.yml as it is"
    );
}

#[tokio::test]
async fn the_commands_of_the_job_work_in_their_order() {
    let Some(db) = TestDb::empty().await else { return };
    let job = read(".github/workflows/migrations.yml");
    let commands = commands(&job);
    assert!(commands.len() >= 5, "{commands:?}");

    for arguments in commands {
        let output = Command::new(env!("CARGO_BIN_EXE_pg-presence"))
            .args(&arguments)
            .env("DATABASE_URL", db.url())
            .output()
            .expect("the program runs");

        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
}

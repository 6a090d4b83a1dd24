//! Planted bugs: each one is looked for by a soak until it is found or the time is over, and told as a table.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use anyhow::{Context, Result, ensure};

use crate::soak::{self, Options};

/// A bug that is planted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plant {
    /// What it is called.
    pub name: String,
    /// Of a bug of SQL, what plants it; of one of the binary, none: its name in the environment does.
    pub sql: Option<String>,
}

impl Plant {
    /// The bug of this name; an error where there is none.
    pub fn find(name: &str) -> Result<Self> {
        ensure!(names()?.contains(name), "there is no bug that is called {name}");
        let file = folder().join(format!("{name}.sql"));
        let sql = file.is_file().then(|| std::fs::read_to_string(&file));
        let sql = sql.transpose().with_context(|| file.display().to_string())?;
        Ok(Self { name: name.to_owned(), sql })
    }
}

/// Runs each; exit code 1 where one was not found.
pub async fn run(
    only: &[String],
    minutes: f64,
    bin: Option<PathBuf>,
    pg_bin: Option<PathBuf>,
) -> Result<ExitCode> {
    let mut lines = vec![];
    let mut all_found = true;
    for plant in names()?
        .into_iter()
        .filter(|name| only.is_empty() || only.contains(name))
    {
        let begin = Instant::now();
        let mut seed = 0;
        let found = loop {
            let left = minutes - begin.elapsed().as_secs_f64() / 60.0;
            if left <= 0.1 {
                break None;
            }
            seed += 1;
            let options = Options {
                seed,
                minutes: left,
                plant: Some(Plant::find(&plant)?),
                keep: None,
                nodes: 2,
                bin: bin.clone(),
                pg_bin: pg_bin.clone(),
                calm: false,
            };
            let report = soak::run(&options).await?;
            if let Some(first) = report.violations.first() {
                let _ = std::fs::remove_dir_all(&report.dir);
                break Some(first.clone());
            }
        };
        all_found &= found.is_some();
        let by = found.as_ref().map_or("not found", |violation| violation.promise);
        let line = format!("| {plant} | {by} | {seed} | {} |", begin.elapsed().as_secs());
        eprintln!("{line}");
        lines.push(line);
    }
    println!(
        "| Bug | Found as a breach of | Seed | Seconds |\n|---|---|---|---|\n{}",
        lines.join("\n")
    );
    Ok(if all_found {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// All bugs there are: those of the binary, which a debug build plants where `PRESENCE_PLANT` names one, as its source names
/// them, and those of SQL, a file each.
fn names() -> Result<BTreeSet<String>> {
    let bench = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = std::fs::read_to_string(bench.join("../src/planted.rs")).unwrap_or_default();
    let of_the_binary = source
        .lines()
        .filter_map(|line| line.trim().strip_suffix("\",")?.split_once(" = \""));
    let mut names: BTreeSet<String> = of_the_binary.map(|(_, name)| name.to_owned()).collect();
    for entry in std::fs::read_dir(folder()).into_iter().flatten() {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "sql") {
            names.extend(path.file_stem().and_then(|name| name.to_str()).map(str::to_owned));
        }
    }
    Ok(names)
}

/// Where those of SQL are.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("plants")
}

//! Planted bugs: each one is looked for by a soak until it is found or the time is over, and told as a table.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    clock::SECOND,
    soak::{self, Options},
};

/// A bug that is planted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plant {
    /// What it is called.
    pub name: String,
    /// What it does, as its source says.
    pub does: String,
    /// Of a bug of SQL, what plants it; of one of the binary, none: its name in the environment does.
    pub sql: Option<String>,
}

impl Plant {
    /// The bug of this name; an error where there is none.
    pub fn find(name: &str) -> Result<Self> {
        let found = Self::all()?.into_iter().find(|plant| plant.name == name);
        found.with_context(|| format!("there is no bug that is called {name}"))
    }

    /// All bugs there are: those of the binary, which a debug build plants where `PRESENCE_PLANT` names one, as its source
    /// names them, and those of SQL, a file each.
    fn all() -> Result<Vec<Self>> {
        let bench = Path::new(env!("CARGO_MANIFEST_DIR"));
        let source = std::fs::read_to_string(bench.join("../src/planted.rs")).context("src/planted.rs")?;
        let (mut plants, mut does) = (vec![], String::new());
        for line in source.lines().map(str::trim) {
            if let Some(text) = line.strip_prefix("/// ") {
                text.clone_into(&mut does);
            } else if let Some((_, name)) = line.strip_suffix("\",").and_then(|line| line.split_once(" = \""))
            {
                let (name, does, sql) = (name.to_owned(), does.clone(), None);
                plants.push(Self { name, does, sql });
            }
        }
        let mut files = vec![];
        for entry in std::fs::read_dir(bench.join("plants")).context("bench/plants")? {
            files.push(entry?.path());
        }
        files.retain(|file| file.extension().is_some_and(|end| end == "sql"));
        files.sort();
        for file in files {
            let sql = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            let name = file
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let head = sql.lines().next().unwrap_or_default();
            let does = format!("SQL: {}", head.trim_start_matches("-- A planted bug. "));
            plants.push(Self {
                name,
                does,
                sql: Some(sql),
            });
        }
        Ok(plants)
    }

    /// The model of the hub looks for it, in `cargo test`, and finds it sooner.
    fn is_of_the_hub(&self) -> bool {
        ["The hub: ", "Dashboards: ", "Queues: "]
            .iter()
            .any(|of| self.does.starts_with(of))
    }
}

/// How they are looked for.
#[derive(Debug, Clone)]
pub struct Search {
    /// These alone; empty: all but those of the hub.
    pub only: Vec<String>,
    /// Those of the hub, too.
    pub hub: bool,
    /// How long each is looked for.
    pub minutes: f64,
    /// Where their histories go, and stay.
    pub keep: Option<PathBuf>,
    /// The binary; none: it is built.
    pub bin: Option<PathBuf>,
    /// Where the server binaries of Postgres are; none: they are looked for.
    pub pg_bin: Option<PathBuf>,
}

/// Looks for each, and prints a table; exit code 1 where one was not found.
pub async fn run(search: &Search) -> Result<ExitCode> {
    for name in &search.only {
        Plant::find(name)?;
    }
    let mut plants = Plant::all()?;
    plants.retain(|plant| match search.only.is_empty() {
        true => search.hub || !plant.is_of_the_hub(),
        false => search.only.contains(&plant.name),
    });
    let (mut lines, mut missed) = (vec![], 0);
    for plant in plants {
        let found = look_for(&plant, search).await?;
        missed += usize::from(found.is_none());
        let (breach, after) = found.map_or(("not found".to_owned(), search.minutes * 60.0), |found| {
            (found.breach, found.after.as_secs_f64())
        });
        let line = format!("| `{}` | {} | {breach} | {after:.0} |", plant.name, plant.does);
        eprintln!("{line}");
        lines.push(line);
    }
    println!(
        "{}: {} of {} found.\n",
        today(),
        lines.len() - missed,
        lines.len()
    );
    println!("| Bug | What it does | Found as a breach of | Seconds |\n|---|---|---|---|");
    println!("{}", lines.join("\n"));
    Ok(if missed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

struct Found {
    /// Which promise was seen broken first.
    breach: String,
    /// Since the players began, those of seeds that found nothing included.
    after: Duration,
}

async fn look_for(plant: &Plant, search: &Search) -> Result<Option<Found>> {
    let begin = Instant::now();
    let mut played = Duration::ZERO;
    for seed in 1.. {
        let left = search.minutes - begin.elapsed().as_secs_f64() / 60.0;
        if left <= 0.1 {
            break;
        }
        let options = Options {
            seed,
            minutes: left,
            plant: Some(plant.clone()),
            keep: search
                .keep
                .as_ref()
                .map(|keep| keep.join(format!("{}-{seed}", plant.name))),
            nodes: 2,
            bin: search.bin.clone(),
            pg_bin: search.pg_bin.clone(),
            calm: false,
        };
        let report = soak::run(&options).await?;
        if let Some(first) = report.violations.first() {
            eprintln!("{}", first.what);
            if search.keep.is_none() {
                let _ = std::fs::remove_dir_all(&report.dir);
            }
            let after = played + Duration::from_millis(u64::try_from(first.after * 1_000 / SECOND)?);
            let breach = first.promise.to_owned();
            return Ok(Some(Found { breach, after }));
        }
        played += report.took;
    }
    Ok(None)
}

/// As the calendar of this machine has it.
fn today() -> String {
    let date = Command::new("date").args(["-u", "+%Y-%m-%d"]).output();
    date.map_or_else(
        |_| "some day".to_owned(),
        |date| String::from_utf8_lossy(&date.stdout).trim().to_owned(),
    )
}

//! What a run found, for people.

use std::{
    fmt::{Display, Formatter},
    path::PathBuf,
    time::Duration,
};

use super::Options;
use crate::{
    check::{State, Violation},
    clock::{Micros, seconds},
};

/// What a run found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    seed: u64,
    plant: Option<String>,
    /// Where the history is.
    pub dir: PathBuf,
    /// How many rounds were played.
    pub rounds: u64,
    /// How long it took.
    pub took: Duration,
    /// In this round streams and SQL agreed so long after all was whole.
    pub current: Option<Micros>,
    /// The longest of these.
    pub agreed_after: Micros,
    /// All of these.
    pub agreements: Vec<Micros>,
    /// Dashboards and people that were compared.
    pub views: u64,
    /// Resident memory of a node: the first, the last, the most.
    pub rss_first_kib: u64,
    /// As above.
    pub rss_last_kib: u64,
    /// As above.
    pub rss_max_kib: u64,
    /// What must never happen, and did.
    pub violations: Vec<Violation>,
    tally: Vec<(String, u64)>,
    compared: u64,
    logged: u64,
}

impl Report {
    /// Of this run.
    pub fn new(options: &Options) -> Self {
        Self {
            seed: options.seed,
            plant: options.plant.as_ref().map(|plant| plant.name.clone()),
            ..Self::default()
        }
    }

    /// Takes what the checker knows.
    pub fn take(&mut self, state: &State) {
        self.violations = state.violations.clone();
        self.tally = state
            .tally
            .iter()
            .map(|(what, count)| (what.clone(), *count))
            .collect();
        self.compared = state.streams.agreement.compared;
        self.logged = state.log.compared;
    }

    fn write_violations(&self, f: &mut Formatter<'_>, plant: &str) -> std::fmt::Result {
        for violation in &self.violations {
            writeln!(
                f,
                "\nVIOLATION of \"{}\" (seed {}{plant}):\n  {}",
                violation.promise, self.seed, violation.what
            )?;
            if !violation.frames.is_empty() {
                writeln!(
                    f,
                    "  The last frames of the stream:\n    {}",
                    violation.frames.join("\n    ")
                )?;
            }
        }
        if !self.violations.is_empty() {
            writeln!(
                f,
                "\nThe whole history is in {}: history.jsonl, and the logs of Postgres and the nodes.",
                self.dir.display()
            )?;
        }
        Ok(())
    }

    fn sum(&self, prefix: &str) -> u64 {
        let of = self.tally.iter().filter(|(what, _)| what.starts_with(prefix));
        of.map(|(_, count)| count).sum()
    }

    fn list(&self, prefix: &str) -> String {
        let of = self
            .tally
            .iter()
            .filter_map(|(what, count)| Some(format!("{} {count}", what.strip_prefix(prefix)?)));
        of.collect::<Vec<_>>().join(", ")
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let plant = self
            .plant
            .as_ref()
            .map_or_else(String::new, |plant| format!(", with the bug {plant} planted"));
        let mb = |kib: u64| kib / 1024;
        writeln!(f, "| Soak | seed {}{plant} |\n|---|---|", self.seed)?;
        writeln!(f, "| rounds, time | {}, {} s |", self.rounds, self.took.as_secs())?;
        writeln!(f, "| answers | {} |", self.list("answer "))?;
        writeln!(f, "| frames | {} |", self.list("frame "))?;
        writeln!(f, "| faults, {} | {} |", self.sum("fault "), self.list("fault "))?;
        writeln!(
            f,
            "| SQL transactions, changes of the application | {}, {} |",
            self.sum("SQL "),
            self.sum("host changes")
        )?;
        writeln!(f, "| looks at SQL | {} |", self.sum("look at SQL"))?;
        let (compared, logged, views) = (self.compared, self.logged, self.views);
        writeln!(
            f,
            "| compared: revisions, frames with the log, views with reads | {compared}, {logged}, {views} |"
        )?;
        writeln!(
            f,
            "| calls without an answer, 503 though nothing was broken | {}, {} |",
            self.sum("calls without"),
            self.sum("503 though")
        )?;
        writeln!(
            f,
            "| the machine stood still | {} times |",
            self.sum("the machine")
        )?;
        writeln!(
            f,
            "| streams and SQL agreed again after | {} at most |",
            seconds(self.agreed_after)
        )?;
        let (first, last, most) = (
            mb(self.rss_first_kib),
            mb(self.rss_last_kib),
            mb(self.rss_max_kib),
        );
        writeln!(
            f,
            "| memory of a node: first, last, most | {first} MB, {last} MB, {most} MB |"
        )?;
        writeln!(f, "| violations | {} |", self.violations.len())?;
        self.write_violations(f, &plant)
    }
}

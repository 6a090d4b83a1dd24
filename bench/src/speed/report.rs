//! `bench/RESULTS.md`: the table with the machine, the versions and the commit that it is of.

use std::{fmt::Write as _, path::Path, process::Command};

use anyhow::{Context, Result};

use super::{
    Options,
    figures::{Figure, table},
    rivals::socketio,
};

/// Writes it where that is asked.
pub fn keep(figures: &[Figure], options: &Options) -> Result<()> {
    let Some(file) = &options.keep else { return Ok(()) };
    let mut text = String::from(
        "# What was measured\n\nWritten by `cargo run --release -p bench -- all --keep bench/RESULTS.md`; not edited by hand.\n\
         Medians of runs that take turns, on one machine in the same minutes.\n\
         CPU is user and system time of the service and of Postgres, by the operating system's account; the load generator is a process of its own and not counted.\n\n",
    );
    for (name, value) in machine(options) {
        let _ = writeln!(text, "- {name}: {value}");
    }
    let _ = write!(text, "\n{}", table(figures));
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

fn machine(options: &Options) -> Vec<(&'static str, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let says = |program: &str, arguments: &[&str]| {
        let said = Command::new(program).args(arguments).current_dir(root).output();
        said.map_or_else(
            |_| "unknown".to_owned(),
            |said| String::from_utf8_lossy(&said.stdout).trim().to_owned(),
        )
    };
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        info.lines()
            .find(|line| line.starts_with(name))?
            .split(": ")
            .nth(1)
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let postgres = options.pg_bin.as_ref().map_or_else(
        || says("sh", &["-c", "$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)/postgres --version || postgres --version"]),
        |bin| says(&bin.join("postgres").to_string_lossy(), &["--version"]),
    );
    vec![
        ("commit", says("git", &["describe", "--always", "--dirty"])),
        ("date", says("date", &["-u", "+%F"])),
        (
            "machine",
            format!("{cores} cores, {}", field("model name").unwrap_or("unknown")),
        ),
        ("system", says("uname", &["-sr"])),
        ("server", postgres),
        ("compiler", says("rustc", &["--version"])),
        ("node", says("node", &["--version"])),
        ("packages", socketio::versions()),
        ("rounds", format!("{} of {} s", options.rounds, options.seconds)),
    ]
}

//! How fast it is, as ratios: each suite runs the service and what it is compared with in turn, on the same machine in the
//! same minute, and checks what it measures.

mod bed;
mod cpu;
mod figures;
pub mod load;
mod report;
pub mod rivals;
mod suites;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};

use self::{figures::Figure, rivals::socketio};

/// What is measured.
#[derive(Debug, Subcommand)]
pub enum Suite {
    /// Measures heartbeats over HTTP, against the least and against the obvious
    Heartbeat(Options),
    /// Measures renewal by open streams
    Lease(Options),
    /// Measures a join on its way to ten watchers
    Latency(Options),
    /// Measures a join on its way to a thousand watchers, and a thousand joins
    Fanout(Options),
    /// Measures ten thousand streams that come back to a node that was started again
    Storm(Options),
    /// Measures ten thousand streams that hear nothing
    Idle(Options),
    /// Measures heartbeats beside ten thousand, and a million, sessions
    Scale(Options),
    /// Measures the time from the start of the process to ready
    Start(Options),
    /// Measures what somebody else's transaction in the same database feels of it
    Neighbour(Options),
    /// Measures all of this
    All(Options),
}

/// The suites in their order.
const ALL: [&str; 9] = [
    "heartbeat",
    "lease",
    "latency",
    "fanout",
    "storm",
    "idle",
    "scale",
    "start",
    "neighbour",
];

/// Those of them that are compared with Socket.IO.
const WITH_SOCKETIO: [&str; 3] = ["latency", "fanout", "idle"];

/// How it is measured.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Runs of each, whose median counts
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Seconds of a run
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
    /// How many streams, where it is many; a process may open as many files as `ulimit -n` says
    #[arg(long, default_value_t = 10_000)]
    pub streams: usize,
    /// The binary of pg-presence [default: it is built, as this program is]
    #[arg(long)]
    pub bin: Option<PathBuf>,
    /// The folder with the server binaries of Postgres [default: they are looked for]
    #[arg(long)]
    pub pg_bin: Option<PathBuf>,
    /// A file for the table, with machine, versions and commit
    #[arg(long)]
    pub keep: Option<PathBuf>,
    /// Whether Socket.IO can be compared with
    #[arg(skip)]
    pub socketio: bool,
}

impl Suite {
    fn parts(self) -> (&'static [&'static str], Options) {
        match self {
            Self::Heartbeat(options) => (&["heartbeat"], options),
            Self::Lease(options) => (&["lease"], options),
            Self::Latency(options) => (&["latency"], options),
            Self::Fanout(options) => (&["fanout"], options),
            Self::Storm(options) => (&["storm"], options),
            Self::Idle(options) => (&["idle"], options),
            Self::Scale(options) => (&["scale"], options),
            Self::Start(options) => (&["start"], options),
            Self::Neighbour(options) => (&["neighbour"], options),
            Self::All(options) => (&ALL, options),
        }
    }
}

/// Runs it, prints a table after each suite, and keeps all of it where that is asked. Where a comparison must be skipped, the
/// others are made and printed, nothing is kept, and it is an error.
pub async fn run(suite: Suite) -> Result<()> {
    let (names, mut options) = suite.parts();
    if cfg!(debug_assertions) {
        eprintln!("This is a debug build: its figures mean nothing. Use `cargo run --release`.");
    }
    let compared = names.iter().any(|name| WITH_SOCKETIO.contains(name));
    let installed = if compared { socketio::install() } else { Ok(()) };
    if let Err(why) = &installed {
        eprintln!("SKIPPED: Socket.IO is not compared with, and so the suite fails in the end: {why:#}");
    }
    options.socketio = installed.is_ok();
    let mut figures = vec![];
    for name in names {
        eprintln!("{name} ...");
        let found = one(name, &options).await?;
        println!("{}", figures::table(&found));
        figures.extend(found);
    }
    installed.context("a comparison with Socket.IO was skipped")?;
    report::keep(&figures, &options)
}

async fn one(name: &str, options: &Options) -> Result<Vec<Figure>> {
    match name {
        "heartbeat" => suites::heartbeat::run(options).await,
        "lease" => suites::streams::lease(options).await,
        "latency" => suites::latency::run(options).await,
        "fanout" => suites::fanout::run(options).await,
        "storm" => suites::streams::storm(options).await,
        "idle" => suites::streams::idle(options).await,
        "scale" => suites::scale::run(options).await,
        "start" => suites::start::run(options).await,
        "neighbour" => suites::neighbour::run(options).await,
        other => bail!("there is no suite {other}"),
    }
}

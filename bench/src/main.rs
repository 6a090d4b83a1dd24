//! The bench of pg-presence: a soak of real processes under faults, planted bugs that it must find, and how fast it is.

mod actors;
mod check;
mod clock;
mod cluster;
mod dice;
mod faults;
mod history;
mod http;
mod node;
mod plants;
mod play;
mod process;
mod proxy;
mod sampler;
mod soak;
mod speed;
mod token;
mod world;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use mimalloc::MiMalloc;

use self::speed::{Suite, rivals::Rival};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Holds pg-presence to its word
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Plays with real nodes, a Postgres of its own and faults on every link, and checks everything that anybody is told
    Soak(Soak),
    /// Plants bugs, one at a time, and says which of them the soak finds, and how
    Plants(Plants),
    #[command(flatten)]
    Speed(Suite),
    /// The load generator's process
    #[command(hide = true)]
    Load,
    /// A server that the service is compared with
    #[command(hide = true)]
    Rival {
        /// Which one
        rival: Rival,
        /// Where it listens, on loopback
        #[arg(long)]
        port: u16,
        /// Its database, where it has one
        #[arg(long)]
        url: Option<String>,
    },
}

#[derive(Args)]
struct Soak {
    /// Decides everything that is decided by chance
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Rounds begin for so long
    #[arg(long, default_value_t = 2.0)]
    minutes: f64,
    /// A bug that is planted: PRESENCE_PLANT of a debug build, or bench/plants/NAME.sql
    #[arg(long)]
    plant: Option<String>,
    /// Where the history goes, and stays
    #[arg(long)]
    keep: Option<PathBuf>,
    /// How many nodes
    #[arg(long, default_value_t = 2)]
    nodes: usize,
    /// Break nothing
    #[arg(long)]
    calm: bool,
    #[command(flatten)]
    programs: Programs,
}

#[derive(Args)]
struct Plants {
    /// These bugs alone
    #[arg(long)]
    only: Vec<String>,
    /// Those of the hub as well, which its model finds in `cargo test`
    #[arg(long)]
    hub: bool,
    /// How long each bug is looked for
    #[arg(long, default_value_t = 4.0)]
    minutes: f64,
    /// Where their histories go, and stay
    #[arg(long)]
    keep: Option<PathBuf>,
    #[command(flatten)]
    programs: Programs,
}

#[derive(Args)]
struct Programs {
    /// The binary of pg-presence, a debug build [default: it is built]
    #[arg(long)]
    bin: Option<PathBuf>,
    /// The folder with the server binaries of Postgres [default: they are looked for]
    #[arg(long)]
    pg_bin: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Command::Soak(soak) => {
            let options = soak::Options {
                seed: soak.seed,
                minutes: soak.minutes,
                plant: soak.plant.as_deref().map(plants::Plant::find).transpose()?,
                keep: soak.keep,
                nodes: soak.nodes.max(1),
                bin: soak.programs.bin,
                pg_bin: soak.programs.pg_bin,
                calm: soak.calm,
            };
            let report = soak::run(&options).await?;
            println!("{report}");
            Ok(if report.violations.is_empty() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
        Command::Plants(plants) => {
            let search = plants::Search {
                only: plants.only,
                hub: plants.hub,
                minutes: plants.minutes,
                keep: plants.keep,
                bin: plants.programs.bin,
                pg_bin: plants.programs.pg_bin,
            };
            plants::run(&search).await
        }
        Command::Speed(suite) => speed::run(suite).await.map(|()| ExitCode::SUCCESS),
        Command::Load => speed::load::serve().await.map(|()| ExitCode::SUCCESS),
        Command::Rival { rival, port, url } => speed::rivals::serve(rival, port, url)
            .await
            .map(|()| ExitCode::SUCCESS),
    }
}

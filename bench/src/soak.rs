//! The soak: a cluster, nodes, proxies and players of their own; rounds of busy time with faults, then quiet, in which the
//! model, SQL and every stream must say the same.

mod report;
mod rounds;

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::sync::watch;

pub use self::report::Report;
use self::rounds::Rounds;
use crate::{
    actors::{backend::Backend, caller::Caller, host::Host, tab::Tab, twins::Twins, viewer::Viewer},
    check::Check,
    cluster::{BACKEND, Cluster, DATABASE, EAR, FOR_PLAY, SERVICE},
    dice::Dice,
    history::History,
    node::{Node, Program},
    plants::Plant,
    play::{Phase, Play},
    process::Watchdog,
    sampler,
    world::{Room, Tables, User},
};

/// Tabs that keep themselves by heartbeats.
const TABS: usize = 26;
/// Readers of streams.
const VIEWERS: usize = 20;
/// Who writes in SQL, in transactions of their own.
const BACKENDS: usize = 2;
/// Pairs of tabs that do everything at the same instant.
const TWINS: usize = 2;
/// Who reads by plain calls.
const CALLERS: usize = 3;

/// What to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Decides everything that is decided by chance.
    pub seed: u64,
    /// Rounds begin for so long.
    pub minutes: f64,
    /// A planted bug.
    pub plant: Option<Plant>,
    /// Where the history goes, and stays.
    pub keep: Option<PathBuf>,
    /// How many nodes.
    pub nodes: usize,
    /// The binary; none: it is built.
    pub bin: Option<PathBuf>,
    /// Where the server binaries of Postgres are; none: they are looked for.
    pub pg_bin: Option<PathBuf>,
    /// Without faults.
    pub calm: bool,
}

/// Runs it; what was found.
pub async fn run(options: &Options) -> Result<Report> {
    let dir = options.keep.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!(
            "pg-presence-soak-{}-{}",
            options.seed,
            std::process::id()
        ))
    });
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let dir = dir.canonicalize()?;
    let watchdog = Arc::new(Watchdog::start()?);
    let program = Program {
        bin: binary(options.bin.as_deref(), &dir)?,
        plant: options.plant.clone(),
    };
    let cluster = Cluster::make(&dir, options.pg_bin.clone(), FOR_PLAY, watchdog.clone()).await?;
    let tables = Tables::at_first();
    prepare(&cluster, &program, &tables).await?;
    let mut nodes = vec![];
    for nth in 0..options.nodes {
        nodes.push(Node::start(nth, &cluster, &program, &dir, watchdog.clone()).await?);
    }
    for node in &nodes {
        node.ready().await?;
    }
    let check = Arc::new(Check::new(History::begin(&dir)?, tables));
    check.history.note(
        "begin",
        json!({"seed": options.seed, "plant": options.plant.as_ref().map(|plant| &plant.name), "nodes": options.nodes}),
    );
    let (phases, phase) = watch::channel(Phase::Busy(0));
    let play = Play {
        check: check.clone(),
        nodes: Arc::new(nodes),
        cluster: Arc::new(cluster),
        phase,
        tokens: Arc::new(Play::tokens()),
    };
    let report = Rounds::new(play.clone(), program, phases, options).run().await;
    check.history.flush();
    let mut report = report?;
    report.dir = dir.clone();
    drop(play);
    if report.violations.is_empty() && options.keep.is_none() {
        let _ = std::fs::remove_dir_all(&dir);
    }
    Ok(report)
}

/// The binary, copied so that a build meanwhile changes nothing.
fn binary(given: Option<&Path>, dir: &Path) -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."));
    let built = match given {
        Some(given) => given.to_owned(),
        None => {
            let mut build =
                std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            build
                .args(["build", "--quiet", "--package", "pg-presence"])
                .current_dir(root)
                .stdin(Stdio::null());
            ensure!(
                build.status().context("cargo")?.success(),
                "pg-presence does not build"
            );
            let target =
                std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
            target.join("debug").join("pg-presence")
        }
    };
    let copy = dir.join("pg-presence");
    std::fs::copy(&built, &copy).with_context(|| format!("cannot copy {}", built.display()))?;
    Ok(copy)
}

/// Migrated, mapped, with everybody in it, and with the bug where it is one of SQL.
async fn prepare(cluster: &Cluster, program: &Program, tables: &Tables) -> Result<()> {
    let admin = cluster.connect("postgres", "postgres").await?;
    admin
        .batch_execute(&format!("create database {DATABASE}"))
        .await?;
    let mut command = program.command(&["migrate", "--id-type", "text"]);
    command.env("DATABASE_URL", Cluster::url("postgres", cluster.port));
    let migrated = command.output().context("pg-presence migrate")?;
    ensure!(
        migrated.status.success(),
        "migrate: {}",
        String::from_utf8_lossy(&migrated.stderr)
    );
    let admin = cluster.connect("postgres", DATABASE).await?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."));
    let application = std::fs::read_to_string(root.join("sql/host/event_app.sql"))?;
    admin
        .batch_execute(&application)
        .await
        .context("the reference application")?;
    admin.batch_execute(&tables.setup()).await.context("the cast")?;
    for (login, role) in [
        (SERVICE, "presence_service"),
        (EAR, "presence_service"),
        (BACKEND, "presence_app"),
    ] {
        admin
            .batch_execute(&format!("create role {login} login; grant {role} to {login}"))
            .await?;
    }
    if let Some(sql) = program.plant.as_ref().and_then(|plant| plant.sql.as_ref()) {
        admin.batch_execute(sql).await.context("the bug is not planted")?;
    }
    Ok(())
}

/// Everybody who plays, each with dice of their own.
pub(crate) fn players(play: &Play, seed: u64) -> tokio::task::JoinSet<()> {
    let mut tasks = tokio::task::JoinSet::new();
    let mut who = 1_000;
    let mut dice = move || {
        who += 1;
        Dice::new(seed, who)
    };
    let users: Vec<User> = User::all().collect();
    let rooms: Vec<Room> = Room::all().collect();
    for nth in 0..TABS {
        let mut first = dice();
        let room = first.of(&rooms);
        tasks.spawn(Tab::new(play.clone(), first, users[nth % users.len()], room).run());
    }
    for nth in 0..VIEWERS {
        let user = users[(nth * 5 + 1) % users.len()];
        tasks.spawn(Viewer::new(play.clone(), dice(), user, nth % 2 == 0, nth % 4 == 0 || nth > 9).run());
    }
    for _ in 0..CALLERS {
        let caller = Caller {
            play: play.clone(),
            dice: dice(),
        };
        tasks.spawn(caller.run());
    }
    for _ in 0..TWINS {
        tasks.spawn(Twins::new(play.clone(), dice()).run());
    }
    for _ in 0..BACKENDS {
        tasks.spawn(Backend::new(play.clone(), dice()).run());
    }
    tasks.spawn(Host::new(play.clone(), dice()).run());
    tasks.spawn(sampler::watch_the_clock(play.clone()));
    tasks.spawn(sampler::watch_the_speed(play.clone()));
    tasks
}

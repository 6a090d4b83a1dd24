//! Heartbeats over HTTP: the service, the handler that does nothing, and one upsert a request, in turn; one hot room against
//! a thousand.

use std::{process::Command, time::Duration};

use anyhow::{Context, Result, ensure};

use crate::{
    cluster::{Cluster, DATABASE},
    speed::{
        Options,
        bed::{Bed, People, Server},
        figures::{Figure, Goal, median},
        load::{Load, Order, beat::Beaten, beat::Beats},
        rivals,
    },
};

/// Nobody is told to slow down: a hundred thousand people behind a few hundred connections. The limit is asked all the same.
pub const UNLIMITED: &[(&str, &str)] = &[("PRESENCE_RATE_PER_S", "10000"), ("PRESENCE_RATE_BURST", "10000")];

const PEOPLE: People = People {
    users: 10_000,
    rooms: 1_000,
};

/// What a run of heartbeats came to.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// Heartbeats a second.
    pub rate: f64,
    /// CPU of the server and of Postgres, in microseconds a heartbeat.
    pub cpu: f64,
    /// Of it that of Postgres.
    pub postgres: f64,
    /// As the load generator saw it.
    pub beaten: Beaten,
}

/// A figure of a run.
type What = fn(&Run) -> f64;

/// Sends them and takes the account; of Postgres where the server has one.
pub async fn beat(bed: &Bed, load: &mut Load, server: &Server, beats: &Beats, postgres: bool) -> Result<Run> {
    let account = || {
        let none = Duration::ZERO;
        (server.cpu(), if postgres { bed.postgres_cpu() } else { none })
    };
    let before = account();
    let beaten: Beaten = load.order(&Order::Beat(beats.clone())).await?;
    let after = account();
    #[expect(clippy::cast_precision_loss, reason = "a few million")]
    let answered = beaten.answered as f64;
    let each = |spent: Duration| spent.as_secs_f64() * 1e6 / answered;
    let postgres = each(after.1 - before.1);
    Ok(Run {
        rate: answered / beaten.seconds,
        cpu: each(after.0 - before.0) + postgres,
        postgres,
        beaten,
    })
}

/// Runs it.
pub async fn run(options: &Options) -> Result<Vec<Figure>> {
    let bed = Bed::make(options, PEOPLE).await?;
    let service = bed.service(UNLIMITED).await?;
    let noop = bed.rival("noop", &[]).await?;
    let url = Cluster::url("postgres", bed.cluster.port);
    let upsert = bed.rival("upsert", &["--url", &url]).await?;
    let mut load = bed.load().await?;
    let mut figures = vec![];
    for connections in [256, 64] {
        figures.extend(against_all(&bed, &mut load, [&service, &noop, &upsert], connections, options).await?);
    }
    figures.extend(hot_room(&bed, &mut load, &service, options).await?);
    figures.push(pgbench(&bed, options)?);
    Ok(figures)
}

async fn against_all(
    bed: &Bed,
    load: &mut Load,
    [service, noop, upsert]: [&Server; 3],
    connections: usize,
    options: &Options,
) -> Result<Vec<Figure>> {
    let beats = |server: &Server, seconds| Beats {
        port: server.port,
        connections,
        seconds,
        users: PEOPLE.users,
        stride: 1,
        rooms: PEOPLE.rooms,
        per_second: None,
    };
    let mut runs: [Vec<Run>; 3] = [vec![], vec![], vec![]];
    for round in 0..=options.rounds {
        // The first one of each joins, learns tokens and plans statements.
        let seconds = if round == 0 { 1.0 } else { options.seconds };
        for (server, runs) in [service, noop, upsert].into_iter().zip(&mut runs) {
            let run = beat(bed, load, server, &beats(server, seconds), server.pid != noop.pid).await?;
            if server.pid == service.pid {
                all_are_there(bed, options).await?;
            }
            if round > 0 {
                runs.push(run);
            }
        }
    }
    Ok(told(connections, &runs))
}

fn told(connections: usize, [service, noop, upsert]: &[Vec<Run>; 3]) -> Vec<Figure> {
    let of = |runs: &[Run], what: What| median(&runs.iter().map(what).collect::<Vec<_>>());
    let ratio = |others: &[Run], what: What| {
        let ratios: Vec<f64> = service
            .iter()
            .zip(others)
            .map(|(run, other)| what(run) / what(other))
            .collect();
        median(&ratios)
    };
    let work = format!("heartbeats, {connections} connections");
    let (rate, cpu): (What, What) = (|run| run.rate, |run| run.cpu);
    let goals = if connections == 256 {
        (0.6, 2.0)
    } else {
        (0.5, 2.3)
    };
    vec![
        Figure::new(
            &work,
            "rate, × doing nothing",
            ratio(noop, rate),
            Goal::AtLeast(goals.0),
        ),
        Figure::new(
            &work,
            "CPU a heartbeat, × doing nothing",
            ratio(noop, cpu),
            Goal::AtMost(goals.1),
        ),
        Figure::new(
            &work,
            "rate, × one upsert a request",
            ratio(upsert, rate),
            Goal::AtLeast(6.0),
        ),
        Figure::new(
            &work,
            "CPU, × one upsert a request",
            ratio(upsert, cpu),
            Goal::AtMost(1.0 / 6.0),
        ),
        Figure::new(&work, "heartbeats a second", of(service, rate), Goal::Context),
        Figure::new(&work, "CPU a heartbeat, µs", of(service, cpu), Goal::Context),
        Figure::new(
            &work,
            "of it that of Postgres, µs",
            of(service, |run| run.postgres),
            Goal::Context,
        ),
        Figure::new(&work, "CPU of doing nothing, µs", of(noop, cpu), Goal::Context),
        Figure::new(
            &work,
            "answer p50, ms",
            of(service, |run| run.beaten.p50_ms),
            Goal::Context,
        ),
        Figure::new(
            &work,
            "answer p99, ms",
            of(service, |run| run.beaten.p99_ms),
            Goal::Context,
        ),
    ]
}

/// Every user's heartbeat is in the table, and none is older than the run that was.
async fn all_are_there(bed: &Bed, options: &Options) -> Result<()> {
    let admin = bed.admin().await?;
    let sql =
        "select count(*), extract(epoch from now() - min(beat_at))::float8 from presence_private.session";
    let row = admin.query_one(sql, &[]).await?;
    let (sessions, oldest): (i64, f64) = (row.get(0), row.get(1));
    ensure!(
        sessions == 10_000,
        "{sessions} sessions are in the table, of 10000"
    );
    // Everybody is written once in a run at the least, and a busy machine may make it longer.
    let bound = options.seconds.mul_add(2.0, 30.0);
    ensure!(oldest < bound, "somebody's heartbeat is {oldest} s old");
    Ok(())
}

async fn hot_room(bed: &Bed, load: &mut Load, service: &Server, options: &Options) -> Result<Vec<Figure>> {
    let mut ratios = vec![];
    for round in 0..=options.rounds {
        let mut rates = vec![];
        for rooms in [0, 1_000] {
            let beats = Beats {
                port: service.port,
                connections: 256,
                seconds: if round == 0 { 1.0 } else { options.seconds },
                users: 1_000,
                stride: 1,
                rooms,
                per_second: None,
            };
            rates.push(beat(bed, load, service, &beats, true).await?.rate);
        }
        if round > 0 {
            ratios.push(rates[0] / rates[1]);
        }
    }
    let goal = Goal::AtLeast(0.95); // "no slower", and what two runs of the same differ by
    Ok(vec![Figure::new(
        "heartbeats, 1000 sessions in one room",
        "rate, × in 1000 rooms",
        median(&ratios),
        goal,
    )])
}

/// What Postgres does of single upserts when nobody is in the way.
fn pgbench(bed: &Bed, options: &Options) -> Result<Figure> {
    let script = std::env::temp_dir().join(format!("pg-presence-bench-{}.sql", std::process::id()));
    std::fs::write(&script, rivals::SCRIPT)?;
    let ran = Command::new(bed.cluster.programs().join("pgbench"))
        .args([
            "-n",
            "-M",
            "prepared",
            "-c",
            "16",
            "-j",
            "2",
            "-h",
            "127.0.0.1",
            "-U",
            "postgres",
        ])
        .args(["-p", &bed.cluster.port.to_string()])
        .args(["-T", &format!("{:.0}", options.seconds.max(1.0)), "-f"])
        .arg(&script)
        .arg(DATABASE)
        .output()
        .context("pgbench, which comes with the server")?;
    let _ = std::fs::remove_file(&script);
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    let rate = text
        .lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    let rate = rate.with_context(|| format!("pgbench: {text}{}", String::from_utf8_lossy(&ran.stderr)))?;
    Ok(Figure::new(
        "one upsert a transaction, pgbench",
        "upserts a second",
        rate,
        Goal::Context,
    ))
}

//! What somebody else's transaction in the same database, and somebody else's NOTIFY, feel of twenty thousand heartbeats a
//! second; beside a load that takes as much of the machine and nothing of Postgres.
//!
//! A machine that cannot send so many beside that client is sent half of what it can, and held to the same goal.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::{
    heartbeat::{UNLIMITED, beat},
    latency::round_trips,
};
use crate::speed::{
    Options,
    bed::{Bed, People, Server},
    figures::{Figure, Goal, median, quantile},
    load::beat::Beats,
};

/// Heartbeats a second that the goal is for.
const RATE: f64 = 20_000.0;

/// Runs it.
pub async fn run(options: &Options) -> Result<Vec<Figure>> {
    let people = People {
        users: 10_000,
        rooms: 1_000,
    };
    let bed = Bed::make(options, people).await?;
    let admin = bed.admin().await?;
    admin
        .batch_execute("create table account (id int primary key, balance int not null); insert into account select n, 0 from generate_series(1, 1000) n")
        .await?;
    let service = bed.service(UNLIMITED).await?;
    let noop = bed.rival("noop", &[]).await?;
    under(&bed, &service, None, 2.0).await?; // joins, plans
    let (most, _) = under(&bed, &service, None, options.seconds).await?;
    let rate = if most >= RATE {
        RATE
    } else {
        (most / 2000.0).floor() * 1000.0
    };
    let (mut alone, mut beside, mut beside_noop) = (vec![], vec![], vec![]);
    for _ in 0..options.rounds {
        alone.push(felt(&bed, options.seconds).await?);
        for (server, felt) in [(&noop, &mut beside_noop), (&service, &mut beside)] {
            let (sent, what) = under(&bed, server, Some(rate), options.seconds).await?;
            ensure!(
                sent > rate * 0.8,
                "{sent:.0} heartbeats a second is all that could be sent"
            );
            felt.push(what);
        }
    }
    let p99 = |all: &[Felt]| median(&all.iter().map(|felt| felt.transaction).collect::<Vec<_>>());
    let ring = |all: &[Felt]| median(&all.iter().map(|felt| felt.ring).collect::<Vec<_>>());
    let work = &*format!("{rate:.0} heartbeats a second");
    Ok(vec![
        Figure::new(
            work,
            "a stranger's transaction p99, × without",
            p99(&beside) / p99(&alone),
            Goal::AtMost(1.3),
        ),
        Figure::new(
            work,
            "the same beside a server that does nothing",
            p99(&beside_noop) / p99(&alone),
            Goal::Context,
        ),
        Figure::new(
            work,
            "a stranger's NOTIFY p99, × without",
            ring(&beside) / ring(&alone),
            Goal::Context,
        ),
        Figure::new(
            work,
            "the same beside a server that does nothing, NOTIFY",
            ring(&beside_noop) / ring(&alone),
            Goal::Context,
        ),
        Figure::new(
            work,
            "a stranger's transaction p99 without, ms",
            p99(&alone),
            Goal::Context,
        ),
    ])
}

/// The slowest of a hundred, in milliseconds.
struct Felt {
    transaction: f64,
    ring: f64,
}

/// What is felt while this server is sent so many heartbeats a second, or as many as it answers; and how many it was.
async fn under(bed: &Bed, server: &Server, per_second: Option<f64>, seconds: f64) -> Result<(f64, Felt)> {
    let beats = Beats {
        port: server.port,
        connections: 256,
        seconds: seconds + 1.0,
        users: 10_000,
        stride: 1,
        rooms: 1_000,
        per_second,
    };
    let mut load = bed.load().await?;
    let measured = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        felt(bed, seconds).await
    };
    let (run, felt) = tokio::join!(beat(bed, &mut load, server, &beats, false), measured);
    Ok((run?.rate, felt?))
}

async fn felt(bed: &Bed, seconds: f64) -> Result<Felt> {
    let client = bed.admin().await?;
    let update = client
        .prepare("update account set balance = balance + 1 where id = $1")
        .await?;
    let began = Instant::now();
    let (mut times, mut nth) = (vec![], 0);
    while began.elapsed().as_secs_f64() < seconds {
        nth = nth % 1000 + 1;
        let at = Instant::now();
        client.execute(&update, &[&nth]).await?;
        times.push(at.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(Felt {
        transaction: quantile(&times, 0.99),
        ring: quantile(&round_trips(bed, 100).await?, 0.99),
    })
}

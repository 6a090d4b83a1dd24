//! A join on its way to ten watchers on a machine that does nothing else, and what of it is Postgres' own NOTIFY.

use std::{future::poll_fn, time::Instant};

use anyhow::{Context, Result};
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, NoTls};

use crate::{
    cluster::Cluster,
    speed::{
        Options,
        bed::{Bed, People},
        figures::{Figure, Goal, median, quantile},
        load::{
            Order,
            fanout::{Joins, Seen},
        },
        suites::heartbeat::UNLIMITED,
    },
};

/// Joins in each round: of ten watchers' times one in a hundred is told.
const JOINS: usize = 30;

/// Runs it.
pub async fn run(options: &Options) -> Result<Vec<Figure>> {
    let people = People {
        users: 100,
        rooms: 10,
    };
    let bed = Bed::make(options, people).await?;
    let service = bed.service(UNLIMITED).await?;
    let mut load = bed.load().await?;
    let (mut each, mut rings) = (vec![], vec![]);
    for _ in 0..options.rounds {
        let joins = Joins {
            port: service.port,
            watched: service.port,
            watchers: 10,
            joins: JOINS,
            pause_ms: 150,
        };
        let seen: Seen = load.order(&Order::Joins(joins)).await?;
        each.extend(seen.each);
        rings.extend(round_trips(&bed, JOINS).await?);
    }
    let work = "a join, 10 watchers";
    Ok(vec![
        Figure::new(work, "seen p50, ms", median(&each), Goal::AtMost(2.5)),
        Figure::new(work, "seen p99, ms", quantile(&each, 0.99), Goal::AtMost(12.0)),
        Figure::new(
            "a bare NOTIFY",
            "round trip p50, ms",
            median(&rings),
            Goal::Context,
        ),
        Figure::new(
            "a bare NOTIFY",
            "round trip p99, ms",
            quantile(&rings, 0.99),
            Goal::Context,
        ),
    ])
}

/// From the statement to what the listener hears, in milliseconds.
pub async fn round_trips(bed: &Bed, many: usize) -> Result<Vec<f64>> {
    let url = Cluster::url("postgres", bed.cluster.port);
    let (ear, mut connection) = tokio_postgres::connect(&url, NoTls).await?;
    let (heard, mut hears) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if matches!(message, AsyncMessage::Notification(_)) {
                let _ = heard.send(Instant::now());
            }
        }
    });
    ear.batch_execute("listen bench").await?;
    let admin = bed.admin().await?;
    let mut times = vec![];
    for _ in 0..many {
        let began = Instant::now();
        admin.batch_execute("notify bench").await?;
        let at = hears.recv().await.context("a NOTIFY that nobody hears")?;
        times.push((at - began).as_secs_f64() * 1000.0);
    }
    Ok(times)
}

//! A join on its way to ten watchers on a machine that does nothing else, and what of it is Postgres' own NOTIFY; and
//! the same by Socket.IO, before watchers at the same server and at another.

use std::{future::poll_fn, time::Instant};

use anyhow::{Context, Result};
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, NoTls};

use crate::{
    cluster::Cluster,
    speed::{
        Options,
        bed::{Bed, People, Server},
        figures::{Figure, Goal, median, quantile},
        load::{
            Load, Order,
            fanout::{Joins, Seen},
        },
        suites::heartbeat::UNLIMITED,
    },
};

/// Joins in each round: of ten watchers' times one in a hundred is told.
const JOINS: usize = 30;

const WATCHERS: usize = 10;

/// Runs it.
pub async fn run(options: &Options) -> Result<Vec<Figure>> {
    let people = People {
        users: 100,
        rooms: 10,
    };
    let bed = Bed::make(options, people).await?;
    let service = bed.service(UNLIMITED).await?;
    let mut load = bed.load().await?;
    let mut socketio = if options.socketio {
        Some(SocketIo::start(&bed, &mut load).await?)
    } else {
        None
    };
    // As for Socket.IO, one round does not count: each connection to Postgres plans each statement once.
    let _: Seen = load
        .order(&Order::Joins(joins(service.port, service.port)))
        .await?;
    let (mut each, mut rings) = (vec![], vec![]);
    for _ in 0..options.rounds {
        let seen: Seen = load
            .order(&Order::Joins(joins(service.port, service.port)))
            .await?;
        each.extend(seen.each);
        rings.extend(round_trips(&bed, JOINS).await?);
        if let Some(socketio) = &mut socketio {
            socketio.round(&mut load).await?;
        }
    }
    let mut figures = beside_rings(&each, &rings);
    figures.extend(socketio.unwrap_or_default().figures());
    Ok(figures)
}

fn joins(port: u16, watched: u16) -> Joins {
    Joins {
        port,
        watched,
        watchers: WATCHERS,
        joins: JOINS,
        pause_ms: 150,
    }
}

fn beside_rings(each: &[f64], rings: &[f64]) -> Vec<Figure> {
    let work = "a join, 10 watchers";
    vec![
        Figure::new(work, "seen p50, ms", median(each), Goal::AtMost(2.5)),
        Figure::new(work, "seen p99, ms", quantile(each, 0.99), Goal::AtMost(12.0)),
        Figure::new(
            "a bare NOTIFY",
            "round trip p50, ms",
            median(rings),
            Goal::Context,
        ),
        Figure::new(
            "a bare NOTIFY",
            "round trip p99, ms",
            quantile(rings, 0.99),
            Goal::Context,
        ),
    ]
}

/// Two servers of Socket.IO, and what was seen of joins at the first.
#[derive(Default)]
struct SocketIo {
    servers: Vec<Server>,
    at_one: Vec<f64>,
    at_another: Vec<f64>,
}

impl SocketIo {
    /// Starts them. A first round is not counted: Node compiles what is called often.
    async fn start(bed: &Bed, load: &mut Load) -> Result<Self> {
        let mut begun = Self {
            servers: vec![bed.socketio().await?, bed.socketio().await?],
            ..Self::default()
        };
        begun.round(load).await?;
        begun.at_one.clear();
        begun.at_another.clear();
        Ok(begun)
    }

    async fn round(&mut self, load: &mut Load) -> Result<()> {
        let port = |nth: usize| self.servers[nth].port;
        let seen: Seen = load.order(&Order::Meet(joins(port(0), port(0)))).await?;
        self.at_one.extend(seen.each);
        let seen: Seen = load.order(&Order::Meet(joins(port(0), port(1)))).await?;
        self.at_another.extend(seen.each);
        Ok(())
    }

    fn figures(&self) -> Vec<Figure> {
        let figure = |work, what, value| Figure::new(work, what, value, Goal::Context);
        let (one, another) = (
            "a join by Socket.IO, 10 watchers",
            "the same, watchers at another server",
        );
        vec![
            figure(one, "seen p50, ms", median(&self.at_one)),
            figure(one, "seen p99, ms", quantile(&self.at_one, 0.99)),
            figure(another, "seen p50, ms", median(&self.at_another)),
            figure(another, "seen p99, ms", quantile(&self.at_another, 0.99)),
        ]
    }
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

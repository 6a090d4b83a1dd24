//! Many streams: what they cost while nothing happens, what their leases cost, and how fast they are back.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::sleep;

use crate::speed::{
    Options,
    bed::{Bed, People, Server},
    cpu,
    figures::{Figure, Goal, median},
    load::{
        Load, Order,
        crowd::{Opening, Tally},
    },
};

/// As many rooms as make ten people each.
fn people(options: &Options) -> People {
    People {
        users: options.streams,
        rooms: (options.streams / 10).max(1),
    }
}

fn opening(port: u16, options: &Options) -> Opening {
    Opening {
        port,
        streams: options.streams,
        rooms: people(options).rooms,
        lease: true,
        people: Some(10),
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures are not that exact")]
fn float(value: u64) -> f64 {
    value as f64
}

/// Renewal by stream lease: user and system time of service and Postgres for each, everything included that runs meanwhile;
/// and what one more costs, by streams that are renewed five times as often as others.
pub async fn lease(options: &Options) -> Result<Vec<Figure>> {
    let often = renewed_every(5, options).await?;
    let seldom = renewed_every(25, options).await?;
    let costs: Vec<f64> = often.iter().map(|window| window.cpu / window.renewals).collect();
    let more: Vec<f64> = often
        .iter()
        .zip(&seldom)
        .map(|(often, seldom)| (often.cpu - seldom.cpu) / (often.renewals - seldom.renewals))
        .collect();
    let work = format!("{} streams with leases", options.streams);
    Ok(vec![
        Figure::new(&work, "CPU a renewal, µs", median(&costs), Goal::AtMost(15.0)),
        Figure::new(&work, "CPU of one more, µs", median(&more), Goal::Context),
    ])
}

/// What was spent while streams were open, and how many renewals there were.
struct Window {
    /// Microseconds a second.
    cpu: f64,
    /// A second.
    renewals: f64,
}

/// Streams whose leases are renewed every so many seconds; windows as long as a ping's interval.
async fn renewed_every(heartbeat_s: u64, options: &Options) -> Result<Vec<Window>> {
    let bed = Bed::make(options, people(options)).await?;
    let (heartbeat, ttl) = ((heartbeat_s * 1000).to_string(), (heartbeat_s * 3000).to_string());
    let settings = [("PRESENCE_HEARTBEAT_MS", &*heartbeat), ("PRESENCE_TTL_MS", &*ttl)];
    let service = bed.service(&settings).await?;
    let mut load = bed.load().await?;
    let _: f64 = load.order(&Order::Open(opening(service.port, options))).await?;
    sleep(Duration::from_secs(heartbeat_s)).await; // who opened at the same moment is spread over an interval
    let length = Duration::from_secs(15);
    let mut windows = vec![];
    for _ in 0..options.rounds {
        let (before, renewed) = (service.cpu() + bed.postgres_cpu(), renewals(&bed).await?);
        sleep(length).await;
        let (spent, renewed) = (
            service.cpu() + bed.postgres_cpu() - before,
            renewals(&bed).await? - renewed,
        );
        // Each stream renews once in an interval, nearly, or it would be lost.
        let least = float(options.streams as u64) * length.as_secs_f64() / heartbeat_s as f64 / 2.0;
        ensure!(renewed > least, "{renewed} renewals in {length:?}");
        windows.push(Window {
            cpu: spent.as_secs_f64() * 1e6 / length.as_secs_f64(),
            renewals: renewed / length.as_secs_f64(),
        });
    }
    let tally: Tally = load.order(&Order::Tally).await?;
    ensure!(tally.right == options.streams && tally.lost == 0, "{tally:?}");
    Ok(windows)
}

/// Rows of sessions that were written anew so far.
async fn renewals(bed: &Bed) -> Result<f64> {
    let admin = bed.admin().await?;
    let sql = "select n_tup_upd::float8 from pg_stat_user_tables where relid = 'presence_private.session'::regclass";
    Ok(admin.query_one(sql, &[]).await?.get(0))
}

/// What streams cost that hear nothing: memory beside axum's own and beside sockets of Socket.IO, and CPU.
pub async fn idle(options: &Options) -> Result<Vec<Figure>> {
    let bed = Bed::make(options, people(options)).await?;
    let service = bed.service(&[]).await?;
    let bare = bed.rival("sse", &[]).await?;
    let ours = memory_of(
        &bed,
        &service,
        Order::Open(opening(service.port, options)),
        options,
    )
    .await?;
    let bare_opening = Opening {
        lease: false,
        people: None,
        ..opening(bare.port, options)
    };
    let theirs = memory_of(&bed, &bare, Order::Open(bare_opening), options).await?;
    let sockets = if options.socketio {
        let socketio = bed.socketio().await?;
        let gathering = Order::Gather(opening(socketio.port, options));
        memory_of(&bed, &socketio, gathering, options).await?
    } else {
        Cost::UNKNOWN
    };
    let mut figures = beside_bare(options, ours, theirs);
    let work = format!("{} idle sockets of Socket.IO", options.streams);
    figures.extend([
        Figure::new(&work, "memory of one, KB", sockets.bytes / 1e3, Goal::Context),
        Figure::new(&work, "share of a core, %", sockets.core * 100.0, Goal::Context),
    ]);
    Ok(figures)
}

fn beside_bare(options: &Options, ours: Cost, theirs: Cost) -> Vec<Figure> {
    let work = format!("{} idle streams with leases", options.streams);
    vec![
        Figure::new(
            &work,
            "memory, × bare axum SSE",
            ours.bytes / theirs.bytes,
            Goal::AtMost(1.25),
        ),
        Figure::new(
            &work,
            "memory of a stream, KB",
            ours.bytes / 1e3,
            Goal::AtMost(16.0),
        ),
        Figure::new(
            &work,
            "memory of a bare one, KB",
            theirs.bytes / 1e3,
            Goal::Context,
        ),
        Figure::new(&work, "share of a core, %", ours.core * 100.0, Goal::AtMost(2.0)),
        Figure::new(
            &work,
            "share of a core of bare ones, %",
            theirs.core * 100.0,
            Goal::Context,
        ),
    ]
}

#[derive(Debug, Clone, Copy)]
struct Cost {
    /// A stream.
    bytes: f64,
    /// Of one core, of all of them.
    core: f64,
}

impl Cost {
    /// Of what was skipped.
    const UNKNOWN: Self = Self {
        bytes: f64::NAN,
        core: f64::NAN,
    };
}

/// Of as many as are asked for, opened by this order.
async fn memory_of(bed: &Bed, server: &Server, order: Order, options: &Options) -> Result<Cost> {
    let mut load: Load = bed.load().await?;
    let before = cpu::memory(server.pid);
    let _: f64 = load.order(&order).await?;
    sleep(Duration::from_secs(10)).await; // what the opening took is given back, or not
    let (after, began) = (cpu::memory(server.pid), server.cpu());
    let window = Duration::from_secs(30); // two pings, and one of Socket.IO
    sleep(window).await;
    let core = (server.cpu() - began).as_secs_f64() / window.as_secs_f64();
    let tally: Tally = load.order(&Order::Tally).await?;
    ensure!(tally.right == options.streams && tally.lost == 0, "{tally:?}");
    Ok(Cost {
        bytes: float(after.saturating_sub(before)) / float(options.streams as u64),
        core,
    })
}

/// The node is killed and started again; everybody comes back at once.
pub async fn storm(options: &Options) -> Result<Vec<Figure>> {
    let bed = Bed::make(options, people(options)).await?;
    let mut service = bed.service(&[]).await?;
    let port = service.port;
    let mut load = bed.load().await?;
    let opened: f64 = load.order(&Order::Open(opening(port, options))).await?;
    let mut times = vec![];
    for _ in 0..options.rounds {
        let again = async {
            sleep(Duration::from_millis(500)).await; // the load generator waits for the loss by now
            drop(service);
            bed.service_at(port, &[]).await
        };
        let (back, started) = tokio::join!(load.order::<f64>(&Order::Reopen), again);
        service = started?;
        times.push(back?);
    }
    let work = format!("{} streams come back to a node", options.streams);
    Ok(vec![
        Figure::new(&work, "until all are right, s", median(&times), Goal::AtMost(5.0)),
        Figure::new(&work, "the first opening with joins, s", opened, Goal::Context),
    ])
}

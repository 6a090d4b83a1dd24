//! A join on its way to the last of a thousand watchers, beside a bare loop over as many sockets and Socket.IO; and a thousand
//! joins before a thousand watchers.

use anyhow::{Result, ensure};

use crate::speed::{
    Options,
    bed::{Bed, People},
    figures::{Figure, Goal, median},
    load::{
        Order,
        fanout::{Chunks, Joins, Rush, Rushed, Seen},
    },
    suites::heartbeat::UNLIMITED,
};

const WATCHERS: usize = 1_000;

/// Changes in each round.
const CHANGES: usize = 10;

/// Runs it.
pub async fn run(options: &Options) -> Result<Vec<Figure>> {
    let people = People {
        users: 2 * WATCHERS,
        rooms: 10,
    };
    let bed = Bed::make(options, people).await?;
    let mut figures = last_of_all(&bed, options).await?;
    figures.extend(rush(&bed, options).await?);
    Ok(figures)
}

async fn last_of_all(bed: &Bed, options: &Options) -> Result<Vec<Figure>> {
    let service = bed.service(UNLIMITED).await?;
    let socketio = if options.socketio {
        Some(bed.socketio().await?)
    } else {
        None
    };
    let (mut ours, mut bare, mut theirs) = (vec![], vec![], vec![]);
    for _ in 0..options.rounds {
        let joins = |port| Joins {
            port,
            watched: port,
            watchers: WATCHERS,
            joins: CHANGES,
            pause_ms: 200,
        };
        // A load generator for each: the streams of the last round would hear as well.
        let order = Order::Joins(joins(service.port));
        let seen: Seen = bed.load().await?.order(&order).await?;
        ours.push(median(&seen.last));
        let loops = bed.rival("chunks", &[]).await?;
        let chunks = Chunks {
            port: loops.port,
            sockets: WATCHERS,
            chunks: CHANGES,
            pause_ms: 200,
        };
        let times: Vec<f64> = bed.load().await?.order(&Order::Chunks(chunks)).await?;
        bare.push(median(&times));
        if let Some(socketio) = &socketio {
            let order = Order::Meet(joins(socketio.port));
            let seen: Seen = bed.load().await?.order(&order).await?;
            theirs.push(median(&seen.last));
        }
    }
    let (ours, bare) = (median(&ours), median(&bare));
    let work = "a join, 1000 watchers";
    Ok(vec![
        Figure::new(
            work,
            "seen by the last, p50, ms",
            ours,
            Goal::AtMost(1.3f64.mul_add(bare, 3.0)),
        ),
        Figure::new(
            "one chunk to 1000 sockets",
            "read by the last, p50, ms",
            bare,
            Goal::Context,
        ),
        Figure::new(
            "a join by Socket.IO, 1000 watchers",
            "seen by the last, p50, ms",
            median(&theirs),
            Goal::Context,
        ),
    ])
}

async fn rush(bed: &Bed, options: &Options) -> Result<Vec<Figure>> {
    let mut settings = UNLIMITED.to_vec();
    settings.push(("PRESENCE_ROOM_DETAIL_MAX", "5000"));
    let mut rushes: Vec<Rushed> = vec![];
    for _ in 0..options.rounds {
        bed.empty().await?;
        let service = bed.service(&settings).await?;
        let rush = Rush {
            port: service.port,
            watchers: WATCHERS,
            joins: WATCHERS,
            connections: 256,
        };
        rushes.push(bed.load().await?.order(&Order::Rush(rush)).await?);
        let admin = bed.admin().await?;
        let sql = "select online_count::int8 from presence.rooms where room_id = 'hall'";
        let there: i64 = admin.query_one(sql, &[]).await?.get(0);
        ensure!(there == 1_000, "{there} people are in the hall, of 1000");
    }
    let of = |what: fn(&Rushed) -> f64| median(&rushes.iter().map(what).collect::<Vec<_>>());
    #[expect(clippy::cast_precision_loss, reason = "figures are not that exact")]
    let (messages, bytes) = (of(|rush| rush.messages as f64), of(|rush| rush.bytes as f64));
    let work = "1000 join before 1000 watchers";
    Ok(vec![
        Figure::new(
            work,
            "all know all after, s",
            of(|rush| rush.known),
            Goal::AtMost(1.0),
        ),
        Figure::new(work, "messages", messages, Goal::AtMost(30_000.0)),
        Figure::new(work, "MB of them", bytes / 1e6, Goal::Context),
        Figure::new(
            work,
            "joins are answered after, s",
            of(|rush| rush.joined),
            Goal::Context,
        ),
    ])
}

//! From the start of the process to ready, on a database that is migrated.

use std::time::Instant;

use anyhow::Result;

use crate::speed::{
    Options,
    bed::{Bed, People},
    figures::{Figure, Goal, median},
};

/// Runs it.
pub async fn run(options: &Options) -> Result<Vec<Figure>> {
    let people = People {
        users: 100,
        rooms: 10,
    };
    let bed = Bed::make(options, people).await?;
    let mut times = vec![];
    for _ in 0..=options.rounds {
        let began = Instant::now();
        let service = bed.service(&[]).await?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
        drop(service);
    }
    times.remove(0); // it reads the binary from the disk
    Ok(vec![Figure::new(
        "cold start",
        "until ready, ms",
        median(&times),
        Goal::AtMost(150.0),
    )])
}

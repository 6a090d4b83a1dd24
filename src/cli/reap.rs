//! `pg-presence reap`: what the service does every second, by hand or from a scheduler.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::signals;
use crate::{
    config::{DatabaseArgs, millis},
    db::Db,
    error::Error,
    notifier::Portion,
};

/// Sessions that one call ends. More would hold their rooms longer.
const ROWS_MAX: i32 = 1000;

/// End the leases that have expired, settle the statuses whose time is over, end what your tables no longer allow, and
/// tell those who watch
///
/// A running service does this by itself; any number of reapers may run beside each other. Where no
/// service runs, call this from a scheduler or let it repeat by itself with --every.
///
/// Examples:
///   pg-presence reap
///   pg-presence reap --every 1000
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct ReapArgs {
    /// Repeat until stopped, every so many ms, 50 to 60000
    #[arg(long, value_name = "MS", value_parser = millis(50, 60_000))]
    every: Option<Duration>,

    /// Print {"ended": ...}
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    database: DatabaseArgs,
}

impl ReapArgs {
    /// Reaps, once or until a signal.
    pub async fn run(&self) -> Result<ExitCode> {
        let db = Db::new(&self.database.url()?, 1)?;
        let Some(every) = self.every else {
            let ended = reap(&db).await.context("reaping")?;
            self.print(ended)?;
            return Ok(ExitCode::SUCCESS);
        };
        let stop = signals::stop()?;
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(ExitCode::SUCCESS),
                _ = ticks.tick() => match reap(&db).await {
                    Ok(0) => {}
                    Ok(ended) => self.print(ended)?,
                    // The database may be back at the next turn.
                    Err(error) => tracing::warn!(%error, "expired sessions could not be ended"),
                },
            }
        }
    }

    fn print(&self, ended: u32) -> Result<()> {
        super::print(&match (self.json, ended) {
            (true, _) => format!("{}\n", json!({"ended": ended})),
            (false, 1) => "1 session ended\n".to_owned(),
            (false, _) => format!("{ended} sessions ended\n"),
        })
    }
}

/// Who is away for less was not away; as by default in SQL.
const GRACE: Duration = Duration::from_secs(5);

/// Tells those who watch, until all are told; fewer at a time where that takes too long.
async fn tell(db: &Db) -> Result<(), Error> {
    let mut portion = Portion::default();
    loop {
        match db.expand_edges(portion.rows(), GRACE).await {
            Ok(Some(1..)) => portion.grow(),
            Ok(_) => return Ok(()),
            Err(error @ Error::Overloaded(_)) if !portion.shrink() => return Err(error),
            Err(Error::Overloaded(_)) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Calls until a call ends fewer than it may, or another reaper is at it; and tells those who watch of who came.
async fn reap(db: &Db) -> Result<u32, Error> {
    tell(db).await?;
    let mut ended = db.evict().await?;
    loop {
        match db.reap(ROWS_MAX).await? {
            None => return Ok(ended),
            Some(some) if some < ROWS_MAX.unsigned_abs() => return Ok(ended + some),
            Some(some) => ended += some,
        }
    }
}

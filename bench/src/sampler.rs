//! Looks at SQL again and again, past all proxies, and hands what it sees to the checker. Also notes when this machine stood
//! still, and when a node ended that nobody ended.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use tokio_postgres::Client;

use crate::{
    check::sample::{LOOK, Sample},
    clock::{MS, Micros, SECOND, now},
    cluster::DATABASE,
    play::{Phase, Play},
    world::{Room, User},
};

/// Between two looks.
const PERIOD: Duration = Duration::from_millis(120);
/// A change is committed at most so long after the statement began that made it.
const COMMIT_MAX: Micros = 8 * SECOND;
/// A task that is woken this much too late tells of a machine that stood still.
const LATE: Micros = 350 * MS;

/// A connection and a row take milliseconds; listeners give up where connecting takes them a second.
const SLOW: Micros = 400 * MS;
/// Between two such questions.
const BETWEEN_PROBES: Duration = Duration::from_millis(500);

/// The last look, for whoever compares.
pub type LastLook = Arc<Mutex<Sample>>;

/// Looks until it is over.
pub async fn run(mut play: Play, last: LastLook) {
    let mut client: Option<Client> = None;
    let mut last_seen: HashMap<(Room, User), Micros> = HashMap::new();
    let mut since = now();
    while play.phase() != Phase::End {
        play.pause(PERIOD).await;
        if client.as_ref().is_none_or(Client::is_closed) {
            client = play.cluster.connect("postgres", DATABASE).await.ok();
            if let Some(client) = &client {
                // A table that somebody locks is looked at later.
                let _ = client.batch_execute("set statement_timeout = '10 s'").await;
            }
        }
        let Some(connected) = &client else { continue };
        let from = now();
        let looked = connected.query_one(LOOK, &[&(since - COMMIT_MAX)]).await;
        let to = now();
        let Ok(row) = looked else { continue };
        let text: String = row.get(0);
        match Sample::parse(&text) {
            Ok(sample) => {
                let mut state = play.check.lock();
                let before = state.violations.len();
                state.looked(&sample, &mut last_seen, from, to);
                let is_wrong = state.violations.len() > before;
                drop(state);
                if is_wrong {
                    play.check.history.note("look", json!(text));
                }
                since = from;
                *last.lock().expect("nobody panics with it") = sample;
            }
            Err(wrong) => play.check.violate("SQL holds what was put there", wrong),
        }
    }
}

/// Notes when this machine stood still, until it is over.
pub async fn watch_the_clock(play: Play) {
    let period = Duration::from_millis(50);
    while play.phase() != Phase::End {
        let from = now();
        tokio::time::sleep(period).await;
        let to = now();
        if to - from > LATE {
            let mut state = play.check.lock();
            state.calm.stood_still(from, to);
            state.ledger.trouble_begins(from);
            state.count("the machine stood still");
        }
    }
}

/// Notes when this machine is too slow for anything to be asked of it in time: when it takes us this long to ask Postgres for
/// one row, past all proxies, nobody else is any faster. While a server is away, that is a fault of its own.
pub async fn watch_the_speed(mut play: Play) {
    while play.phase() != Phase::End {
        let from = now();
        if let Ok(client) = play.cluster.connect("postgres", DATABASE).await {
            let _ = client.simple_query("select 1").await;
        }
        let to = now();
        if to - from > SLOW {
            let mut state = play.check.lock();
            state.calm.stood_still(from, to);
            state.ledger.trouble_begins(from);
            state.count("the machine was slow");
        }
        play.pause(BETWEEN_PROBES).await;
    }
}

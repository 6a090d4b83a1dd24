//! How this node fares, in numbers: what it tells of itself, and what its own page shows without the database.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use serde::Serialize;

use crate::{
    db::Db,
    health::{Health, Pulse},
    leases::Leases,
    observe::{Observer, Totals},
};

/// Whence the numbers come. Cheap to clone.
#[derive(Clone)]
pub struct Vitals {
    db: Db,
    health: Health,
    leases: Leases,
    observer: Observer,
    node: Arc<str>,
    host: Arc<str>,
    started: Instant,
    /// Guards what was counted last, and the rates that followed; held for a copy.
    last: Arc<Mutex<(Instant, Totals, Rates)>>,
}

/// How often, a second, over the last few seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Rates {
    /// Heartbeats sent to the database.
    pub heartbeats_per_s: f64,
    /// Calls of `/v1`.
    pub calls_per_s: f64,
    /// Calls that were refused.
    pub refused_per_s: f64,
    /// Calls that failed by no fault of theirs.
    pub failed_per_s: f64,
    /// Statements that read rooms for streams.
    pub reads_per_s: f64,
}

/// How a node fares: what it writes to the database as its figures.
#[derive(Debug, Clone, Serialize)]
pub struct NodeFigures {
    /// The machine's name, or the container's.
    pub host: Arc<str>,
    /// Whether it may be sent traffic.
    pub is_ready: bool,
    /// Why not.
    pub causes: Vec<&'static str>,
    /// How long ago each of its tasks went well.
    #[serde(flatten)]
    pub pulse: Pulse,
    /// Streams that are open.
    pub streams: i64,
    /// Topics that they watch.
    pub topics: i64,
    /// Leases that they hold.
    pub leases: usize,
    /// Connections of the pool.
    pub pool: usize,
    /// Those that nobody uses.
    pub pool_idle: usize,
    /// Calls that wait for one.
    pub pool_waiting: usize,
    /// How often what happens.
    #[serde(flatten)]
    pub rates: Rates,
    /// Since its start.
    pub totals: Totals,
}

impl Vitals {
    /// Of the node whose parts these are.
    pub fn new(db: &Db, health: &Health, leases: &Leases, observer: &Observer, node: &Arc<str>) -> Self {
        let started = Instant::now();
        let host = nix::unistd::gethostname().ok();
        let host = host.map(|host| host.to_string_lossy().chars().take(255).collect::<String>());
        Self {
            db: db.clone(),
            health: health.clone(),
            leases: leases.clone(),
            observer: observer.clone(),
            node: node.clone(),
            host: host.unwrap_or_default().into(),
            started,
            last: Arc::new(Mutex::new((started, Totals::default(), Rates::default()))),
        }
    }

    /// Which node.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Since its start, in ms.
    pub fn uptime_ms(&self) -> i64 {
        self.started.elapsed().as_millis() as i64
    }

    /// Counts anew: from here on rates are those since the last time.
    pub(super) fn measure(&self) {
        let now = (Instant::now(), self.observer.figures().totals());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (then, before, _) = *last;
        *last = (
            now.0,
            now.1,
            Rates::between(&before, &now.1, (now.0 - then).as_secs_f64()),
        );
    }

    /// As it is now.
    pub fn now(&self) -> NodeFigures {
        let [pool, pool_idle, pool_waiting] = self.db.pool_figures();
        let figures = self.observer.figures();
        let causes = self.health.causes();
        NodeFigures {
            host: self.host.clone(),
            is_ready: causes.is_empty(),
            causes,
            pulse: self.health.pulse(),
            streams: figures.streams.get(),
            topics: figures.topics.get(),
            leases: self.leases.count(),
            pool,
            pool_idle,
            pool_waiting,
            rates: self.last.lock().unwrap_or_else(PoisonError::into_inner).2,
            totals: figures.totals(),
        }
    }
}

impl Rates {
    fn between(before: &Totals, after: &Totals, seconds: f64) -> Self {
        // One decimal: more of them say nothing, and change at each look.
        let rate = |of: fn(&Totals) -> u64| {
            let more = of(after).saturating_sub(of(before)) as f64;
            (more / seconds.max(0.001) * 10.0).round() / 10.0
        };
        Self {
            heartbeats_per_s: rate(|totals| totals.heartbeats),
            calls_per_s: rate(|totals| totals.calls),
            refused_per_s: rate(Totals::refused),
            failed_per_s: rate(Totals::broken),
            reads_per_s: rate(|totals| totals.reads),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_what_came_to_be_since_the_last_time() {
        let before = Totals {
            heartbeats: 100,
            calls: 10,
            ..Totals::default()
        };
        let after = Totals {
            heartbeats: 160,
            calls: 20,
            limited: 3,
            not_found: 2,
            failed: 1,
            ..Totals::default()
        };

        let rates = Rates::between(&before, &after, 4.0);

        assert_eq!(
            rates,
            Rates {
                heartbeats_per_s: 15.0,
                calls_per_s: 2.5,
                refused_per_s: 1.3,
                failed_per_s: 0.3,
                reads_per_s: 0.0,
            }
        );
    }
}

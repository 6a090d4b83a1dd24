//! Figures since the start as plain numbers, for operators; and calls of `/v1` by what was answered. Names nobody.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Since the start of this node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Calls of `/v1`.
    pub calls: u64,
    /// Refused: what they say is not valid (400, 405, 408, 413, 415).
    pub invalid: u64,
    /// Refused: no good token (401).
    pub unauthenticated: u64,
    /// Refused: a token without the scope (403).
    pub forbidden: u64,
    /// Refused: not there, or not for this caller to know (404).
    pub not_found: u64,
    /// Refused: overtaken, logged out, too many sessions (409).
    pub conflicts: u64,
    /// Refused: too often, or too many (429).
    pub limited: u64,
    /// Not now: overloaded, or the database is away (503).
    pub unavailable: u64,
    /// What should not happen (any other 5xx).
    pub failed: u64,
    /// Heartbeats that were sent to the database.
    pub heartbeats: u64,
    /// Statements that carried them.
    pub heartbeat_batches: u64,
    /// Statements that read rooms for streams.
    pub reads: u64,
    /// Sessions that this node's reaper ended.
    pub reaped: u64,
    /// Sessions that this node ended since the application's tables say so.
    pub evicted: u64,
    /// Sessions put back after a loss.
    pub put_back: u64,
    /// Calls of the reaper that failed.
    pub reap_failures: u64,
    /// Times that the listener's connection was lost.
    pub listener_losses: u64,
    /// Canaries that did not come back in time.
    pub canaries_missed: u64,
    /// Times that rooms could not be read any more.
    pub outages: u64,
    /// Times that a slow reader was given a fresh snapshot.
    pub lagged: u64,
    /// Handlers that panicked.
    pub panics: u64,
}

impl Totals {
    /// Calls that were refused, for whatever fault of theirs.
    pub fn refused(&self) -> u64 {
        self.invalid + self.unauthenticated + self.forbidden + self.not_found + self.conflicts + self.limited
    }

    /// Calls that failed by no fault of theirs.
    pub fn broken(&self) -> u64 {
        self.unavailable + self.failed
    }
}

/// Counts calls of `/v1` by what was answered.
#[derive(Debug, Default)]
pub(super) struct Answers {
    calls: AtomicU64,
    invalid: AtomicU64,
    unauthenticated: AtomicU64,
    forbidden: AtomicU64,
    not_found: AtomicU64,
    conflicts: AtomicU64,
    limited: AtomicU64,
    unavailable: AtomicU64,
    failed: AtomicU64,
}

impl Answers {
    /// Those of health, figures and pages are no calls: a monitor asks all the time.
    pub(super) fn count(&self, route: &str, status: u16) {
        if !route.starts_with("/v1/") {
            return;
        }
        let add = |counter: &AtomicU64| _ = counter.fetch_add(1, Ordering::Relaxed);
        add(&self.calls);
        match status {
            401 => add(&self.unauthenticated),
            403 => add(&self.forbidden),
            404 => add(&self.not_found),
            409 => add(&self.conflicts),
            429 => add(&self.limited),
            503 => add(&self.unavailable),
            400..500 => add(&self.invalid),
            500.. => add(&self.failed),
            _ => {}
        }
    }

    pub(super) fn totals(&self) -> Totals {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Totals {
            calls: of(&self.calls),
            invalid: of(&self.invalid),
            unauthenticated: of(&self.unauthenticated),
            forbidden: of(&self.forbidden),
            not_found: of(&self.not_found),
            conflicts: of(&self.conflicts),
            limited: of(&self.limited),
            unavailable: of(&self.unavailable),
            failed: of(&self.failed),
            ..Totals::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_what_was_answered_and_those_of_monitors_are_none() {
        let answers = Answers::default();

        for status in [200, 204, 304, 400, 401, 403, 404, 409, 413, 429, 500, 503] {
            answers.count("/v1/rooms/{room}", status);
        }
        answers.count("/metrics", 200);
        answers.count("none", 404);

        let totals = answers.totals();
        assert_eq!(totals.calls, 12);
        assert_eq!((totals.invalid, totals.refused(), totals.broken()), (2, 7, 2));
        assert_eq!((totals.unavailable, totals.failed), (1, 1));
    }
}

//! Whether this node may be sent traffic, and why not. Written by the tasks, read by `/readyz`; operators read as well how
//! long ago each task said so.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde::Serialize;

/// What moments are counted from.
static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What readiness hangs on. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Health {
    flags: Arc<Flags>,
}

#[derive(Debug, Default)]
struct Flags {
    listening: AtomicBool,
    reading: AtomicBool,
    reaping: AtomicBool,
    draining: AtomicBool,
    keyless: AtomicBool,
    heard_at: Moment,
    read_at: Moment,
    reaped_at: Moment,
    /// How long the last canary took, in µs; 0: none has come back.
    canary_us: AtomicU64,
}

/// When something went well last: µs since the beginning, 0 for never.
#[derive(Debug, Default)]
struct Moment(AtomicU64);

impl Moment {
    fn set(&self) {
        let now = BEGIN.elapsed().as_micros().max(1) as u64;
        self.0.store(now, Ordering::Relaxed);
    }

    fn ago_ms(&self) -> Option<u64> {
        let at = self.0.load(Ordering::Relaxed);
        (at > 0).then(|| (BEGIN.elapsed().as_micros() as u64).saturating_sub(at) / 1000)
    }
}

/// How long ago each task last went well, in ms; none: it never did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Pulse {
    /// A canary came back to the listener.
    pub heard_ms: Option<u64>,
    /// How long that one took.
    pub canary_ms: Option<f64>,
    /// Rooms were read, or could have been.
    pub read_ms: Option<u64>,
    /// The reaper's call went through, on this node.
    pub reaped_ms: Option<u64>,
}

impl Health {
    /// The listener hears rings, or does not.
    pub fn set_listening(&self, is: bool) {
        self.flags.listening.store(is, Ordering::Relaxed);
    }

    /// A canary came back after so long.
    pub fn heard(&self, took: Duration) {
        let us = took.as_micros().max(1) as u64;
        self.flags.canary_us.store(us, Ordering::Relaxed);
        self.flags.heard_at.set();
        self.set_listening(true);
    }

    /// Rooms can be read, or cannot.
    pub fn set_reading(&self, is: bool) {
        self.flags.reading.store(is, Ordering::Relaxed);
        if is {
            self.flags.read_at.set();
        }
    }

    /// The reaper's last call went through.
    pub fn set_reaping(&self, is: bool) {
        self.flags.reaping.store(is, Ordering::Relaxed);
        if is {
            self.flags.reaped_at.set();
        }
    }

    /// How long ago each task last went well.
    pub fn pulse(&self) -> Pulse {
        let canary_us = self.flags.canary_us.load(Ordering::Relaxed);
        Pulse {
            heard_ms: self.flags.heard_at.ago_ms(),
            canary_ms: (canary_us > 0).then(|| canary_us as f64 / 1e3),
            read_ms: self.flags.read_at.ago_ms(),
            reaped_ms: self.flags.reaped_at.ago_ms(),
        }
    }

    /// There is a key to check tokens by, or there is none.
    pub fn set_authenticating(&self, is: bool) {
        self.flags.keyless.store(!is, Ordering::Relaxed);
    }

    /// The process is going to end.
    pub fn set_draining(&self) {
        self.flags.draining.store(true, Ordering::Relaxed);
    }

    /// Some task failed at the database: it may be away, whatever the last read said.
    pub fn is_doubtful(&self) -> bool {
        let holds = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        !(holds(&self.flags.reading) && holds(&self.flags.listening) && holds(&self.flags.reaping))
    }

    /// What readiness hangs on, each with whether it holds.
    pub fn checks(&self) -> [(&'static str, bool); 5] {
        let holds = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        [
            ("reading", holds(&self.flags.reading)),
            ("listening", holds(&self.flags.listening)),
            ("reaping", holds(&self.flags.reaping)),
            ("authenticating", !holds(&self.flags.keyless)),
            ("accepting", !holds(&self.flags.draining)),
        ]
    }

    /// Why this node is not ready, in words that tell nothing of hosts, SQL or roles; empty: it is.
    pub fn causes(&self) -> Vec<&'static str> {
        let holds = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        let mut causes = vec![];
        if holds(&self.flags.draining) {
            causes.push("shutting down");
        }
        if !holds(&self.flags.reading) {
            causes.push("the database cannot be read");
        }
        if !holds(&self.flags.listening) {
            causes.push("changes are not being heard");
        }
        if !holds(&self.flags.reaping) {
            causes.push("expired sessions are not being ended");
        }
        if holds(&self.flags.keyless) {
            causes.push("there is no key to check tokens by");
        }
        causes
    }
}

//! Whether this node may be sent traffic, and why not. Written by the tasks, read by `/readyz`.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

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
}

impl Health {
    /// The listener hears rings, or does not.
    pub fn set_listening(&self, is: bool) {
        self.flags.listening.store(is, Ordering::Relaxed);
    }

    /// Rooms can be read, or cannot.
    pub fn set_reading(&self, is: bool) {
        self.flags.reading.store(is, Ordering::Relaxed);
    }

    /// The reaper's last call went through.
    pub fn set_reaping(&self, is: bool) {
        self.flags.reaping.store(is, Ordering::Relaxed);
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

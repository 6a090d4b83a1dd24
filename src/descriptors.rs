//! How many files this process may have open: a stream is one, so this bounds how many a node serves.
//!
//! The soft limit that a shell or a unit gives is often 1024, for the sake of programs that use `select`; this one does
//! not, and raises it to the hard limit.
//!
//! # Failure
//! A limit that cannot be read or raised stays as it is, and is told: the node serves, but fewer streams.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Fewer are a node of a few hundred streams, which nobody wants by intention.
pub const SMALL: u64 = 4096;

/// What a process may have open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// At most, now.
    pub soft: u64,
    /// As far as it may be raised without rights.
    pub hard: u64,
}

impl Limit {
    /// Of this process; none where it cannot be asked.
    pub fn now() -> Option<Self> {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
        Some(Self { soft, hard })
    }

    /// Raises the soft limit as far as it goes; returns what holds afterwards.
    pub fn raise() -> Option<Self> {
        let before = Self::now()?;
        if before.soft < before.hard {
            // macOS refuses more than it has, whatever the hard limit says: then it stays as it was.
            _ = setrlimit(Resource::RLIMIT_NOFILE, before.hard, before.hard);
        }
        Self::now()
    }

    /// Whether a node with it serves fewer streams than people expect.
    pub fn is_small(self) -> bool {
        self.soft < SMALL
    }
}

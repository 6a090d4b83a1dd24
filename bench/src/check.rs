//! The checker. It knows what clients sent and were answered, what streams were told, and what SQL says; it shares no code
//! with the service.
//!
//! All of it stands behind one lock that is held for look-ups alone: what is noted is in order.

pub mod access;
pub mod calm;
pub mod face;
pub mod ledger;
pub mod log;
pub mod loss;
pub mod quiet;
pub mod sample;
pub mod streams;

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use self::{access::Access, calm::Calm, ledger::Ledger, log::Log, streams::Streams};
use crate::{
    clock::{Micros, now},
    history::History,
    world::Tables,
};

/// Something that must never happen, and did.
#[derive(Debug, Clone)]
pub struct Violation {
    /// Which promise.
    pub promise: &'static str,
    /// What was seen.
    pub what: String,
    /// The last frames of the stream, where one saw it.
    pub frames: Vec<String>,
    /// How long after the beginning of the play.
    pub after: Micros,
}

/// So many are kept: the first tells most.
const VIOLATIONS_MAX: usize = 20;

/// What is known.
pub struct State {
    /// When something was broken on purpose.
    pub calm: Calm,
    /// Who might see which room when.
    pub access: Access,
    /// Which session might or must be there when.
    pub ledger: Ledger,
    /// What streams were told.
    pub streams: Streams,
    /// The log of changes, as SQL has it.
    pub log: Log,
    /// What must never happen, and did.
    pub violations: Vec<Violation>,
    /// How often each kind of call and answer came.
    pub tally: BTreeMap<String, u64>,
    began: Micros,
    stop: CancellationToken,
}

impl State {
    /// It is over: something was seen that must never be.
    pub fn violate(&mut self, promise: &'static str, what: String) {
        self.violate_on(promise, what, None);
    }

    /// The same, on this stream.
    pub fn violate_on(&mut self, promise: &'static str, what: String, stream: Option<u64>) {
        if self.violations.len() < VIOLATIONS_MAX {
            let frames = stream.map_or_else(Vec::new, |stream| self.streams.recent(stream));
            self.violations.push(Violation {
                promise,
                what,
                frames,
                after: now() - self.began,
            });
        }
        self.stop.cancel();
    }

    /// One more of this.
    pub fn count(&mut self, what: &str) {
        match self.tally.get_mut(what) {
            Some(count) => *count += 1,
            None => drop(self.tally.insert(what.to_owned(), 1)),
        }
    }
}

/// The checker, shared by all who play.
pub struct Check {
    /// What happened.
    pub history: History,
    /// Cancelled at the first violation.
    pub stop: CancellationToken,
    state: Mutex<State>,
}

impl Check {
    /// With the application's tables as they are at first.
    pub fn new(history: History, tables: Tables) -> Self {
        let stop = CancellationToken::new();
        let state = State {
            calm: Calm::default(),
            access: Access::new(tables, now()),
            ledger: Ledger::default(),
            streams: Streams::default(),
            log: Log::default(),
            violations: vec![],
            tally: BTreeMap::new(),
            began: now(),
            stop: stop.clone(),
        };
        Self {
            history,
            stop,
            state: Mutex::new(state),
        }
    }

    /// For a look-up or a note; never across an await.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it")
    }

    /// It is over.
    pub fn violate(&self, promise: &'static str, what: String) {
        self.history
            .note("violation", json!({"promise": promise, "what": what}));
        self.lock().violate(promise, what);
    }
}

//! When something was broken on purpose, or the machine stood still: then promises of time are not asked for, those of
//! order and of access are all the same.

use crate::clock::{Micros, NEVER, SECOND};

/// So long after a fault its consequences may last: reconnects, pauses that doubled, a listener that is found deaf.
pub const AFTERMATH: Micros = 3 * SECOND;

/// The times of trouble.
#[derive(Debug, Default)]
pub struct Calm {
    /// Of what was broken on purpose.
    faults: Vec<(Micros, Micros)>,
    /// Of the machine.
    stalls: Vec<(Micros, Micros)>,
}

impl Calm {
    /// Something is broken from now on; the number ends it.
    pub fn begin(&mut self, at: Micros) -> usize {
        self.faults.push((at, NEVER));
        self.faults.len() - 1
    }

    /// It is whole again.
    pub fn end(&mut self, fault: usize, at: Micros) {
        if let Some(fault) = self.faults.get_mut(fault) {
            fault.1 = fault.1.min(at + AFTERMATH);
        }
    }

    /// The machine stood still for a moment: no time of these is anybody's fault.
    pub fn stood_still(&mut self, from: Micros, to: Micros) {
        self.stalls.push((from, to + SECOND));
    }

    /// How much was broken on purpose at any moment between two.
    pub fn faults(&self, from: Micros, to: Micros) -> usize {
        self.faults
            .iter()
            .filter(|span| touches(**span, from, to))
            .count()
    }

    /// Whether nothing was broken in all this time.
    pub fn was(&self, from: Micros, to: Micros) -> bool {
        let mut all = self.faults.iter().chain(&self.stalls);
        !all.any(|span| touches(*span, from, to))
    }
}

fn touches((begin, end): (Micros, Micros), from: Micros, to: Micros) -> bool {
    end >= from && begin <= to
}

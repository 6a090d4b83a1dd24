//! When something was broken on purpose, or the machine stood still: then promises of time are not asked for, those of
//! order and of access are all the same.

use crate::clock::{Micros, NEVER, SECOND};

/// So long after a fault its consequences may last: reconnects, pauses that doubled, a listener that is found deaf.
pub const AFTERMATH: Micros = 3 * SECOND;

/// The times of trouble.
#[derive(Debug, Default)]
pub struct Calm {
    troubles: Vec<(Micros, Micros)>,
}

impl Calm {
    /// Something is broken from now on; the number ends it.
    pub fn begin(&mut self, at: Micros) -> usize {
        self.troubles.push((at, NEVER));
        self.troubles.len() - 1
    }

    /// It is whole again.
    pub fn end(&mut self, trouble: usize, at: Micros) {
        if let Some(trouble) = self.troubles.get_mut(trouble) {
            trouble.1 = trouble.1.min(at + AFTERMATH);
        }
    }

    /// The machine stood still for a moment: no time of these is anybody's fault.
    pub fn stood_still(&mut self, from: Micros, to: Micros) {
        self.troubles.push((from, to + SECOND));
    }

    /// Whether nothing was broken in all this time.
    pub fn was(&self, from: Micros, to: Micros) -> bool {
        self.troubles
            .iter()
            .all(|(begin, end)| *end < from || *begin > to)
    }
}

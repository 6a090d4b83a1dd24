//! Where rings wait for the relay. They merge: a flood of them costs one entry a room.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use tokio::sync::Notify;

use super::RingName;

/// Beyond so many different names everything is read: foreign rings must not fill the memory.
const NAMES_MAX: usize = 10_000;

/// What rang since the last look.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rings {
    /// Names of rooms.
    pub names: HashSet<RingName>,
    /// Everything may have changed.
    pub all: bool,
}

/// The listener rings it, the relay answers it.
#[derive(Debug, Default)]
pub struct Bell {
    /// Guards the names alone; held for an insert or a take, never across an await.
    rings: Mutex<Rings>,
    rung: Notify,
}

impl Bell {
    /// A NOTIFY's payload: names by comma, `*` for everything. Whatever else it holds names nothing.
    pub fn ring(&self, payload: &str) {
        let mut rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        for name in payload.split(',') {
            if name == "*" || rings.names.len() >= NAMES_MAX {
                rings.all = true;
            } else if name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                rings.names.insert(name.to_owned());
            }
        }
        drop(rings);
        self.rung.notify_one();
    }

    /// Waits until it rings.
    pub async fn rung(&self) {
        self.rung.notified().await;
    }

    /// Takes all that rang.
    pub fn take(&self) -> Rings {
        std::mem::take(&mut self.rings.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forged_payloads_name_nothing() {
        let bell = Bell::default();
        for payload in [
            "",
            ",,",
            "general",
            "0123456789abcdeg",
            "\u{0}",
            "0123456789abcdef0",
        ] {
            bell.ring(payload);
        }

        assert_eq!(bell.take(), Rings::default());
    }

    #[test]
    fn rings_merge_and_a_flood_becomes_one_look_at_everything() {
        let bell = Bell::default();
        bell.ring("0123456789abcdef,0123456789abcdef");
        bell.ring("0123456789abcdef");

        assert_eq!(bell.take().names.len(), 1);

        (0..20_000).for_each(|n| bell.ring(&format!("{n:016x}")));
        let rings = bell.take();

        assert!(rings.all && rings.names.len() <= NAMES_MAX);
    }
}

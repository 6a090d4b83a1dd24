//! What rings are called: keyed hashes, as SQL computes them. Listening tells nobody what changed.

use sha2::{Digest, Sha256};

use crate::{db::Secrets, domain::RoomId, hub::RingName};

/// A room changed: `presence_private.ring_name`.
pub(super) fn of_room(secrets: &Secrets, room: &RoomId) -> RingName {
    hash(secrets, room.as_str().as_bytes())
}

/// Somebody was logged out: `presence_private.note_logouts`. No room's id begins with NUL.
pub(super) fn of_logouts(secrets: &Secrets) -> RingName {
    hash(secrets, b"\0logout")
}

/// Somebody was notified: `presence_private.notify_watchers`.
pub(super) fn of_notifications(secrets: &Secrets) -> RingName {
    hash(secrets, b"\0notification")
}

fn hash(secrets: &Secrets, what: &[u8]) -> RingName {
    let key = secrets.ring.first().map(Vec::as_slice).unwrap_or_default();
    let hash = Sha256::new().chain_update(key).chain_update(what).finalize();
    hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

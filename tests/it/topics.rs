//! The topics of a stream: rooms, counts, events and people, each right at every moment and at rest.

mod counts;
mod detail;
mod events;
mod mixed;
mod random;
mod reader;
mod refusals;
mod users;
mod watchers;
mod wire;

use std::time::Duration;

/// Longer than anything that might still come would take.
const QUIET: Duration = Duration::from_millis(1_500);
/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often open streams are authorised again, as the tests' nodes are set.
const SWEEP: Duration = Duration::from_millis(500);

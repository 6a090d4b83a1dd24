//! What operators are told: how this node fares, and what a look at the whole of presence shows.
//!
//! Nodes know nothing of each other, and nothing here changes that: each tells the database of itself every few seconds
//! ([`roll`]), and whoever looks reads what all have told ([`desk`]). Presence hangs on none of it.
//!
//! What it deliberately does not do: decide who may look (that is `http::operator`'s), and keep a history (that is a
//! monitor's, from `/metrics`).
//!
//! # Failure
//! Without the database a look still shows this node, and says what is the matter.

pub mod desk;
pub mod roll;
mod vitals;

pub use desk::Desk;
pub use roll::RollCall;
pub use vitals::{NodeFigures, Vitals};

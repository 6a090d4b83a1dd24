//! One file a suite: what it runs, in which turns, and what it checks. A check that fails ends the suite.

pub mod fanout;
pub mod heartbeat;
pub mod latency;
pub mod neighbour;
pub mod scale;
pub mod start;
pub mod streams;

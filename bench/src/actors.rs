//! Who plays: people's tabs and streams, callers, a backend with SQL of its own, and the application that changes its tables.

pub mod backend;
pub mod caller;
pub mod host;
pub mod session;
pub mod tab;
pub mod twins;
pub mod viewer;

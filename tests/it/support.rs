//! What tests stand on. Never assertions.

pub mod app;
pub mod cable;
pub mod client;
pub mod db;
pub mod server;
pub mod stream;

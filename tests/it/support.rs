//! What tests stand on. Never assertions.

pub mod app;
pub mod cable;
pub mod client;
pub mod db;
pub mod ear;
pub mod programs;
pub mod scene;
pub mod server;
pub mod sql;
pub mod stream;

//! What tests stand on. Never assertions.

pub mod app;
pub mod cable;
pub mod certificates;
pub mod client;
pub mod db;
pub mod disk;
pub mod ear;
pub mod keys;
pub mod node;
pub mod programs;
pub mod provider;
pub mod receiver;
pub mod scene;
pub mod server;
pub mod sql;
pub mod stream;

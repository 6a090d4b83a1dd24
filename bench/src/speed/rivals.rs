//! What the service is compared with, each a process of its own: the least that a server can do, what a team would write
//! in a day, and what people use. Honestly done: release build, pools, prepared statements.

mod bare;
mod handler;
pub mod socketio;

pub use self::handler::SCRIPT;

use anyhow::Result;
use clap::ValueEnum;

/// The bytes of a chunk of the bare loop: as many as a diff with one member.
pub const CHUNK: usize = 400;

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Rival {
    /// Parses the same request, looks the token up, and answers.
    Noop,
    /// As a team would write it in a day: one upsert and one NOTIFY in each request, a channel a room.
    Upsert,
    /// A bare stream of axum.
    Sse,
    /// A bare loop that writes one chunk to all its sockets.
    Chunks,
}

/// Serves until it is killed.
pub async fn serve(rival: Rival, port: u16, url: Option<String>) -> Result<()> {
    match rival {
        Rival::Noop => handler::serve(port, None).await,
        Rival::Upsert => handler::serve(port, url).await,
        Rival::Sse => bare::streams(port).await,
        Rival::Chunks => bare::chunks(port).await,
    }
}

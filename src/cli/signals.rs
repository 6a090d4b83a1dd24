//! SIGINT and SIGTERM ask for an end; the second one does not ask.

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// As a shell counts a program that was ended by SIGINT.
const INTERRUPTED: i32 = 130;

/// A token that is cancelled by the first signal. The second ends the process at once, wherever it is.
pub fn stop() -> Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
            }
        };
        let name = next().await;
        tracing::info!("{name}: stopping; once more stops at once");
        stop.cancel();
        next().await;
        std::process::exit(INTERRUPTED);
    });
    Ok(token)
}

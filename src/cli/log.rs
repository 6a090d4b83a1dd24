//! Logs go to standard error: lines for people, or one JSON object a line.

use std::io::IsTerminal;

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;

use crate::config::{self, LogArgs, LogFormat};

/// Starts logging, panics included; `level` holds where nothing was said.
pub fn start(args: &LogArgs, level: &str) -> Result<()> {
    let filter = filter(args.log_level.as_deref().unwrap_or(level));
    let filter =
        EnvFilter::try_new(&filter).with_context(|| format!("--log-level (RUST_LOG): {filter:?}"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match args.log_format {
        LogFormat::Json => builder.json().flatten_event(true).init(),
        LogFormat::Text => {
            let is_coloured = config::is_colour_wanted(std::io::stderr().is_terminal());
            builder.compact().with_target(false).with_ansi(is_coloured).init();
        }
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let backtrace = std::backtrace::Backtrace::capture();
        tracing::error!(place, %backtrace, "panic: {}", text.unwrap_or("without a text"));
    }));
    Ok(())
}

/// A bare level is ours; libraries then say what is alarming and no more (the driver's `debug` shows parameters).
fn filter(wanted: &str) -> String {
    match wanted.trim().to_ascii_lowercase().as_str() {
        level @ ("error" | "off") => level.to_owned(),
        level @ ("warn" | "info" | "debug" | "trace") => format!("warn,pg_presence={level}"),
        _ => wanted.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_level_is_for_this_program_alone() {
        assert_eq!(filter("debug"), "warn,pg_presence=debug");
        assert_eq!(filter(" INFO "), "warn,pg_presence=info");
        assert_eq!(filter("error"), "error");
        assert_eq!(filter("hyper=trace,info"), "hyper=trace,info");
    }
}

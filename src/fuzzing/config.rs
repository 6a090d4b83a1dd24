//! Flags, each on a line, and the mapping file of `generate adapter`: settings are within their bounds, refusals say why,
//! and neither ever shows a secret.

use clap::{CommandFactory, FromArgMatches, Parser};

use crate::{
    adapter::file,
    config::{DatabaseArgs, ListenArgs, SERVE_BIND, ServiceArgs, Settings, check_lease, lifetime},
};

/// In no message, whatever is wrong beside them.
const SECRET: &str = "sesame-sesame-sesame-sesame-sesame";
const PASSWORD: &str = "hunter-hunter";

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    listen: ListenArgs,
    #[command(flatten)]
    service: ServiceArgs,
}

pub(super) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(life) = lifetime(&text) {
        assert!((1..=366 * 24 * 3600).contains(&life.as_secs()), "{text:?}");
    }
    // It may well be refused; it must not bring anything down.
    let _ = file::spec(&text);
    // Files are read by their names, and some never end; what stands for a secret must not be said by the input itself.
    if text.contains("-file") || text.contains("sesame") || text.contains("hunter") {
        return;
    }
    let url = format!("--database-url=postgres://app:{PASSWORD}@localhost/app");
    let listen = format!("--listen-database-url=postgres://app:{PASSWORD}@localhost/app");
    let mut flags = vec!["serve", "--jwt-secret", SECRET, &url, &listen];
    flags.extend(text.lines());
    let settings = settings(&flags);

    let said = match &settings {
        Ok(settings) => {
            check_bounds(settings);
            format!("{settings:?}")
        }
        Err(why) => {
            assert!(!why.trim().is_empty(), "{text:?}");
            why.clone()
        }
    };
    assert!(!said.contains("sesame") && !said.contains("hunter"), "{said}");
}

/// As `serve` reads them, without the variables of whoever runs this.
fn settings(flags: &[&str]) -> Result<Settings, String> {
    let command = Command::command().mut_args(|arg| arg.env(None::<&'static str>));
    let matches = command
        .try_get_matches_from(flags)
        .map_err(|error| error.to_string())?;
    let command = Command::from_arg_matches(&matches).map_err(|error| error.to_string())?;
    let shown = |error: crate::config::Error| format!("{error} {error:?}");
    let url = command.database.url().map_err(shown)?;
    let listen = command.listen.url().map_err(shown)?;
    command.service.settings(url, listen, SERVE_BIND).map_err(shown)
}

/// The bounds that `--help` tells.
fn check_bounds(settings: &Settings) {
    for (value, min, max) in [
        (settings.heartbeat, 100, 600_000),
        (settings.ttl, 500, 3_600_000),
        (settings.typing, 500, 60_000),
        (Some(settings.reap), 50, 60_000),
        (Some(settings.sweep), 200, 300_000),
        (Some(settings.ping), 1000, 60_000),
        (Some(settings.canary), 100, 60_000),
        (Some(settings.merge), 0, 5000),
        (Some(settings.grace), 0, 300_000),
        (Some(settings.jwks_refresh), 1000, 86_400_000),
    ] {
        let is_within = value.is_none_or(|value| (min..=max).contains(&value.as_millis()));
        assert!(is_within, "{settings:?}");
    }
    check_lease(settings.ttl, settings.heartbeat).expect("a lease that outlives two heartbeats");
    assert!((1..=200).contains(&settings.pool_max), "{settings:?}");
    assert!(settings.rate_per_s <= 10_000 && (1..=100_000).contains(&settings.rate_burst));
    assert!(
        settings
            .jwt_secret
            .as_ref()
            .is_none_or(|secret| secret.len() >= 32)
    );
    for origin in &settings.cors_origins {
        let is_one = origin.starts_with("http://") || origin.starts_with("https://");
        assert!(is_one && !origin.contains(['*', ',', ' ', '"']), "{origin}");
    }
}

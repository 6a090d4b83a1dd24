//! Each setting of `serve` for people: what it means, its default and its bounds. The table of docs/operations.md and what
//! `pg-presence config` prints come from here and from the flags themselves, and tests hold the three together.

use clap::{Args, Command};

use super::{DatabaseArgs, ListenArgs, LogArgs, ServiceArgs};

/// A setting.
#[derive(Debug)]
pub struct Knob {
    /// Its variable; its flag is what clap has for it.
    pub variable: &'static str,
    /// What holds where it is not given, if clap has no default. Markdown.
    pub unset: &'static str,
    /// What it may be.
    pub bounds: Bounds,
    /// What it means. Markdown.
    pub means: &'static str,
}

/// What a value may be.
#[derive(Debug)]
pub enum Bounds {
    /// A whole number, both ends included.
    Range(u64, u64),
    /// In words. Markdown.
    Words(&'static str),
}

const fn words(
    variable: &'static str,
    unset: &'static str,
    bounds: &'static str,
    means: &'static str,
) -> Knob {
    Knob {
        variable,
        unset,
        bounds: Bounds::Words(bounds),
        means,
    }
}

const fn range(variable: &'static str, unset: &'static str, min: u64, max: u64, means: &'static str) -> Knob {
    Knob {
        variable,
        unset,
        bounds: Bounds::Range(min, max),
        means,
    }
}

/// All of them, in the order of the table.
pub const KNOBS: &[Knob] = &[
    words(
        "DATABASE_URL",
        "",
        "",
        "The database, with [how TLS is to be spoken](#tls-to-postgres).",
    ),
    words(
        "PRESENCE_LISTEN_DATABASE_URL",
        "as `DATABASE_URL`",
        "",
        "The listener's own way to it.",
    ),
    words(
        "PRESENCE_BIND",
        "`0.0.0.0:8080`; `dev`: `127.0.0.1:8080`",
        "an address and a port",
        "Where HTTP is served.",
    ),
    words(
        "PRESENCE_ADMIN_BIND",
        "off; `dev`: `127.0.0.1:8190`",
        "an address and a port",
        "Where [the operator's page](#the-operators-page), health and metrics are served; metrics are not served elsewhere \
         then, where it is set.",
    ),
    words(
        "PRESENCE_ADMIN_HOSTS",
        "none",
        "names, with commas",
        "Public names by which operators may ask for [metrics](#metrics) and the admin address.",
    ),
    words(
        "PRESENCE_OTLP_ENDPOINT",
        "off",
        "http or https",
        "Where [spans](#traces) are sent; `OTEL_EXPORTER_OTLP_ENDPOINT` does the same.",
    ),
    words(
        "PRESENCE_CORS_ORIGINS",
        "none",
        "origins, with commas",
        "Whose pages may call.",
    ),
    words(
        "PRESENCE_JWT_SECRET",
        "none",
        "32 bytes at least",
        "The key of HS256 tokens.",
    ),
    words(
        "PRESENCE_AUTH_PRESET",
        "none",
        "`better-auth`, `supabase`, `clerk`, `auth0`",
        "What [a provider](#tokens-of-your-provider) does: its JWKS, issuer and audience, unless they are given. Needs \
         `PRESENCE_JWT_ISSUER`.",
    ),
    words(
        "PRESENCE_JWKS_URL",
        "the preset's",
        "https; http to this machine",
        "Where RS256, ES256 and EdDSA keys are published.",
    ),
    words(
        "PRESENCE_JWKS_FILE",
        "none",
        "up to 256 KiB",
        "A file with such keys, in place of the URL.",
    ),
    range(
        "PRESENCE_JWKS_REFRESH_MS",
        "",
        1000,
        86_400_000,
        "How often they are read again; a key that was taken out is good until then.",
    ),
    words("PRESENCE_JWT_ISSUER", "any", "", "`iss` that tokens must name."),
    words(
        "PRESENCE_JWT_AUDIENCE",
        "any, or the preset's",
        "",
        "`aud` that tokens must name.",
    ),
    words(
        "PRESENCE_USER_CLAIM",
        "",
        "",
        "The claim that holds the user's id.",
    ),
    range(
        "PRESENCE_HEARTBEAT_MS",
        "the database's, 25000",
        100,
        600_000,
        "How often clients are told to send a heartbeat.",
    ),
    range(
        "PRESENCE_TTL_MS",
        "the database's, 75000",
        500,
        3_600_000,
        "How long a heartbeat is good for; at least 2.5 heartbeats.",
    ),
    range(
        "PRESENCE_TYPING_MS",
        "the database's, 6000",
        500,
        60_000,
        "How long one sign of typing lasts.",
    ),
    range("PRESENCE_REAP_MS", "", 50, 60_000, "How often leases are ended."),
    range(
        "PRESENCE_SWEEP_MS",
        "",
        200,
        300_000,
        "How often open streams are checked against what their users may see.",
    ),
    range(
        "PRESENCE_PING_MS",
        "",
        1000,
        60_000,
        "How often a stream says `ping`.",
    ),
    range(
        "PRESENCE_CANARY_MS",
        "",
        100,
        60_000,
        "How often the listener is sent a NOTIFY that must come back.",
    ),
    range(
        "PRESENCE_MERGE_MS",
        "",
        0,
        5000,
        "How long changes of a room are merged after its first one.",
    ),
    range(
        "PRESENCE_GRACE_MS",
        "",
        0,
        300_000,
        "How long a session stays after [the stream that held it](protocol.md#stream-leases) has closed; at most the TTL.",
    ),
    range(
        "PRESENCE_SILENCE_MAX_MS",
        "",
        1000,
        3_600_000,
        "How long a stream renews the sessions of a client that sends no heartbeat; such clients are told to send one \
         every two fifths of this.",
    ),
    range(
        "PRESENCE_ROOM_DETAIL_MAX",
        "",
        1,
        100_000,
        "Members of a room above which its streams tell the number alone, until there are fewer than four fifths of it.",
    ),
    range("PRESENCE_POOL_MAX", "", 1, 200, "Connections of the pool."),
    range(
        "PRESENCE_RATE_PER_S",
        "",
        0,
        10_000,
        "Heartbeats a second, and calls that count as one, that a user may send to this node on and on; 0: no limit. \
         Callers with the scope `presence:write` have none.",
    ),
    range(
        "PRESENCE_RATE_BURST",
        "",
        1,
        100_000,
        "How many of them a user may send at once, after a pause; beyond both [`rate-limited`](errors.md#rate-limited).",
    ),
    words(
        "PRESENCE_WEBHOOK_NETWORKS",
        "none",
        "networks, with commas",
        "Networks that are not public, such as `10.1.0.0/16`, and that [webhooks](webhooks.md#where-webhooks-may-go) may be \
         sent to all the same.",
    ),
    range(
        "PRESENCE_WEBHOOK_TIMEOUT_MS",
        "",
        1000,
        30_000,
        "How long the endpoint of a webhook may take to answer.",
    ),
    words("RUST_LOG", "`info`", "", "What to log."),
    words("PRESENCE_LOG_FORMAT", "", "`text`, `json`", "How to log it."),
];

/// Every flag of `serve`, as clap knows it.
pub fn flags() -> Command {
    let command = DatabaseArgs::augment_args(Command::new("serve"));
    let command = ListenArgs::augment_args(command);
    LogArgs::augment_args(ServiceArgs::augment_args(command))
}

/// The table of docs/operations.md.
pub fn table() -> String {
    let flags = flags();
    let mut table = String::from("| Variable | Default | Bounds | Means |\n|---|---|---|---|\n");
    for knob in KNOBS {
        let flag = flags.get_arguments().find(|arg| variable(arg) == knob.variable);
        let default = flag.and_then(|arg| arg.get_default_values().first());
        let default = default.map(|value| value.to_string_lossy().into_owned());
        let default = match default {
            Some(default) if default.parse::<u64>().is_ok() => default,
            Some(default) => format!("`{default}`"),
            None => knob.unset.to_owned(),
        };
        let bounds = match knob.bounds {
            Bounds::Range(min, max) => format!("{min} to {max}"),
            Bounds::Words(words) => words.to_owned(),
        };
        let row = format!("| `{}` | {default} | {bounds} | {} |", knob.variable, knob.means);
        table.push_str(&row.replace("|  |", "| |").replace("|  |", "| |"));
        table.push('\n');
    }
    table
}

/// The variable of a flag; empty where it has none.
pub fn variable(arg: &clap::Arg) -> String {
    let variable = arg.get_env().map(|name| name.to_string_lossy().into_owned());
    variable.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_flag_of_serve_stands_in_the_table_once_and_nothing_else_does() {
        let flags: BTreeSet<String> = flags()
            .get_arguments()
            .filter(|flag| !flag.is_hide_set()) // another name for one that is in the table
            .map(variable)
            .filter(|name| !name.ends_with("_URL_FILE") && !name.ends_with("_SECRET_FILE"))
            .collect();
        let knobs: BTreeSet<String> = KNOBS.iter().map(|knob| knob.variable.to_owned()).collect();

        assert_eq!(knobs, flags);
        assert_eq!(knobs.len(), KNOBS.len());
    }

    #[test]
    fn the_bounds_of_the_table_are_those_of_the_flags() {
        for knob in KNOBS {
            let Bounds::Range(min, max) = knob.bounds else {
                continue;
            };
            let flag = flags()
                .get_arguments()
                .find(|arg| variable(arg) == knob.variable)
                .cloned();
            let name = flag
                .and_then(|flag| flag.get_long().map(str::to_owned))
                .expect("a flag");
            let takes = |value: u64| {
                let command = flags().mut_args(|arg| arg.env(None::<&'static str>));
                command
                    .try_get_matches_from(["serve".to_owned(), format!("--{name}={value}")])
                    .is_ok()
            };

            assert!(takes(min) && takes(max), "--{name}");
            assert!(!takes(max + 1), "--{name}");
            assert!(min == 0 || !takes(min - 1), "--{name}");
        }
    }
}

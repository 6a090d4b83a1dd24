//! Every knob: its name, unit, default and bounds. The sole reader of the environment, but for libpq's variables, which
//! [`connect`] reads.
//!
//! A command's arguments flatten the groups of [`args`]; [`Settings`] is what the rest of the program reads: checked,
//! in durations and bytes, without a trace of clap. An empty variable counts as one that is not set ([`unset_empty`]).
//! Secrets come from a flag, a variable or a file named by `..._FILE`; they are never printed.
//!
//! # Failure
//! What is out of bounds ends the program before anything is connected, with the flag and the bounds in the message.

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use axum::http::Uri;

use crate::{connect, domain::Network};

pub mod args;
mod auth;
mod effective;
pub mod knobs;
mod parse;
pub mod unknown;

pub use args::{DatabaseArgs, ListenArgs, LogArgs, LogFormat, ServiceArgs};
pub use auth::{AuthArgs, KeySource, KeysArgs, Preset};
pub use effective::{Effective, Source, effective};
pub use parse::{id_type, lifetime, millis};

/// Fewer bytes can be guessed; HS256 wants a key as long as its hash (RFC 7518, section 3.2).
pub const JWT_SECRET_BYTES_MIN: usize = 32;
/// Where `serve` listens: a container's port must be reachable from outside of it.
pub const SERVE_BIND: &str = "0.0.0.0:8080";
/// Where `dev` listens: loopback, since its page signs tokens for whoever asks.
pub const DEV_BIND: &str = "127.0.0.1:8080";

/// What the rest of the program reads.
#[derive(Clone)]
pub struct Settings {
    /// The pool's way to Postgres.
    pub database_url: String,
    /// The listener's way, where the pool goes through PgBouncer; none: as the pool's.
    pub listen_database_url: Option<String>,
    /// Where HTTP is served.
    pub bind: SocketAddr,
    /// Where operators are served: their page, health and metrics; none: metrics are served with everything else.
    pub admin_bind: Option<SocketAddr>,
    /// Public names by which operators may ask for metrics and for what is served on `admin_bind`, without a port.
    pub admin_hosts: Vec<String>,
    /// Where spans are sent, without `/v1/traces`; none: nowhere.
    pub otlp: Option<Uri>,
    /// The key of HS256 tokens, at least [`JWT_SECRET_BYTES_MIN`].
    pub jwt_secret: Option<Vec<u8>>,
    /// Where a provider publishes its keys; without either nobody can authenticate.
    pub jwks: Option<KeySource>,
    /// How often these are read again.
    pub jwks_refresh: Duration,
    /// The issuer that tokens must name; none: any.
    pub jwt_issuer: Option<String>,
    /// The audience that tokens must name; none: any.
    pub jwt_audience: Option<String>,
    /// The claim that holds the user's id.
    pub user_claim: String,
    /// Origins whose pages may call, as browsers spell them; empty: pages of our own origin only.
    pub cors_origins: Vec<String>,
    /// How often clients are told to send a heartbeat; none: adopt what the database says.
    pub heartbeat: Option<Duration>,
    /// How long a heartbeat is good for; none: adopt.
    pub ttl: Option<Duration>,
    /// How long one sign of typing lasts; none: adopt.
    pub typing: Option<Duration>,
    /// How often expired leases are ended.
    pub reap: Duration,
    /// How often it is checked that open streams may still see what they see.
    pub sweep: Duration,
    /// How often a stream says `ping`.
    pub ping: Duration,
    /// How often the listener is sent a NOTIFY that must come back.
    pub canary: Duration,
    /// Changes of a room after the first one are merged for so long.
    pub merge: Duration,
    /// How long a lease outlives the stream that held it.
    pub grace: Duration,
    /// How long a stream renews the lease of a client that gives no sign of life.
    pub silence_max: Duration,
    /// Of a room with more members streams tell the count alone.
    pub room_detail_max: i32,
    /// Connections of the pool.
    pub pool_max: usize,
    /// Heartbeats a second that a user may send on and on, on each node; 0: no limit.
    pub rate_per_s: u32,
    /// Heartbeats that a user may send at once, after a pause.
    pub rate_burst: u32,
    /// Networks that are not public, and that webhooks may be sent to all the same, also in clear.
    pub webhook_networks: Vec<Network>,
    /// How long the endpoint of a webhook may take to answer.
    pub webhook_timeout: Duration,
}

/// Tells everything but secrets: a database URL holds a password.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("database_url", &"<secret>")
            .field(
                "listen_database_url",
                &self.listen_database_url.as_ref().map(|_| "<secret>"),
            )
            .field("bind", &self.bind)
            .field("admin_bind", &self.admin_bind)
            .field("admin_hosts", &self.admin_hosts)
            .field("otlp", &self.otlp)
            .field("jwt_secret", &self.jwt_secret.as_ref().map(|_| "<secret>"))
            .field("jwks", &self.jwks)
            .field("jwks_refresh", &self.jwks_refresh)
            .field("jwt_issuer", &self.jwt_issuer)
            .field("jwt_audience", &self.jwt_audience)
            .field("user_claim", &self.user_claim)
            .field("cors_origins", &self.cors_origins)
            .field("heartbeat", &self.heartbeat)
            .field("ttl", &self.ttl)
            .field("typing", &self.typing)
            .field("reap", &self.reap)
            .field("sweep", &self.sweep)
            .field("ping", &self.ping)
            .field("canary", &self.canary)
            .field("merge", &self.merge)
            .field("grace", &self.grace)
            .field("silence_max", &self.silence_max)
            .field("room_detail_max", &self.room_detail_max)
            .field("pool_max", &self.pool_max)
            .field("rate_per_s", &self.rate_per_s)
            .field("rate_burst", &self.rate_burst)
            .field("webhook_networks", &self.webhook_networks)
            .field("webhook_timeout", &self.webhook_timeout)
            .finish()
    }
}

/// Why the settings are refused. No variant carries a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Needed, and given in no way.
    #[error(
        "{flag} is not set: give {flag}, or {variable}, or {variable}_FILE with the path of a file that holds it"
    )]
    NotSet {
        /// The flag.
        flag: &'static str,
        /// The variable.
        variable: &'static str,
    },
    /// The value and a file with the value: nobody can tell which is meant.
    #[error("{variable} and {variable}_FILE are both set: unset one of them")]
    Twice {
        /// The variable.
        variable: &'static str,
    },
    /// The file of a secret cannot be read.
    #[error("{variable}_FILE: cannot read {}", path.display())]
    Unreadable {
        /// The variable.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not to be parsed; the value is a secret and not shown.
    #[error("{variable}: {why}")]
    DatabaseUrl {
        /// The variable.
        variable: &'static str,
        /// What is wrong with it.
        why: connect::OptionError,
    },
    /// Too easy to guess.
    #[error(
        "PRESENCE_JWT_SECRET has {bytes} bytes and needs at least {JWT_SECRET_BYTES_MIN}: \
         try the output of `openssl rand -base64 48`"
    )]
    ShortSecret {
        /// How long it is.
        bytes: usize,
    },
    /// Nobody could call.
    #[error(
        "there is no key to check tokens by: set PRESENCE_JWT_SECRET (or PRESENCE_JWT_SECRET_FILE) to the secret that your \
         application signs them with, or PRESENCE_JWKS_URL to where your provider publishes its keys, or \
         PRESENCE_AUTH_PRESET and PRESENCE_JWT_ISSUER"
    )]
    NoKey,
    /// Two places to read keys from.
    #[error("PRESENCE_JWKS_URL and PRESENCE_JWKS_FILE are both set: unset one of them")]
    TwoKeySources,
    /// The published keys cannot be used.
    #[error("the keys that tokens are checked by cannot be used: {0}")]
    Keys(String),
    /// A preset knows what a provider does, and not whose.
    #[error("the preset {preset} needs PRESENCE_JWT_ISSUER: {meaning}")]
    NoIssuer {
        /// The preset.
        preset: &'static str,
        /// What the issuer is.
        meaning: &'static str,
    },
    /// As a preset takes it, the issuer is where the keys are.
    #[error("with the preset {preset} PRESENCE_JWT_ISSUER is a URL: {why}")]
    IssuerUrl {
        /// The preset.
        preset: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Tokens for any other API of the same tenant would be good here.
    #[error("the preset {preset} needs PRESENCE_JWT_AUDIENCE: {meaning}")]
    NoAudience {
        /// The preset.
        preset: &'static str,
        /// What the audience is.
        meaning: &'static str,
    },
    /// The one combination that is refused.
    #[error(
        "a TTL of {} ms is less than 2.5 heartbeats of {} ms: one lost heartbeat would show people as gone; \
         raise PRESENCE_TTL_MS to {} or more, or lower PRESENCE_HEARTBEAT_MS",
        ttl.as_millis(), heartbeat.as_millis(), (*heartbeat * 5 / 2).as_millis()
    )]
    ShortLease {
        /// How long a heartbeat is good for.
        ttl: Duration,
        /// How often one is sent.
        heartbeat: Duration,
    },
}

impl Error {
    /// Without a key no token is good.
    pub const NO_JWT_SECRET: Self = Self::NotSet {
        flag: "--jwt-secret",
        variable: "PRESENCE_JWT_SECRET",
    };
}

/// Refuses a TTL below 2.5 heartbeats; what is not known yet is checked once the database has said it.
pub fn check_lease(ttl: Option<Duration>, heartbeat: Option<Duration>) -> Result<(), Error> {
    match (ttl, heartbeat) {
        (Some(ttl), Some(heartbeat)) if ttl * 2 < heartbeat * 5 => Err(Error::ShortLease { ttl, heartbeat }),
        _ => Ok(()),
    }
}

/// Whether what goes to a terminal, or to something else, may be coloured: NO_COLOR (<https://no-color.org>) says no.
pub fn is_colour_wanted(is_terminal: bool) -> bool {
    is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Treats variables that are set to nothing as not set, as `docker compose` writes them for `${X:-}`.
pub fn unset_empty(command: clap::Command) -> clap::Command {
    let is_empty = |arg: &clap::Arg| {
        arg.get_env()
            .and_then(std::env::var_os)
            .is_some_and(|value| value.is_empty())
    };
    command
        .mut_args(|arg| {
            if is_empty(&arg) {
                arg.env(None::<&'static str>)
            } else {
                arg
            }
        })
        .mut_subcommands(unset_empty)
}

/// A secret that was given as such or as the path of its file, without the file's last line end.
fn secret(
    variable: &'static str,
    value: Option<&String>,
    file: Option<&PathBuf>,
) -> Result<Option<String>, Error> {
    match (value, file) {
        (Some(_), Some(_)) => Err(Error::Twice { variable }),
        (Some(value), None) => Ok(Some(value.clone())),
        (None, None) => Ok(None),
        (None, Some(path)) => match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned())),
            Err(source) => Err(Error::Unreadable {
                variable,
                path: path.clone(),
                source,
            }),
        },
    }
}

/// Checks a connection string, whose parts must not be shown.
fn connection_string(variable: &'static str, url: String) -> Result<String, Error> {
    match connect::Target::parse(&url, "") {
        Ok(_) => Ok(url),
        Err(why) => Err(Error::DatabaseUrl { variable, why }),
    }
}

#[cfg(test)]
mod tests;

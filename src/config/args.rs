//! The knobs as flags and variables, in groups that commands flatten.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use axum::http::Uri;
use clap::{Args, ValueEnum};

use super::{
    AuthArgs, Error, KeysArgs, Settings, check_lease, connection_string,
    parse::{bind, collector_url, count, host, millis, network, origin},
    secret,
};
use crate::domain::Network;

/// The way to Postgres. `dev` has none of these: it ignores `DATABASE_URL`.
#[derive(Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseArgs {
    /// The database, as postgres://user:password@host:5432/database
    ///
    /// A flag shows in the process list: prefer the variable, or DATABASE_URL_FILE.
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,

    /// A file that holds the database URL
    #[arg(long, value_name = "PATH", env = "DATABASE_URL_FILE")]
    database_url_file: Option<PathBuf>,
}

impl DatabaseArgs {
    /// The URL, wherever it was given.
    pub fn url(&self) -> Result<String, Error> {
        let url = secret(
            "DATABASE_URL",
            self.database_url.as_ref(),
            self.database_url_file.as_ref(),
        )?;
        let url = url.ok_or(Error::NotSet {
            flag: "--database-url",
            variable: "DATABASE_URL",
        })?;
        connection_string("DATABASE_URL", url)
    }
}

/// The listener's own way to Postgres.
#[derive(Args)]
#[command(next_help_heading = "Database")]
pub struct ListenArgs {
    /// The listener's own way to the database, where DATABASE_URL goes through PgBouncer
    ///
    /// LISTEN needs a connection of its own; in PgBouncer's transaction mode it is lost without a word.
    #[arg(
        long,
        value_name = "URL",
        env = "PRESENCE_LISTEN_DATABASE_URL",
        hide_env_values = true
    )]
    listen_database_url: Option<String>,

    /// A file that holds the listener's URL
    #[arg(long, value_name = "PATH", env = "PRESENCE_LISTEN_DATABASE_URL_FILE")]
    listen_database_url_file: Option<PathBuf>,
}

impl ListenArgs {
    /// The URL, where one was given.
    pub fn url(&self) -> Result<Option<String>, Error> {
        let variable = "PRESENCE_LISTEN_DATABASE_URL";
        let url = secret(
            variable,
            self.listen_database_url.as_ref(),
            self.listen_database_url_file.as_ref(),
        )?;
        url.map(|url| connection_string(variable, url)).transpose()
    }
}

/// What `serve` and `dev` have in common.
#[derive(Args)]
pub struct ServiceArgs {
    /// Address and port to serve HTTP on [default: 0.0.0.0:8080 for serve, 127.0.0.1:8080 for dev]
    #[arg(long, value_name = "ADDRESS", env = "PRESENCE_BIND", value_parser = bind, help_heading = "HTTP")]
    pub bind: Option<SocketAddr>,

    /// Address and port to serve operators on: their page, health and metrics, which are not served elsewhere then [default: off
    /// for serve, 127.0.0.1:8190 for dev]
    #[arg(long, value_name = "ADDRESS", env = "PRESENCE_ADMIN_BIND", value_parser = bind, help_heading = "HTTP")]
    admin_bind: Option<SocketAddr>,

    /// Public names by which operators may ask for metrics and the admin address, with commas between them [default: none]
    ///
    /// Addresses and names of the own network (without a dot, or below local, internal, svc, lan, home.arpa) are always good.
    /// Any other name may be a stranger's, pointed at this machine to read it from a browser inside the network.
    #[arg(long, value_name = "NAMES", env = "PRESENCE_ADMIN_HOSTS", value_delimiter = ',', value_parser = host,
          help_heading = "HTTP")]
    admin_hosts: Vec<String>,

    /// Origins whose pages may call, with commas between them [default: none but the service's own]
    #[arg(long, value_name = "ORIGINS", env = "PRESENCE_CORS_ORIGINS", value_delimiter = ',', value_parser = origin,
          help_heading = "HTTP")]
    cors_origins: Vec<String>,

    /// Where to send spans of requests, batches and reads by OTLP over HTTP, such as http://localhost:4318 [default: nowhere]
    ///
    /// OTEL_EXPORTER_OTLP_ENDPOINT does the same. OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER and OTEL_SERVICE_NAME are
    /// read as everywhere.
    #[arg(long, value_name = "URL", env = "PRESENCE_OTLP_ENDPOINT", value_parser = collector_url, help_heading = "HTTP")]
    otlp_endpoint: Option<Uri>,

    /// The variable that other services have for it
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_parser = collector_url, hide = true)]
    otel_exporter_otlp_endpoint: Option<Uri>,

    /// Whose tokens are good.
    #[command(flatten)]
    pub auth: AuthArgs,

    /// Where their keys are read from.
    #[command(flatten)]
    pub keys: KeysArgs,

    #[command(flatten)]
    lease: LeaseArgs,

    #[command(flatten)]
    stream: StreamArgs,

    #[command(flatten)]
    limit: LimitArgs,

    #[command(flatten)]
    webhook: WebhookArgs,
}

#[derive(Args)]
#[command(next_help_heading = "Leases")]
struct LeaseArgs {
    /// How often clients are told to send a heartbeat, in ms, 100 to 600000 [default: as the database says, 25000]
    ///
    /// Given here, it is written to the database before this node is ready, and holds for all nodes.
    #[arg(long, value_name = "MS", env = "PRESENCE_HEARTBEAT_MS", value_parser = millis(100, 600_000))]
    heartbeat_ms: Option<Duration>,

    /// How long a heartbeat is good for, in ms, 500 to 3600000 [default: as the database says, 75000]
    ///
    /// At least 2.5 heartbeats: fewer are refused. Browsers wake hidden tabs once a minute, so that less than 75 s
    /// shows people in other tabs as gone. Given here, it is written to the database and holds for all nodes.
    #[arg(long, value_name = "MS", env = "PRESENCE_TTL_MS", value_parser = millis(500, 3_600_000))]
    ttl_ms: Option<Duration>,

    /// How long one sign of typing lasts, in ms, 500 to 60000 [default: as the database says, 6000]
    ///
    /// Given here, it is written to the database and holds for all nodes.
    #[arg(long, value_name = "MS", env = "PRESENCE_TYPING_MS", value_parser = millis(500, 60_000))]
    typing_ms: Option<Duration>,

    /// How often expired leases are ended, in ms, 50 to 60000
    #[arg(long, value_name = "MS", env = "PRESENCE_REAP_MS", default_value = "1000", value_parser = millis(50, 60_000))]
    reap_ms: Duration,
}

#[derive(Args)]
#[command(next_help_heading = "Streams")]
struct StreamArgs {
    /// How often open streams are checked against what their users may see, in ms, 200 to 300000
    #[arg(long, value_name = "MS", env = "PRESENCE_SWEEP_MS", default_value = "5000", value_parser = millis(200, 300_000))]
    sweep_ms: Duration,

    /// How often a stream says `ping`, in ms, 1000 to 60000
    #[arg(long, value_name = "MS", env = "PRESENCE_PING_MS", default_value = "15000", value_parser = millis(1000, 60_000))]
    ping_ms: Duration,

    /// How often the listener is sent a NOTIFY that must come back, in ms, 100 to 60000
    #[arg(long, value_name = "MS", env = "PRESENCE_CANARY_MS", default_value = "5000", value_parser = millis(100, 60_000))]
    canary_ms: Duration,

    /// A room's first change goes out at once, further ones are merged for so long, in ms, 0 to 5000
    #[arg(long, value_name = "MS", env = "PRESENCE_MERGE_MS", default_value = "100", value_parser = millis(0, 5000))]
    merge_ms: Duration,

    /// How long a session stays after the stream that held it has closed, in ms, 0 to 300000
    ///
    /// Whoever reloads a page is back by then and was never away. More than the TTL counts as the TTL.
    #[arg(long, value_name = "MS", env = "PRESENCE_GRACE_MS", default_value = "5000", value_parser = millis(0, 300_000))]
    grace_ms: Duration,

    /// How long a stream renews the sessions of a client that sends no heartbeat, in ms, 1000 to 3600000
    ///
    /// Clients with a stream are told to send one every two fifths of this: a socket alone proves nothing, since it stays
    /// open in a browser's cache of pages and behind many a proxy.
    #[arg(long, value_name = "MS", env = "PRESENCE_SILENCE_MAX_MS", default_value = "150000", value_parser = millis(1000, 3_600_000))]
    silence_max_ms: Duration,

    /// Members of a room above which streams tell the number alone, 1 to 100000; fewer than four fifths of it: all again
    #[arg(long, value_name = "MEMBERS", env = "PRESENCE_ROOM_DETAIL_MAX", default_value = "500", value_parser = count(1, 100_000))]
    room_detail_max: usize,
}

#[derive(Args)]
#[command(next_help_heading = "Limits")]
struct LimitArgs {
    /// Connections to the database, 1 to 200; the listener has one more
    #[arg(long, value_name = "CONNECTIONS", env = "PRESENCE_POOL_MAX", default_value = "10", value_parser = count(1, 200))]
    pool_max: usize,
    /// Heartbeats a second that a user may send on and on, on each node, 0 to 10000; 0: no limit
    #[arg(long, value_name = "HEARTBEATS", env = "PRESENCE_RATE_PER_S", default_value = "5", value_parser = count(0, 10_000))]
    rate_per_s: usize,
    /// Heartbeats that a user may send at once, after a pause, 1 to 100000
    #[arg(long, value_name = "HEARTBEATS", env = "PRESENCE_RATE_BURST", default_value = "50", value_parser = count(1, 100_000))]
    rate_burst: usize,
}

#[derive(Args)]
#[command(next_help_heading = "Webhooks")]
struct WebhookArgs {
    /// Networks that webhooks may be sent to though they are not public, as 10.1.0.0/16, with commas between them [default: none]
    ///
    /// Whoever may add a webhook chooses where this service sends requests to: loopback, private, link-local and the like
    /// are refused, by the address that is connected to. Within these networks http is good as well; elsewhere only https.
    #[arg(long, value_name = "NETWORKS", env = "PRESENCE_WEBHOOK_NETWORKS", value_delimiter = ',', value_parser = network)]
    webhook_networks: Vec<Network>,

    /// How long the endpoint of a webhook may take to answer, in ms, 1000 to 30000
    #[arg(long, value_name = "MS", env = "PRESENCE_WEBHOOK_TIMEOUT_MS", default_value = "15000", value_parser = millis(1000, 30_000))]
    webhook_timeout_ms: Duration,
}

impl ServiceArgs {
    /// All that [`ServiceArgs::settings`] would refuse, and a service without any key.
    pub fn errors(&self) -> Vec<Error> {
        let rules = self.auth.rules();
        let preset = rules.as_ref().ok().and_then(|rules| rules.jwks_url.clone());
        let has_rules = rules.is_ok();
        let (secret, keys) = (self.auth.secret(), self.keys.source(preset));
        let has_no_key = has_rules && matches!((&secret, &keys), (Ok(None), Ok(None)));
        let lease = check_lease(self.lease.ttl_ms, self.lease.heartbeat_ms);
        [rules.err(), secret.err(), keys.err(), lease.err()]
            .into_iter()
            .flatten()
            .chain(has_no_key.then_some(Error::NoKey))
            .collect()
    }

    /// Checks what belongs together. `default_bind` is the command's own.
    pub fn settings(
        &self,
        database_url: String,
        listen_database_url: Option<String>,
        default_bind: &str,
    ) -> Result<Settings, Error> {
        check_lease(self.lease.ttl_ms, self.lease.heartbeat_ms)?;
        let rules = self.auth.rules()?;
        Ok(Settings {
            database_url: connection_string("DATABASE_URL", database_url)?,
            listen_database_url,
            bind: self
                .bind
                .unwrap_or_else(|| default_bind.parse().expect("the default is an address of ours")),
            admin_bind: self.admin_bind,
            admin_hosts: self.admin_hosts.clone(),
            otlp: self
                .otlp_endpoint
                .clone()
                .or_else(|| self.otel_exporter_otlp_endpoint.clone()),
            jwt_secret: self.auth.secret()?,
            jwks: self.keys.source(rules.jwks_url)?,
            jwks_refresh: self.keys.jwks_refresh_ms,
            jwt_issuer: rules.issuer,
            jwt_audience: rules.audience,
            user_claim: rules.user_claim,
            cors_origins: self.cors_origins.clone(),
            heartbeat: self.lease.heartbeat_ms,
            ttl: self.lease.ttl_ms,
            typing: self.lease.typing_ms,
            reap: self.lease.reap_ms,
            sweep: self.stream.sweep_ms,
            ping: self.stream.ping_ms,
            canary: self.stream.canary_ms,
            merge: self.stream.merge_ms,
            grace: self.stream.grace_ms,
            silence_max: self.stream.silence_max_ms,
            room_detail_max: i32::try_from(self.stream.room_detail_max).unwrap_or(i32::MAX),
            pool_max: self.limit.pool_max,
            rate_per_s: u32::try_from(self.limit.rate_per_s).unwrap_or(u32::MAX),
            rate_burst: u32::try_from(self.limit.rate_burst).unwrap_or(u32::MAX),
            webhook_networks: self.webhook.webhook_networks.clone(),
            webhook_timeout: self.webhook.webhook_timeout_ms,
        })
    }
}

/// What is logged, and how. Logs go to standard error.
#[derive(Args, Clone)]
#[command(next_help_heading = "Logging")]
pub struct LogArgs {
    /// What to log: error, warn, info, debug, trace, or a filter such as `pg_presence=debug,warn`
    ///
    /// [default: info for serve, warn for the others]
    #[arg(long, value_name = "FILTER", env = "RUST_LOG", global = true)]
    pub log_level: Option<String>,

    /// How to log: lines for people, or one JSON object a line
    #[arg(
        long,
        value_name = "FORMAT",
        env = "PRESENCE_LOG_FORMAT",
        default_value = "text",
        global = true
    )]
    pub log_format: LogFormat,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

//! The one way to Postgres that pool, listener and every command share: hosts in turn, TLS as libpq means it, words for
//! what goes wrong.
//!
//! A connection string is a URL or libpq's `key=value`; what it does not say of TLS is taken from `PGSSLMODE` and the
//! like (`options`). Files of certificates are read at each connect, so that a certificate may be renewed under a
//! running node. Nothing is asked of Postgres here, and no secret is ever in an error.
//!
//! # Failure
//! Each host gets its own time, so that one which accepts and says nothing does not keep the next one from being tried.
//! What failed is told in one sentence with what would mend it (`explain`).

mod explain;
mod options;
mod tls;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::{
    Client, Socket,
    config::{Host, LoadBalanceHosts, SslMode},
    error::SqlState,
};

pub use options::Error as OptionError;
use tls::{Maker, Mode, Wish};

/// How long one host may take, where neither the connection string nor `PGCONNECT_TIMEOUT` says it.
const HOST_MAX: Duration = Duration::from_secs(2);

/// What drives a client, encrypted or not.
pub type Connection = tokio_postgres::Connection<Socket, tls::Stream>;

/// Where to connect, and how.
#[derive(Clone)]
pub struct Target {
    /// Of one host each, in the order in which they are tried.
    hosts: Vec<tokio_postgres::Config>,
    is_shuffled: bool,
    host_max: Option<Duration>,
    default_host_max: Duration,
    tls: Wish,
}

/// A connection that stands.
pub struct Link {
    /// To call.
    pub client: Client,
    /// To be driven; it ends with the client.
    pub connection: Connection,
    /// Whether what is sent is encrypted.
    pub is_encrypted: bool,
    /// Whom it was made sure to be encrypted with.
    pub trust: Trust,
}

/// What is known of who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Nothing.
    Nobody,
    /// Somebody whose certificate was signed by an authority that is trusted.
    Authority,
    /// The host that was named.
    Host,
}

/// Why there is no connection, and what would mend it. Holds no secret.
#[derive(Debug, thiserror::Error)]
#[error("{words}")]
pub struct Error {
    words: String,
    code: Option<SqlState>,
}

impl Error {
    /// What Postgres refused with, where it was Postgres that did.
    pub fn code(&self) -> Option<&SqlState> {
        self.code.as_ref()
    }
}

/// Shows nothing: a password is among it.
impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target")
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

impl Target {
    /// Reads a connection string, and the environment for what it does not say. `name`: what Postgres shows of it.
    pub fn parse(text: &str, name: &str) -> Result<Self, OptionError> {
        Self::parse_with(text, name, |variable| std::env::var(variable).ok())
    }

    fn parse_with(
        text: &str,
        name: &str,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, OptionError> {
        let (mut config, wish) = options::read(text, environment)?;
        let host_max = config.get_connect_timeout().copied();
        config
            .application_name(name)
            .keepalives(true)
            .keepalives_idle(Duration::from_secs(15))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3)
            .tcp_user_timeout(Duration::from_secs(20));
        Ok(Self {
            hosts: options::split(&config)?,
            is_shuffled: config.get_load_balance_hosts() == LoadBalanceHosts::Random,
            host_max,
            default_host_max: HOST_MAX,
            tls: wish,
        })
    }

    /// The time for each host, unless the connection string says another.
    pub fn within(mut self, host_max: Duration) -> Self {
        self.default_host_max = host_max;
        self
    }

    /// Reads the files of certificates, as connecting would; what is wrong with them, in words.
    pub fn check_files(&self) -> Result<(), String> {
        match self.tls.mode {
            Mode::Disable => Ok(()),
            _ => self.tls.config().map(|_| ()).map_err(|why| why.to_string()),
        }
    }

    /// How long all hosts together may take.
    pub fn patience(&self) -> Duration {
        let hosts = u32::try_from(self.hosts.len()).unwrap_or(u32::MAX);
        self.host_max() * hosts
    }

    fn host_max(&self) -> Duration {
        self.host_max.unwrap_or(self.default_host_max)
    }

    /// Connects to the first host that answers and may be written to.
    pub async fn connect(&self) -> Result<Link, Error> {
        let mut failures = vec![];
        for host in self.in_turn() {
            match timeout(self.host_max(), self.attempt(host)).await {
                Ok(Ok(link)) => return Ok(link),
                Ok(Err(error)) => failures.push(explain::failure(host, &self.tls, &error)),
                Err(_) => failures.push(explain::silence(host, self.host_max())),
            }
        }
        Err(explain::all(failures))
    }

    /// As [`Target::connect`], driven by a task of its own which ends with the client.
    pub async fn client(&self) -> Result<(Client, JoinHandle<()>), Error> {
        let link = self.connect().await?;
        Ok((link.client, drive(link.connection)))
    }

    /// For the pool, which wants the driver's own error and bounds the last host's time itself.
    async fn pooled(&self) -> Result<(Client, JoinHandle<()>), tokio_postgres::Error> {
        let hosts = self.in_turn();
        let (last, others) = hosts.split_last().expect("what names no host is refused");
        for host in others {
            if let Ok(Ok(link)) = timeout(self.host_max(), self.attempt(host)).await {
                return Ok((link.client, drive(link.connection)));
            }
        }
        let link = self.attempt(last).await?;
        Ok((link.client, drive(link.connection)))
    }

    fn in_turn(&self) -> Vec<&tokio_postgres::Config> {
        let mut hosts: Vec<_> = self.hosts.iter().collect();
        if self.is_shuffled {
            hosts.sort_by_cached_key(|_| uuid::Uuid::new_v4());
        }
        hosts
    }

    /// One host, with what its mode falls back to.
    async fn attempt(&self, host: &tokio_postgres::Config) -> Result<Link, tokio_postgres::Error> {
        let is_socket = matches!(host.get_hosts().first(), Some(Host::Unix(_)));
        match self.tls.mode {
            _ if is_socket => self
                .once(host, SslMode::Disable)
                .await
                .map_err(|(error, _)| error),
            Mode::Disable => self
                .once(host, SslMode::Disable)
                .await
                .map_err(|(error, _)| error),
            Mode::Allow => match self.once(host, SslMode::Disable).await {
                // "no pg_hba.conf entry for host ..., no encryption"
                Err((error, _)) if error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => {
                    self.once(host, SslMode::Require)
                        .await
                        .map_err(|(error, _)| error)
                }
                done => done.map_err(|(error, _)| error),
            },
            Mode::Prefer => match self.once(host, SslMode::Prefer).await {
                Err((error, true)) if may_be_of_tls(&error) => {
                    // The first error is the telling one, where without TLS it does not work either.
                    self.once(host, SslMode::Disable).await.map_err(|_| error)
                }
                done => done.map_err(|(error, _)| error),
            },
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => self
                .once(host, SslMode::Require)
                .await
                .map_err(|(error, _)| error),
        }
    }

    /// One try; an error comes with whether TLS had begun.
    async fn once(
        &self,
        host: &tokio_postgres::Config,
        mode: SslMode,
    ) -> Result<Link, (tokio_postgres::Error, bool)> {
        let mut config = host.clone();
        config.ssl_mode(mode);
        let has_begun = Arc::new(AtomicBool::new(false));
        let maker = match mode {
            SslMode::Disable => Maker::off(),
            _ => Maker::new(&self.tls, has_begun.clone()),
        };
        match config.connect(maker).await {
            Ok((client, connection)) => Ok(Link {
                client,
                connection,
                is_encrypted: has_begun.load(Ordering::Relaxed),
                trust: self.tls.trust(),
            }),
            Err(error) => Err((error, has_begun.load(Ordering::Relaxed))),
        }
    }
}

/// With `prefer`, whether the same without TLS may work: the handshake failed, or the server admits this login without TLS
/// alone.
fn may_be_of_tls(error: &tokio_postgres::Error) -> bool {
    error
        .code()
        .is_none_or(|code| *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
}

/// What a connection fails of, the client's next call reports.
fn drive(connection: Connection) -> JoinHandle<()> {
    tokio::spawn(async move { drop(connection.await) })
}

/// For the pool.
impl deadpool_postgres::Connect for Target {
    fn connect(&self, _: &tokio_postgres::Config) -> Connecting<'_> {
        Box::pin(self.pooled())
    }
}

type Connecting<'a> = std::pin::Pin<
    Box<dyn Future<Output = Result<(Client, JoinHandle<()>), tokio_postgres::Error>> + Send + 'a>,
>;

#[cfg(test)]
mod tests;

//! The Postgres that `dev` and the tests start: found, fetched or borrowed from Docker, and stopped with us.
//!
//! Owns: which server is run, as whom, with which data, and that it ends when this process does. In order:
//!
//! 1. `find`: server binaries of an installed Postgres, 15 or newer;
//! 2. `fetch` (a cargo feature): binaries from their maintainers' releases, kept beside the data;
//! 3. `docker`: a container, where the engine answers;
//! 4. else [`Error::NoPostgres`], one sentence that says what to install, within [`NOTHING_MAX`].
//!
//! Invariants:
//! - The server never runs as root: it refuses to. As root we start it as `postgres`, else as `nobody` (`account`).
//! - It listens on 127.0.0.1 alone, wants a password (random, kept beside the data, mode 0600), has no Unix socket.
//! - One process at a time has a data directory, told by a lock which ends with that process (`home`).
//! - No server outlives us, not even after SIGKILL: a watchdog holds the other end of a pipe (`watchdog`).
//! - No settings of the program are read here. What is read of the environment (PATH, HOME, XDG_DATA_HOME) says where
//!   this machine keeps things, and [`Places`] is the one reader of it.
//!
//! It does not migrate, load data or reconnect.
//!
//! # Failure
//! If the server ends by itself, [`Embedded::ended`] returns with the end of its log; nothing restarts it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::{Instant, sleep};

mod account;
mod docker;
#[cfg(feature = "fetch")]
mod fetch;
mod find;
mod home;
mod launch;
mod watchdog;

pub use find::Places;

/// The oldest major version whose SQL the migrations use.
pub const MAJOR_MIN: u32 = 15;

/// Within this it is said that no Postgres can be had; fetching and Docker share it until one of them has answered.
pub const NOTHING_MAX: Duration = Duration::from_secs(10);

/// A server which needs longer to accept its first connection (crash recovery included) counts as failed.
const READY_MAX: Duration = Duration::from_secs(60);

/// The superuser of a server that we made.
const SUPERUSER: &str = "postgres";

/// What kind of server is wanted; the default is what `dev` starts.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of `initdb` and `postgres`: these and no others, nothing is searched, fetched or borrowed.
    pub bin_dir: Option<PathBuf>,
    /// Where the data lives, in a folder for each major version: empty, or one of ours. As root
    /// `/var/lib/pg-presence`, otherwise `$XDG_DATA_HOME/pg-presence`.
    pub data_dir: Option<PathBuf>,
    /// The port on 127.0.0.1; otherwise a free one.
    pub port: Option<u16>,
    /// Further settings (`-c name=value`) of the server, for this start.
    pub settings: Vec<(String, String)>,
    /// Have the whole data directory removed when the server is dropped or ends with this process; after
    /// [`Embedded::stop`] that is the caller's. For tests.
    pub remove_data: bool,
    /// Fetch binaries where none are found, or run a container; otherwise only search.
    pub go_out: bool,
    /// Where this machine keeps things.
    pub places: Places,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bin_dir: None,
            data_dir: None,
            port: None,
            settings: Vec::new(),
            remove_data: false,
            go_out: true,
            places: Places::of_this_machine(),
        }
    }
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing to run, and nothing to be had.
    #[error(
        "no Postgres {MAJOR_MIN} or newer is installed here{found}, {fetch} and {docker}: install one with \
         `sudo apt-get install postgresql`, `sudo dnf install postgresql-server` or `brew install postgresql@18`, \
         or name a database with --database-url"
    )]
    NoPostgres {
        /// What was found and is of no use, in brackets; or nothing.
        found: String,
        /// How fetching ended.
        fetch: String,
        /// How Docker answered.
        docker: String,
    },
    /// The folder that was named, or one that was fetched, has no server for us.
    #[error("the Postgres in {} is of no use: {reason}", bin_dir.display())]
    Unusable {
        /// The folder.
        bin_dir: PathBuf,
        /// Why.
        reason: String,
    },
    /// Root, on a machine without an unprivileged account.
    #[error("Postgres refuses to run as root, and there is no user `postgres` or `nobody` to run it as")]
    NoAccount,
    /// Neither `--data-dir` nor a home directory.
    #[error("there is no home directory to keep data in: choose a data directory")]
    NoHome,
    /// A directory above is closed to the user that Postgres runs as.
    #[error("{} cannot be reached by the user `{account}`, as whom Postgres runs: choose another place", path.display())]
    Unreachable {
        /// What cannot be reached.
        path: PathBuf,
        /// Who.
        account: String,
    },
    /// Somebody else's files.
    #[error("{} holds files which are not ours ({example}): choose an empty data directory", dir.display())]
    Foreign {
        /// The directory.
        dir: PathBuf,
        /// One of them.
        example: String,
    },
    /// Another live process has the directory.
    #[error("{} is in use by another pg-presence{holder}: stop it, or choose another data directory", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
        /// Its process, in brackets; or nothing.
        holder: String,
    },
    /// A server of an earlier run (or started by hand) still runs on the directory.
    #[error("a Postgres left over from an earlier run still uses {}: stop it with `kill -INT {pid}`", dir.display())]
    LeftOver {
        /// The directory.
        dir: PathBuf,
        /// The server's process.
        pid: i32,
    },
    /// Data without their password.
    #[error("the password of the data in {} is lost: remove that directory to begin anew", dir.display())]
    PasswordLost {
        /// The directory.
        dir: PathBuf,
    },
    /// `initdb` did not like something.
    #[error("initdb failed: {0}")]
    Initdb(String),
    /// The server did not come up, or not in time.
    #[error("Postgres did not start ({reason}); the end of {log}:\n{tail}")]
    NotStarted {
        /// Exit status, or the time-out.
        reason: String,
        /// Where the whole log is.
        log: String,
        /// Its last lines.
        tail: String,
    },
    /// The file system or the process table said no.
    #[error("cannot {doing}")]
    Io {
        /// What was tried.
        doing: String,
        /// What was answered.
        source: std::io::Error,
    },
}

/// This module's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Names what was tried, for [`Error::Io`].
trait Doing<T> {
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Doing<T> for std::io::Result<T> {
    fn doing(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::Io {
            doing: doing(),
            source,
        })
    }
}

/// A running server, stopped by [`stop`](Self::stop), by being dropped, or by the end of this process.
#[derive(Debug)]
pub struct Embedded {
    server: launch::Server,
    port: u16,
    password: String,
    version: String,
    origin: String,
}

impl Embedded {
    /// Starts a server and returns once it has answered a query.
    pub async fn start(options: Options) -> Result<Self> {
        let deadline = Instant::now() + NOTHING_MAX;
        let mut embedded = match find::search(&options).await? {
            find::Search::Found(binaries) => launch::start(binaries, &options).await?,
            find::Search::Nothing(found) if !options.go_out => {
                return Err(Error::NoPostgres {
                    found,
                    fetch: "nothing was fetched".to_owned(),
                    docker: "Docker was not asked".to_owned(),
                });
            }
            find::Search::Nothing(found) => go_out(&options, found, deadline).await?,
        };
        embedded.version = embedded.first_answer().await?;
        Ok(embedded)
    }

    /// A superuser's URL of a database on this server, which need not exist.
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgres://{SUPERUSER}:{}@127.0.0.1:{}/{database}",
            self.password, self.port
        )
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What runs, for people: `Postgres 15.14 from /usr/lib/postgresql/15/bin`.
    pub fn describe(&self) -> String {
        format!("Postgres {} from {}", self.version, self.origin)
    }

    /// The folder of this server's password, log and (but for a container) data.
    pub fn home(&self) -> &Path {
        self.server.home().dir()
    }

    /// The server's process; none for a container.
    pub fn pid(&self) -> Option<u32> {
        (!self.server.is_container).then(|| self.server.pid())
    }

    /// Returns when the server has ended without being asked to, with what it said last.
    pub async fn ended(&mut self) -> String {
        loop {
            match self.server.ended() {
                Some(reason) => return reason,
                None => sleep(Duration::from_millis(250)).await,
            }
        }
    }

    /// Fast shutdown (running transactions are rolled back), and waits for its end; harder after 10 s.
    pub async fn stop(self) {
        launch::blocking(move || self.server.stop()).await;
    }

    /// Connects, retrying while a container comes up, and asks the server for its version.
    async fn first_answer(&mut self) -> Result<String> {
        let deadline = Instant::now() + READY_MAX;
        loop {
            let refused = match version(&self.url("postgres")).await {
                Ok(version) => return Ok(version),
                Err(error) => error,
            };
            // Only a container may still be on its way: a local server has said that it is ready.
            let may_wait = self.server.is_container && refused.code().is_none() && Instant::now() < deadline;
            let ended = self.server.ended();
            if let Some(reason) = ended.or_else(|| (!may_wait).then(|| words(&refused))) {
                let home = self.server.home();
                return Err(Error::NotStarted {
                    reason,
                    log: home.log().display().to_string(),
                    tail: home.log_tail(),
                });
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The folder of the installed server binaries that would be run, if there are any.
pub async fn installed(options: &Options) -> Result<Option<PathBuf>> {
    match find::search(options).await? {
        find::Search::Found(binaries) => Ok(Some(binaries.bin_dir)),
        find::Search::Nothing(_) => Ok(None),
    }
}

/// Nothing is installed: fetches binaries, else runs a container.
async fn go_out(options: &Options, found: String, deadline: Instant) -> Result<Embedded> {
    #[cfg(feature = "fetch")]
    let fetch = match fetch::binaries(options, deadline).await? {
        Ok(binaries) => return launch::start(binaries, options).await,
        Err(reason) => format!("fetching one from github.com failed ({reason})"),
    };
    #[cfg(not(feature = "fetch"))]
    let fetch = "this build fetches none".to_owned();

    match docker::start(options, deadline).await? {
        Ok(embedded) => Ok(embedded),
        Err(docker) => Err(Error::NoPostgres { found, fetch, docker }),
    }
}

async fn version(url: &str) -> Result<String, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    let connection = tokio::spawn(connection);
    let version = client
        .query_one("show server_version", &[])
        .await
        .map(|row| row.get::<_, String>(0));
    drop(client);
    // The connection has only its goodbye left to say; how that ends is of no interest.
    drop(connection.await);
    Ok(version?.split_whitespace().next().unwrap_or_default().to_owned())
}

/// An error with its causes, in one line.
fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut words: Vec<String> = causes.map(ToString::to_string).collect();
    words.dedup();
    words.join(": ")
}

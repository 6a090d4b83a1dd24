//! A Postgres of our own that may be killed: made, started, crashed, started again.
//!
//! As root it runs as `postgres` or `nobody`, since a server refuses root.

use std::{
    fs::File,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use nix::{
    sys::signal::Signal,
    unistd::{User, geteuid},
};
use tokio::time::{Instant, sleep};
use tokio_postgres::{Client, NoTls};

use crate::process::{Watchdog, children, signal, tail};

/// The database that everything happens in.
pub const DATABASE: &str = "soak";
/// The nodes' login for their pool.
pub const SERVICE: &str = "soak_node";
/// The nodes' login for their listener, so that the two can be told apart.
pub const EAR: &str = "soak_ear";
/// A trusted backend's login.
pub const BACKEND: &str = "soak_backend";

/// The longest start: recovery after a crash, on a machine that is busy.
const START_MAX: Duration = Duration::from_secs(60);

/// A cluster.
pub struct Cluster {
    /// Where it listens.
    pub port: u16,
    bin: PathBuf,
    dir: PathBuf,
    account: Option<(u32, u32)>,
    settings: &'static [&'static str],
    watchdog: Arc<Watchdog>,
    /// Guards the postmaster, which is away between a kill and a start.
    postmaster: Mutex<Option<Child>>,
}

/// What is played with: many crashes, little data, and a log that tells who held up whom.
pub const FOR_PLAY: &[&str] = &[
    "fsync=off",
    "max_connections=100",
    "shared_buffers=64MB",
    "log_line_prefix=%m [%p] %q%u %e ",
    "log_lock_waits=on",
    "deadlock_timeout=100ms", // well before anybody's own lock_timeout, so that it is seen for what it is
];

impl Cluster {
    /// Makes one in this directory, with these settings, and starts it.
    pub async fn make(
        dir: &Path,
        bin: Option<PathBuf>,
        settings: &'static [&'static str],
        watchdog: Arc<Watchdog>,
    ) -> Result<Self> {
        let bin = bin.map_or_else(find_binaries, Ok)?;
        let account = account()?;
        let cluster = Self {
            port: free_port()?,
            bin,
            dir: dir.to_owned(),
            account,
            settings,
            watchdog,
            postmaster: Mutex::new(None),
        };
        std::fs::create_dir_all(cluster.data())?;
        if let Some((uid, gid)) = account {
            chown(cluster.data(), Some(uid), Some(gid))?;
        }
        let made = cluster
            .command("initdb")
            .args([
                "--auth=trust",
                "--username=postgres",
                "--encoding=UTF8",
                "--locale=C",
                "-D",
            ])
            .arg(cluster.data())
            .output()
            .context("initdb")?;
        ensure!(
            made.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        cluster.start().await?;
        Ok(cluster)
    }

    /// The postmaster's process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.lock().as_ref().map(Child::id)
    }

    /// Where the programs of this Postgres are.
    pub fn programs(&self) -> &Path {
        &self.bin
    }

    /// Where its log is.
    pub fn log(&self) -> PathBuf {
        self.dir.join("postgres.log")
    }

    /// A URL of a login, by a port that may be a proxy's.
    pub fn url(login: &str, port: u16) -> String {
        format!("postgres://{login}@127.0.0.1:{port}/{DATABASE}")
    }

    /// A connection past all proxies, as this login.
    pub async fn connect(&self, login: &str, database: &str) -> Result<Client> {
        let url = format!(
            "postgres://{login}@127.0.0.1:{}/{database}?connect_timeout=3",
            self.port
        );
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Starts it; it may have crashed, and then recovers. Its old backends may take a moment to go.
    pub async fn start(&self) -> Result<()> {
        let deadline = Instant::now() + START_MAX;
        loop {
            let log = File::options().create(true).append(true).open(self.log())?;
            let mut command = self.command("postgres");
            command
                .arg("-D")
                .arg(self.data())
                .args(["-p", &self.port.to_string()]);
            for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories="]
                .iter()
                .chain(self.settings)
            {
                command.args(["-c", setting]);
            }
            command.stdout(log.try_clone()?).stderr(log).process_group(0);
            let mut child = command.spawn().context("postgres")?;
            self.watchdog.watch(child.id());
            let ended = loop {
                if self.connect("postgres", "postgres").await.is_ok() {
                    *self.lock() = Some(child);
                    return Ok(());
                }
                if let Some(status) = child.try_wait()? {
                    break status;
                }
                ensure!(
                    Instant::now() < deadline,
                    "Postgres does not answer: {}",
                    tail(&self.log(), 20)
                );
                sleep(Duration::from_millis(30)).await;
            };
            self.watchdog.forget(child.id());
            if Instant::now() > deadline {
                bail!("Postgres ended with {ended}: {}", tail(&self.log(), 20));
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Ends the postmaster: SIGINT cleanly, SIGKILL as a crash. Returns when it is gone, and its backends with it.
    pub async fn end(&self, how: Signal) {
        let Some(mut child) = self.lock().take() else {
            return;
        };
        let backends = children(child.id());
        signal(child.id(), how);
        while !matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
            sleep(Duration::from_millis(10)).await;
        }
        self.watchdog.forget(child.id());
        if how == Signal::SIGKILL {
            for backend in backends {
                signal(backend, Signal::SIGKILL); // orphans that wait for a lock notice late that nobody is left
            }
        }
    }

    /// A command of the server's account, with nothing of our environment.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command
            .env_clear()
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::null());
        if let Some((uid, gid)) = self.account {
            command.uid(uid).gid(gid);
        }
        command
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.postmaster.lock().expect("nobody panics with it")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut child) = self.lock().take() {
            signal(child.id(), Signal::SIGQUIT);
            let _ = child.wait();
            self.watchdog.forget(child.id());
        }
    }
}

/// A port that is free at this moment.
pub fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Who runs a server where we are root.
fn account() -> Result<Option<(u32, u32)>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let user = ["postgres", "nobody"]
        .iter()
        .find_map(|name| User::from_name(name).ok().flatten());
    let user = user.context("neither `postgres` nor `nobody` is an account here")?;
    Ok(Some((user.uid.as_raw(), user.gid.as_raw())))
}

/// The newest server that is installed where packages put it, else that of the path.
fn find_binaries() -> Result<PathBuf> {
    if let Some(dir) = std::env::var_os("PRESENCE_TEST_PG_BIN") {
        return Ok(dir.into());
    }
    let installed = (15..=18)
        .rev()
        .map(|major| PathBuf::from(format!("/usr/lib/postgresql/{major}/bin")));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let candidates: Vec<PathBuf> = installed.chain(std::env::split_paths(&path)).collect();
    candidates
        .into_iter()
        .find(|dir| dir.join("initdb").is_file() && dir.join("postgres").is_file())
        .context("no server binaries of Postgres: install them, or name their folder by --pg-bin")
}
